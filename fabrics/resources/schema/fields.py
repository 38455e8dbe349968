"""The rows that the tables of all kinds are made of."""

from collections.abc import Mapping

from fabrics.resources import canonical
from fabrics.resources.schema.types import AtomicList, Scalar, SchemaType, Set, Struct

SCALAR = Scalar()
KEEP_EMPTY_SCALAR = Scalar(keep_empty=True)
HYDRATED = Scalar(hydrated=True)
PORT = Scalar(canonicalize=canonical.canonicalize_port)
SPEED = Scalar(canonicalize=canonical.canonicalize_speed)
DURATION = Scalar(canonicalize=canonical.canonicalize_duration)
STRING_LIST = AtomicList(SCALAR)
STRING_SET = Set(SCALAR)


def define_spec(fields: Mapping[str, SchemaType]) -> Struct:
    """A kind's `spec`. Releases after 26.03 fill `topology` (fabric and domain) into every one."""
    return Struct({"topology": SchemaType(hydrated=True)} | dict(fields))
