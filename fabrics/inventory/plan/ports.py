"""The ports of a switch, from its profile, its breakouts and its connections.

The lanes of a divided port replace it: `E1/5` becomes `E1/5/1` to `E1/5/4`. An undivided port has two
names in Hedgehog, `E1/5` and `E1/5/1`; the inventory always uses the first.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from fabrics.inventory.model.dcim import INTERFACE_TYPE_OTHER
from fabrics.inventory.specs.wiring import PortProfile, SwitchProfileSpec, SwitchSpec
from fabrics.resources import spellings

MANAGEMENT_PORT: Final = "M1"
"""The one management port that every switch has."""

_LANES = r"1[0-6]|\d"
"""A port's number of lanes, or that of a lane: Hedgehog v0.129 divides a port into 8 at most."""

_PORT_NAME = re.compile(rf"(?P<port>E\d+/\d+)(/(?P<lane>{_LANES}))?")
_BREAKOUT = re.compile(rf"({_LANES})x")

_TYPE_BY_PORT_PROFILE: Final = {
    "RJ45-1G": "1000base-t",
    "RJ45-2.5G": "2.5gbase-t",
    "RJ45-10G": "10gbase-t",
    "SFP28-10G": "10gbase-x-sfpp",
    "SFP28-25G": "25gbase-x-sfp28",
    "QSFP28-100G": "100gbase-x-qsfp28",
    "QSFPDD-400G": "400gbase-x-qsfpdd",
    "QSFP56DD-400G": "400gbase-x-qsfpdd",
    "OSFP-400G": "400gbase-x-osfp",
    "OSFP-800G": "800gbase-x-osfp",
}
"""NetBox's types by the port profiles of Hedgehog v0.129 (`pkg/ctrl/switchprofile`)."""

_TYPE_BY_SPEED: Final = {
    "1G": "1000base-x-sfp",
    "10G": "10gbase-x-sfpp",
    "25G": "25gbase-x-sfp28",
    "40G": "40gbase-x-qsfpp",
    "50G": "50gbase-x-sfp56",
    "100G": "100gbase-x-qsfp28",
    "200G": "200gbase-x-qsfp56",
    "400G": "400gbase-x-qsfpdd",
    "800G": "800gbase-x-osfp",
}
"""The usual type of a lane of this speed, which has no connector of its own, or of a port of which only the
breakout is stated."""


class Port(NamedTuple):
    """One port as NetBox shows it; `speed` is in kbit/s, None if unknown."""

    name: str
    type: str = INTERFACE_TYPE_OTHER
    speed: int | None = None
    management: bool = False


