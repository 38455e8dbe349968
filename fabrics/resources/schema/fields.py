"""The schema types that the schemas of all kinds share."""

from fabrics.resources import spellings
from fabrics.resources.schema.types import AtomicList, Scalar, Set, Struct

SCALAR = Scalar()
KEEP_EMPTY_SCALAR = Scalar(keep_empty=True)
HYDRATED = Scalar(hydrated=True)
PORT = Scalar(canonicalize=spellings.canonicalize_port)
SPEED = Scalar(canonicalize=spellings.canonicalize_speed)
DURATION = Scalar(canonicalize=spellings.canonicalize_duration)
STRING_LIST = AtomicList(SCALAR)
STRING_SET = Set(SCALAR)


# Releases after 26.03 fill in `topology`. Each part is compared only where Git states it.
FABRIC = {"topology": Struct({"fabric": HYDRATED})}
FABRIC_AND_DOMAIN = {"topology": Struct({"fabric": HYDRATED, "domain": HYDRATED})}
FABRIC_AND_DOMAINS = {
    "topology": Struct({"fabric": HYDRATED, "domains": Set(SCALAR, hydrated=True)})
}
