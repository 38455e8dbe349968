"""Specs of the connections between switches, servers and gateways.

What a newer release adds is ignored: fields beside the type, further ends of a link, further fields.
"""

# ruff: noqa: RUF012 - pydantic gives every object defaults of its own

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, model_validator

from fabrics.inventory.specs.values import (
    ANY,
    CIDR,
    IP,
    MTU,
    VID,
    PortName,
    Spec,
    Text,
    drop_blank_entries,
)


def _split_device_port(value: object) -> object:
    """Split `leaf-01/E1/5/2` at the first slash: port `E1/5/2` of `leaf-01`."""
    if not isinstance(value, str) or not re.fullmatch(r"[^/]+/.+", value):
        raise ValueError(f"is {value!r:.40}, not device/port")
    device, _, port = value.partition("/")
    return {"device": device, "port": port}


class DevicePort(Spec):
    """A port of a device."""

    device: Text
    port: PortName

    def __str__(self) -> str:
        return f"{self.device}/{self.port}"


class EndSpec(Spec):
    """One end of a link; which other fields it has depends on the type of connection."""

    port: Annotated[DevicePort, BeforeValidator(_split_device_port)]
    ip: CIDR | None = None
    vlan: VID = 0
    next_hop: IP | None = Field(None, alias="nextHop")
    subnets: list[Text] = []


class Link(Spec):
    """A link; its fields are its ends."""

    @property
    def ends(self) -> tuple[tuple[str, EndSpec], ...]:
        """The ends with their names, in the order of the class."""
        return tuple((name, getattr(self, name)) for name in type(self).model_fields)


class ServerLink(Link):
    """A link between a server and a switch."""

    server: EndSpec
    switch: EndSpec


class SwitchPairLink(Link):
    """A link between two switches, or within one."""

    switch1: EndSpec
    switch2: EndSpec


class FabricLink(Link):
    """A link between a spine and a leaf."""

    spine: EndSpec
    leaf: EndSpec


class MeshLink(Link):
    """A link between two leaves."""

    leaf1: EndSpec
    leaf2: EndSpec


class GatewayLink(Link):
    """A link between a switch and a gateway."""

    switch: EndSpec
    gateway: EndSpec


class ExternalLink(Link):
    """A link out of the fabric: only one end is known."""

    switch: EndSpec


class ConnectionBody[L: Link](Spec):
    """The fields of connections of all types."""

    link: L | None = None
    links: list[L] = []
    peer_links: list[L] = Field([], alias="peerLinks")
    session_links: list[L] = Field([], alias="sessionLinks")
    mtu: MTU = 0
    within_vpc: Text = Field("", alias="withinVPC")


_NO_BODY: Final = ConnectionBody[Link]()

_FIELDS_BESIDE_TYPE: Final = ("topology",)
"""Known fields beside the type, which are no types of their own."""

_LINK_LISTS: Final = ("links", "peerLinks", "sessionLinks")
_ENDS: Final = ((ANY, "link", ANY), *((ANY, name, ANY, ANY) for name in _LINK_LISTS))


class ConnectionSpec(Spec):
    """A connection with the body of its type; `unknown_type` names any other.

    If several fields may be an unknown type, it names the first two.
    """

    KIND = "Connection"
    OPTIONAL_PATHS = frozenset(
        {
            (ANY, "mtu"),
            *((ANY, name, ANY) for name in _LINK_LISTS),
            *((*end, name) for end in _ENDS for name in ("ip", "nextHop", "subnets")),
        }
    )

    unbundled: ConnectionBody[ServerLink] | None = None
    bundled: ConnectionBody[ServerLink] | None = None
    mclag: ConnectionBody[ServerLink] | None = None
    eslag: ConnectionBody[ServerLink] | None = None
    mclag_domain: ConnectionBody[SwitchPairLink] | None = Field(None, alias="mclagDomain")
    fabric: ConnectionBody[FabricLink] | None = None
    mesh: ConnectionBody[MeshLink] | None = None
    gateway: ConnectionBody[GatewayLink] | None = None
    vpc_loopback: ConnectionBody[SwitchPairLink] | None = Field(None, alias="vpcLoopback")
    external: ConnectionBody[ExternalLink] | None = None
    static_external: ConnectionBody[ExternalLink] | None = Field(None, alias="staticExternal")
    unknown_type: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _select_type(cls, value: Any) -> Any:  # noqa: ANN401
        """Return the entry of the one known type, or the names of possible unknown types."""
        entries = drop_blank_entries(value) if isinstance(value, dict) else {}
        known = [name for name in cls._list_known_types() if name in entries]
        unknown = sorted(
            name
            for name, body in entries.items()
            if isinstance(body, dict) and name not in _FIELDS_BESIDE_TYPE
        )
        if len(known) == 1:
            return {known[0]: entries[known[0]]}
        if known or not unknown:
            raise ValueError("does not have exactly one connection type")
        return {"unknown_type": " or ".join(unknown[:2])}

    @classmethod
    def _list_known_types(cls) -> Iterator[str]:
        fields = cls.model_fields.items()
        return (field.alias or name for name, field in fields if name != "unknown_type")

    @property
    def type(self) -> str:
        """The name of the type, known or not."""
        [name] = self.model_fields_set
        return self.unknown_type or type(self).model_fields[name].alias or name

    @property
    def body(self) -> ConnectionBody[Any]:
        """The body; an empty one if the type is unknown."""
        if self.unknown_type:
            return _NO_BODY
        [name] = self.model_fields_set
        body: ConnectionBody[Any] = getattr(self, name)
        return body
