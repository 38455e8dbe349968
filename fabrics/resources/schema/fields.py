"""The rows that the tables of all kinds are made of."""

from collections.abc import Mapping

from fabrics.resources import canonical
from fabrics.resources.schema.types import Sequence, Set, Shape, Struct, Value

VALUE = Value()
KEPT = Value(kept=True)
HYDRATED = Value(hydrated=True)
PORT = Value(canonical=canonical.port)
SPEED = Value(canonical=canonical.speed)
DURATION = Value(canonical=canonical.duration)
TEXTS = Sequence(VALUE)
TEXT_SET = Set(VALUE)


def spec(fields: Mapping[str, Shape]) -> Struct:
    """A kind's `spec`. Releases after 26.03 fill `topology` (fabric and domain) into every one."""
    return Struct({"topology": Shape(hydrated=True)} | dict(fields))
