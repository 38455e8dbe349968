"""The schema types that the schemas of all kinds share."""

from collections.abc import Mapping

from fabrics.resources import spellings
from fabrics.resources.schema.types import AtomicList, Scalar, SchemaType, Set, Struct

SCALAR = Scalar()
KEEP_EMPTY_SCALAR = Scalar(keep_empty=True)
HYDRATED = Scalar(hydrated=True)
PORT = Scalar(canonicalize=spellings.canonicalize_port)
SPEED = Scalar(canonicalize=spellings.canonicalize_speed)
DURATION = Scalar(canonicalize=spellings.canonicalize_duration)
STRING_LIST = AtomicList(SCALAR)
STRING_SET = Set(SCALAR)


def define_spec(fields: Mapping[str, SchemaType]) -> Struct:
    """Return the schema of a `spec`.

    Releases after 26.03 hydrate `topology` (fabric and domain) in every kind.
    """
    return Struct({"topology": SchemaType(hydrated=True)} | dict(fields))
