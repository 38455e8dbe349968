"""Values of live objects: what has another form is refused with a sentence, never guessed."""

from collections.abc import Set
from ipaddress import IPv4Address, IPv4Interface
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from fabrics.resources import canonical
from fabrics.resources.json_types import Json


def drop_blank_entries(value: object) -> object:
    """A mapping without entries that Go's JSON could as well have left out."""
    if not isinstance(value, dict):
        return value
    return {name: each for name, each in value.items() if each is not None and each != ""}


class LiveSpec(BaseModel):
    """The `spec` of a live object of one kind."""

    KIND: ClassVar[str] = ""
    OPTIONAL_PATHS: ClassVar[Set[tuple[str | int, ...]]] = frozenset()
    """The places of values without which the object can be shown."""


class Spec(LiveSpec):
    """The part of an object's `spec` that the inventory shows; other fields are passed over."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _drop_blank_entries(cls, value: Any) -> Any:  # noqa: ANN401
        return drop_blank_entries(value)


def _check_printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has characters that cannot be shown")
    return text


def _check_trimmed(text: str) -> str:
    if text != text.strip():
        raise ValueError("begins or ends with a space")
    return text


def _to_one_line(text: str) -> str:
    legible = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(legible.split())[:200].rstrip()


def _parse_interface(value: object) -> IPv4Interface:
    try:
        return IPv4Interface(str(value))
    except ValueError:
        raise ValueError(f"is {value!r:.40}, not an IPv4 address and its network") from None


def _parse_address(value: object) -> IPv4Address:
    try:
        return IPv4Address(str(value))
    except ValueError:
        raise ValueError(f"is {value!r:.40}, not an IPv4 address") from None


def _parse_mac(text: str) -> str:
    address = canonical.canonicalize_mac(text).upper()
    if len(address) != 17 or address.count(":") != 5:
        raise ValueError("is no MAC address")
    return address


def _check_storable(value: Json) -> Json:
    """The value, if NetBox can store it."""
    if isinstance(value, str):
        _check_printable(value)
    for each in value if isinstance(value, list) else ():
        _check_storable(each)
    for name, each in value.items() if isinstance(value, dict) else ():
        _check_storable([name, each])
    return value


Text = Annotated[str, AfterValidator(_check_printable), AfterValidator(_check_trimmed)]
"""One printable line, without spaces around it, which NetBox would take off."""

OneLineText = Annotated[str, AfterValidator(_to_one_line)]
"""People's prose, brought to one line of at most 200 characters."""

PortName = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]
"""The name of a port: no spaces, short enough for NetBox."""

AddressWithPrefix = Annotated[IPv4Interface, BeforeValidator(_parse_interface)]
"""An address with the length of its network; without one, a host."""

Address = Annotated[IPv4Address, BeforeValidator(_parse_address)]

MAC = Annotated[str, AfterValidator(_parse_mac)]
"""A MAC address as NetBox spells it."""

VID = Annotated[int, Field(ge=0, le=4094)]
"""A VLAN ID; 0 stands for none."""

ASN = Annotated[int, Field(ge=0, le=2**32 - 1)]

MTU = Annotated[int, Field(ge=0, le=65536)]
"""In bytes; 0 stands for none."""

JsonObject = Annotated[dict[str, Json], AfterValidator(_check_storable)]
"""Any JSON object, shown as it is."""
