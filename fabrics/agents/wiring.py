"""The parts of switches, profiles and connections that state the cabling.

Everything here is read leniently: what cannot be read is absent, so it is never judged.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final, NamedTuple, Self

import msgspec

from fabrics.resources.json_types import Json
from fabrics.resources.kinds import SWITCH_PROFILE, Kind, get_kind
from fabrics.resources.resource import Resource


class SwitchSpec(msgspec.Struct, frozen=True, rename={"port_breakouts": "portBreakouts"}):
    """The profile and the breakouts that a Switch states."""

    profile: str = ""
    port_breakouts: Mapping[str, str] = {}


class BreakoutMode(msgspec.Struct, frozen=True):
    """The steps from the first lane's number in the NOS to that of each lane."""

    offsets: tuple[str, ...] = ()


class ProfileBreakout(msgspec.Struct, frozen=True):
    """The breakouts of a port: by default, and all that the model supports."""

    default: str = ""
    supported: Mapping[str, BreakoutMode] = {}


class PortProfile(msgspec.Struct, frozen=True):
    """The settings of a type of port; `breakout` is None if it has no lanes."""

    breakout: ProfileBreakout | None = None


class ProfilePort(
    msgspec.Struct, frozen=True, rename={"nos_name": "nos", "base_nos_name": "baseNOSName"}
):
    """A port with its names in the NOS: its own, and that of its first lane."""

    management: bool = False
    profile: str = ""
    nos_name: str = ""
    base_nos_name: str = ""


class SwitchProfileSpec(
    msgspec.Struct, frozen=True, rename={"nos_type": "nosType", "port_profiles": "portProfiles"}
):
    """A model of switch with its ports."""

    nos_type: str = ""
    ports: Mapping[str, ProfilePort] = {}
    port_profiles: Mapping[str, PortProfile] = {}


class DevicePort(NamedTuple):
    """A port of a device, with the name that the API has for it."""

    device: str
    port: str

    def __str__(self) -> str:
        return f"{self.device}/{self.port}"


class Link(NamedTuple):
    """One link of a connection. `key` is that of its cable in the inventory."""

    key: str
    type: str
    ends: tuple[DevicePort, DevicePort]


END_NAMES: Final = {
    "unbundled": ("server", "switch"),
    "bundled": ("server", "switch"),
    "mclag": ("server", "switch"),
    "eslag": ("server", "switch"),
    "fabric": ("spine", "leaf"),
    "mesh": ("leaf1", "leaf2"),
    "gateway": ("switch", "gateway"),
}
"""The two ends of the links that can be judged. What external ports hear is unknown, and the links between MCLAG
peers and the loopbacks of VPCs are never judged."""

SERVER_TYPES: Final = frozenset({"unbundled", "bundled", "mclag", "eslag"})


class _End(msgspec.Struct):
    port: str


class _Body(msgspec.Struct):
    link: dict[str, _End] | None = None
    links: list[dict[str, _End]] = []


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the API states about the cabling of one fabric.

    `links` are those between two ports that can be judged, sorted by key. `devices` are the names of all switches,
    gateways and servers.
    """

    links: tuple[Link, ...]
    switches: Mapping[str, SwitchSpec]
    profiles: Mapping[str, SwitchProfileSpec]
    devices: frozenset[str]

    @classmethod
    def from_resources(cls, resources: Mapping[Kind, Iterable[Resource]]) -> Self:
        """Read the wiring from live resources by kind."""
        switches, gateways, servers, connections = (
            tuple(resources.get(get_kind(name), ()))
            for name in ("Switch", "Gateway", "Server", "Connection")
        )
        return cls(
            links=tuple(sorted(chain.from_iterable(map(_list_links, connections)))),
            switches=dict(_parse_specs(switches, SwitchSpec)),
            profiles=dict(_parse_specs(resources.get(SWITCH_PROFILE, ()), SwitchProfileSpec)),
            devices=frozenset(device.name for device in (*switches, *gateways, *servers)),
        )


def _list_links(connection: Resource) -> Iterator[Link]:
    for type_ in END_NAMES.keys() & connection.spec.keys():
        yield from _list_links_of_type(str(connection.key), type_, connection.spec[type_])


def _list_links_of_type(connection_key: str, type_: str, body: Json) -> Iterator[Link]:
    try:
        parsed = msgspec.convert(body, _Body)
    except msgspec.ValidationError:
        return
    if parsed.link and (ends := _parse_ends(parsed.link, type_)):
        yield Link(connection_key, type_, ends)
    for link in parsed.links:
        if ends := _parse_ends(link, type_):
            yield Link(f"{connection_key}#{ends[0]}", type_, ends)


def _parse_ends(link: Mapping[str, _End], type_: str) -> tuple[DevicePort, DevicePort] | None:
    """Return both ends, or None if the link has others."""
    if link.keys() != set(END_NAMES[type_]):
        return None
    first, second = (_split(link[name].port) for name in END_NAMES[type_])
    return (first, second) if first and second else None


def _split(text: str) -> DevicePort | None:
    device, _, port = text.partition("/")
    return DevicePort(device, port) if device and port else None


def _parse_specs[S: msgspec.Struct](
    resources: Iterable[Resource], spec: type[S]
) -> Iterator[tuple[str, S]]:
    for resource in resources:
        try:
            yield resource.name, msgspec.convert(resource.spec, spec)
        except msgspec.ValidationError:
            continue