@dataclass(frozen=True)
class SwitchPorts:
    """The ports of one switch. `used_ports` are those that connections name."""

    switch: SwitchSpec
    profile: SwitchProfileSpec
    used_ports: frozenset[str]

    @property
    def has_profile(self) -> bool:
        """True if a profile lists the ports, so that the switch has no others."""
        return bool(self.profile.ports)

    @property
    def ports_with_breakout(self) -> frozenset[str]:
        """The ports whose breakout the switch states, even if it leaves them undivided."""
        return frozenset(self._configured_breakouts)

    def netbox_name(self, name: str) -> str:
        """Return the name that NetBox has for a port."""
        port, lane = _split_lane(name)
        return f"{port}/{lane or 1}" if self._count_lanes(port) > 1 else strip_first_lane(name)

    def list_ports(self) -> Iterator[Port]:
        """Return every port, sorted by name."""
        used = filter(self._may_exist, self.used_ports)
        ports = {*self.profile.ports, *self._configured_breakouts, *used, MANAGEMENT_PORT}
        names = {name for port in ports for name in self._expand_lanes(port)}
        return map(self._build_port, sorted(names))

    def _may_exist(self, name: str) -> bool:
        """Return False if the profile or a breakout rules out this port."""
        port, lane = _split_lane(name)
        is_listed = not self.has_profile or port in self.profile.ports
        return is_listed and lane <= self._count_lanes(port)

    def _expand_lanes(self, name: str) -> Iterable[str]:
        port, lane = _split_lane(name)
        lanes = self._count_lanes(port)
        if lane or lanes == 1:
            return (self.netbox_name(name),)
        return (f"{port}/{number}" for number in range(1, lanes + 1))

    def _build_port(self, name: str) -> Port:
        port, lane = _split_lane(name)
        listed = self.profile.ports.get(port)
        if name == MANAGEMENT_PORT or (listed and listed.management):
            return Port(name, management=True)
        profile, speed = self._find_port_profile(port), self._find_breakout(port).rpartition("x")[2]
        if lane:
            return Port(name, _find_lane_type(profile, speed), self._find_speed(name, speed))
        default_speed = speed or self._get_port_profile(profile).speed.default
        return Port(name, _find_port_type(profile, speed), self._find_speed(name, default_speed))

    def _count_lanes(self, port: str) -> int:
        """Return a port's number of lanes, from its breakout or else its connections."""
        if divided := _BREAKOUT.match(self._find_breakout(port)):
            return int(divided[1])
        return self._used_lanes.get(port, 1)

    @cached_property
    def _used_lanes(self) -> Mapping[str, int]:
        """The highest lane that connections name, by port; 1 for a port without lanes."""
        lanes: dict[str, int] = {}
        for port, lane in map(_split_lane, self.used_ports):
            lanes[port] = max(1, lane, lanes.get(port, 1))
        return lanes

    def _find_breakout(self, port: str) -> str:
        if breakout := self._configured_breakouts.get(port):
            return breakout
        return self._get_port_profile(self._find_port_profile(port)).breakout.default

    @cached_property
    def _configured_breakouts(self) -> Mapping[str, str]:
        return _canonicalize_ports(self.switch.port_breakouts)

    @cached_property
    def _configured_speeds(self) -> Mapping[str, str]:
        return _canonicalize_ports(self.switch.port_speeds)

    def _find_port_profile(self, port: str) -> str:
        listed = self.profile.ports.get(port)
        if listed is None:
            return ""
        group = self.profile.port_groups.get(listed.group)
        return listed.profile or (group.profile if group else "")

    def _get_port_profile(self, name: str) -> PortProfile:
        return self.profile.port_profiles.get(name, PortProfile())

    def _find_speed(self, name: str, default: str) -> int | None:
        """Return the speed in kbit/s that is set for a port or its group, or the default."""
        own = self._configured_speeds.get(name)
        listed = self.profile.ports.get(name)
        group = self.switch.port_group_speeds.get(listed.group) if listed else None
        return _parse_speed_kbps(own or group or default)


def strip_first_lane(name: str) -> str:
    """Return the name of a first lane's port; any other name is unchanged."""
    port, lane = _split_lane(name)
    return port if lane in (0, 1) else name


def strip_lane(name: str) -> str:
    """Return the name of a lane's port; any other name is unchanged."""
    return _split_lane(name)[0]


def is_lane(name: str) -> bool:
    """Return whether this is the name of a lane."""
    return strip_lane(name) != name


def is_first_lane(name: str) -> bool:
    """Return whether this is the name of a first lane."""
    return strip_first_lane(name) != name


def _split_lane(name: str) -> tuple[str, int]:
    """Return a lane's port and number; any other name and 0 otherwise."""
    match = _PORT_NAME.fullmatch(name)
    return (match["port"], int(match["lane"] or 0)) if match else (name, 0)


def _canonicalize_ports(values: Mapping[str, str]) -> Mapping[str, str]:
    return {spellings.canonicalize_port(port): value for port, value in values.items()}


def _parse_speed_kbps(speed: str) -> int | None:
    match = re.fullmatch(r"(\d{1,4}(?:\.\d)?)([GM]?)", spellings.canonicalize_speed(speed))
    if not match:
        return None
    return round(float(match[1]) * (1_000_000 if match[2] == "G" else 1_000))


def _find_port_type(port_profile: str, speed: str) -> str:
    """Return NetBox's interface type: `QSFP28-100G-nb` is `100gbase-x-qsfp28`."""
    cage, _, rest = port_profile.partition("-")
    known = _TYPE_BY_PORT_PROFILE.get(f"{cage}-{rest.partition('-')[0].rpartition('x')[2]}")
    return known or _TYPE_BY_SPEED.get(speed, INTERFACE_TYPE_OTHER)


def _find_lane_type(port_profile: str, speed: str) -> str:
    known = _TYPE_BY_PORT_PROFILE.get(f"{port_profile.partition('-')[0]}-{speed}")
    return known or _TYPE_BY_SPEED.get(speed, INTERFACE_TYPE_OTHER)
