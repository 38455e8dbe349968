"""The ports of a switch, as its profile, its breakouts and its connections tell.

A port that is divided gives way to its lanes: `E1/5` becomes `E1/5/1` to `E1/5/4`. One that is not has
two names in Hedgehog, `E1/5` and `E1/5/1`; here it is always the first.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from fabrics.inventory.model.dcim import INTERFACE_TYPE_OTHER
from fabrics.inventory.specs.wiring import SwitchProfileSpec, SwitchSpec
from fabrics.resources import canonical

MANAGEMENT_PORT: Final = "M1"
"""The one management port that every switch has."""

_PORT_NAME = re.compile(r"(?P<port>E\d+/\d+)(/(?P<lane>\d+))?")

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
"""What usually ends a lane of this speed, which has no connector of its own, or a port of which only its
breakout is stated."""


class Port(NamedTuple):
    """One port as NetBox shows it; `speed` is in kbit/s, None where nobody says."""

    name: str
    type: str = INTERFACE_TYPE_OTHER
    speed: int | None = None
    management: bool = False


@dataclass(frozen=True, slots=True)
class SwitchPorts:
    """The ports of one switch. `used` are those that connections name."""

    switch: SwitchSpec
    profile: SwitchProfileSpec
    used_ports: frozenset[str]

    @property
    def has_profile(self) -> bool:
        """Whether these are all that it has, since there is a profile that says so."""
        return bool(self.profile.ports)

    @property
    def ports_with_breakout(self) -> frozenset[str]:
        """The ports of which the switch states how they are divided, be it not at all."""
        return frozenset(self._configured_breakouts())

    def netbox_name(self, name: str) -> str:
        """The name that NetBox knows a port by."""
        port, lane = _split_lane(name)
        return f"{port}/{lane or 1}" if self._count_lanes(port) > 1 else strip_first_lane(name)

    def list_ports(self) -> Iterator[Port]:
        """Every port, in the order of their names."""
        used = filter(self._may_exist, self.used_ports)
        stated = {*self.profile.ports, *self._configured_breakouts(), *used, MANAGEMENT_PORT}
        names = {name for each in stated for name in self._expand_lanes(each)}
        for name in sorted(names):
            yield self._build_port(name)

    def _may_exist(self, name: str) -> bool:
        """Whether neither the profile nor a breakout says that there is no such port."""
        port, lane = _split_lane(name)
        return lane <= self._count_lanes(port) and not (
            self.has_profile and port not in self.profile.ports
        )

    def _expand_lanes(self, name: str) -> Iterable[str]:
        port, lane = _split_lane(name)
        lanes = self._count_lanes(port)
        if lane or lanes == 1:
            return (self.netbox_name(name),)
        return (f"{port}/{each}" for each in range(1, lanes + 1))

    def _build_port(self, name: str) -> Port:
        port, lane = _split_lane(name)
        stated = self.profile.ports.get(port)
        if name == MANAGEMENT_PORT or (stated and stated.management):
            return Port(name, management=True)
        kind, speed = self._find_port_profile(port), self._find_breakout(port).rpartition("x")[2]
        if lane:
            return Port(name, _find_lane_type(kind, speed), self._find_speed(name, speed))
        default = self.profile.port_profiles.get(kind)
        usual = speed or (default.speed.default if default else "")
        return Port(name, _find_port_type(kind, speed), self._find_speed(name, usual))

    def _count_lanes(self, port: str) -> int:
        """How many lanes a port is divided into: as stated, else as connections use it."""
        if mode := self._find_breakout(port):
            return int(mode.partition("x")[0])
        return (
            max(
                (lane for each, lane in map(_split_lane, self.used_ports) if each == port),
                default=1,
            )
            or 1
        )

    def _find_breakout(self, port: str) -> str:
        if mode := self._configured_breakouts().get(port):
            return mode
        default = self.profile.port_profiles.get(self._find_port_profile(port))
        return default.breakout.default if default else ""

    def _configured_breakouts(self) -> Mapping[str, str]:
        return {
            canonical.canonicalize_port(port): mode
            for port, mode in self.switch.port_breakouts.items()
        }

    def _find_port_profile(self, port: str) -> str:
        stated = self.profile.ports.get(port)
        if stated is None:
            return ""
        group = self.profile.port_groups.get(stated.group)
        return stated.profile or (group.profile if group else "")

    def _find_speed(self, name: str, default: str) -> int | None:
        """The speed that a port is set to, alone or with its group, else its usual one."""
        own = {
            canonical.canonicalize_port(port): each
            for port, each in self.switch.port_speeds.items()
        }
        stated = self.profile.ports.get(name)
        group = self.switch.port_group_speeds.get(stated.group) if stated else None
        return _parse_speed_kbps(own.get(name) or group or default)


def strip_first_lane(name: str) -> str:
    """What a port is known by however it is divided: its first lane is the port itself."""
    port, lane = _split_lane(name)
    return port if lane in (0, 1) else name


def strip_lane(name: str) -> str:
    """The port that a lane is part of; any other is itself."""
    return _split_lane(name)[0]


def is_lane(name: str) -> bool:
    """Whether it is a lane of a divided port by its name."""
    return strip_lane(name) != name


def _split_lane(name: str) -> tuple[str, int]:
    """The port and the lane, 0 where none is named; what is no such name is a port of that name."""
    found = _PORT_NAME.fullmatch(name)
    return (found["port"], int(found["lane"] or 0)) if found else (name, 0)


def _parse_speed_kbps(speed: str) -> int | None:
    found = re.fullmatch(r"([\d.]+)([GM]?)", canonical.canonicalize_speed(speed))
    if not found:
        return None
    return round(float(found[1]) * (1_000_000 if found[2] == "G" else 1_000))


def _find_port_type(port_profile: str, speed: str) -> str:
    """`QSFP28-100G-nb` is `100gbase-x-qsfp28`, and `OSFP-2x400G` is a cage of two 400 Gbit/s lanes."""
    cage, _, rest = port_profile.partition("-")
    known = _TYPE_BY_PORT_PROFILE.get(f"{cage}-{rest.partition('-')[0].rpartition('x')[2]}")
    return known or _TYPE_BY_SPEED.get(speed, INTERFACE_TYPE_OTHER)


def _find_lane_type(port_profile: str, speed: str) -> str:
    cage = port_profile.partition("-")[0]
    return _TYPE_BY_PORT_PROFILE.get(f"{cage}-{speed}") or _TYPE_BY_SPEED.get(
        speed, INTERFACE_TYPE_OTHER
    )
