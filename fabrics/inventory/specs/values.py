"""Types of values in live objects; an invalid value is refused, never guessed."""

from collections.abc import Set
from ipaddress import IPv4Address, IPv4Interface
from typing import Annotated, Any, ClassVar, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from fabrics.resources import spellings
from fabrics.resources.json_types import Json
from fabrics.texts import replace_unprintable

ANY: Final = "*"
"""Stands in a path for any name of an entry, and for any place in a list."""

MAX_TEXT_CHARS: Final = 512
"""A text as in `vpc/subnet`, of two names with 253 characters (RFC 1123) at most."""


def drop_blank_entries(value: Any) -> Any:  # noqa: ANN401
    """Return a mapping without the empty entries that Go's JSON encoder may omit."""
    if not isinstance(value, dict):
        return value
    return {name: entry for name, entry in value.items() if entry is not None and entry != ""}


class LiveSpec(BaseModel):
    """The `spec` of a live object of one kind."""

    KIND: ClassVar[str] = ""
    OPTIONAL_PATHS: ClassVar[Set[tuple[str, ...]]] = frozenset()
    """The paths of the parts without which the rest of the object is still shown as it is.

    Not among them are parts whose absence has a meaning, such as the VLAN of a subnet, unless plans ask for them by
    `LiveObject.is_known`.
    """


class Spec(LiveSpec):
    """The part of an object's `spec` that the inventory shows; the rest is ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _drop_blank_entries(cls, value: Any) -> Any:  # noqa: ANN401
        return drop_blank_entries(value)


def _check_length(text: str) -> str:
    if len(text) > MAX_TEXT_CHARS:
        raise ValueError(f"has more than {MAX_TEXT_CHARS} characters")
    return text


def _check_printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("contains unprintable characters")
    return text


def _check_trimmed(text: str) -> str:
    if text != text.strip():
        raise ValueError("begins or ends with a space")
    return text


def to_one_line(text: str) -> str:
    """Return a text as one printable line of at most 200 characters."""
    return " ".join(replace_unprintable(text, " ").split())[:200].rstrip()


def _parse_interface(value: object) -> IPv4Interface:
    try:
        return IPv4Interface(str(value))
    except ValueError:
        raise ValueError(f"is {value!r:.40}, not an IPv4 address with a prefix length") from None


def _parse_address(value: object) -> IPv4Address:
    try:
        return IPv4Address(str(value))
    except ValueError:
        raise ValueError(f"is {value!r:.40}, not an IPv4 address") from None


def _parse_mac(text: str) -> str:
    address = spellings.canonicalize_mac(text).upper()
    if len(address) != 17 or address.count(":") != 5:
        raise ValueError("is not a MAC address")
    return address


def _check_storable(value: Json) -> Json:
    """Return the value. Raises `ValueError` for characters that NetBox cannot store."""
    if isinstance(value, str):
        _check_printable(value)
    for item in value if isinstance(value, list) else ():
        _check_storable(item)
    for entry in value.items() if isinstance(value, dict) else ():
        _check_storable(list[Json](entry))
    return value


Text = Annotated[
    str,
    AfterValidator(_check_length),
    AfterValidator(_check_printable),
    AfterValidator(_check_trimmed),
]
"""One printable line, without spaces around it, which NetBox would strip."""

OneLineText = Annotated[str, AfterValidator(to_one_line)]
"""Free text, reduced to one line of at most 200 characters."""

PortName = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]
"""The name of a port, without spaces and short enough for NetBox."""

CIDR = Annotated[IPv4Interface, BeforeValidator(_parse_interface)]
"""An address with the prefix length of its network, 32 if none is stated."""

IP = Annotated[IPv4Address, BeforeValidator(_parse_address)]

MAC = Annotated[str, AfterValidator(_parse_mac)]
"""A MAC address as NetBox spells it."""

VID = Annotated[int, Field(ge=0, le=4094)]
"""A VLAN ID; 0 means none."""

ASN = Annotated[int, Field(ge=0, le=2**32 - 1)]

MTU = Annotated[int, Field(ge=0, le=65536)]
"""In bytes; 0 means none."""

JsonObject = Annotated[dict[str, Json], AfterValidator(_check_storable)]
"""Any JSON object that NetBox can store."""
