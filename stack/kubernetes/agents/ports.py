"""The ports of a switch under the names that its agent reports.

A port that can be divided is reported lane by lane, also while it is not: `E1/1` is `E1/1/1` there.
LLDP has the name of the switch's operating system, such as `Ethernet0`.

Source: https://github.com/githedgehog/fabric, `GetAPI2NOSPortsFor` in `api/wiring/v1beta1`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from stack.kubernetes.manifests import Spec

_NOS_PREFIX: Final = "Ethernet"
_PORT: Final = re.compile(r"E\d+/(?P<number>\d+)(/(?P<lane>\d+))?")


@dataclass(frozen=True)
class AgentPort:
    """One port of a switch; `cage` is where its optic is, `speed` as in `100G`."""

    name: str
    nos_name: str
    cage: str
    speed: str = "25G"
    is_management: bool = False


@dataclass(frozen=True)
class SwitchPorts:
    """The ports of one switch by their reported names, and the breakouts that it has."""

    ports: dict[str, AgentPort]
    breakouts: dict[str, str]

    def find(self, name: str) -> AgentPort | None:
        """Return the port that a Connection calls `name`, or None."""
        return self.ports.get(name) or self.ports.get(f"{name}/1")


def list_switch_ports(switch: Spec, profile: Spec | None, used: Iterable[str]) -> SwitchPorts:
    """Return the ports that the switch's profile lists.

    Without a profile they are those that Connections use, named as if each had four lanes.
    """
    if profile is None:
        return SwitchPorts({port.name: port for port in map(_guess_port, used)}, {})
    breakouts = dict(_iter_breakouts(switch, profile))
    ports = (port for cage in profile["ports"] for port in _iter_ports(cage, profile, breakouts))
    return SwitchPorts({port.name: port for port in ports}, breakouts)


def _guess_port(name: str) -> AgentPort:
    match = _PORT.fullmatch(name)
    first_lane = 4 * (int(match["number"]) - 1) if match else 0
    lane = int(match["lane"] or 1) - 1 if match else 0
    cage = "/".join(name.split("/")[:2])
    return AgentPort(name, f"{_NOS_PREFIX}{first_lane + lane}", cage)


def _iter_breakouts(switch: Spec, profile: Spec) -> Iterator[tuple[str, str]]:
    stated = switch.get("portBreakouts", {})
    for cage, port in profile["ports"].items():
        if breakout := _find_breakout(port, profile):
            yield cage, stated.get(cage, breakout["default"])


def _find_breakout(port: Spec, profile: Spec) -> Spec | None:
    found: Spec | None = (
        profile.get("portProfiles", {}).get(port.get("profile"), {}).get("breakout")
    )
    return found


def _iter_ports(cage: str, profile: Spec, breakouts: dict[str, str]) -> Iterator[AgentPort]:
    port = profile["ports"][cage]
    breakout = _find_breakout(port, profile)
    if breakout is None:
        speed = _find_speed(port, profile)
        yield AgentPort(cage, port["nos"], cage, speed, bool(port.get("management")))
        return
    mode = breakouts[cage]
    base = int(port["baseNOSName"].removeprefix(_NOS_PREFIX))
    offsets = breakout["supported"].get(mode, {}).get("offsets", ())
    for lane, offset in enumerate(offsets, start=1):
        nos_name = f"{_NOS_PREFIX}{base + int(offset)}"
        yield AgentPort(f"{cage}/{lane}", nos_name, cage, mode.partition("x")[2])


def _find_speed(port: Spec, profile: Spec) -> str:
    group = profile.get("portGroups", {}).get(port.get("group"), {})
    name = port.get("profile") or group.get("profile")
    speed: str = profile.get("portProfiles", {}).get(name, {}).get("speed", {}).get("default", "1G")
    return speed
