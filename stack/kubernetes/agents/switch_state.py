"""What an agent reports of its switch: software, ports, neighbours, optics.

Counters and temperatures differ in each report, everything else only when something changes.
"""

from collections.abc import Callable
from typing import Any, Final
from zlib import crc32

from stack.kubernetes.agents.cables import CableEnd
from stack.kubernetes.agents.ports import AgentPort, SwitchPorts
from stack.kubernetes.manifests import Spec

type State = dict[str, Any]
type Neighbor = dict[str, str]

SOFTWARE_VERSION: Final = "4.5.1-emulated"


def make_state(
    name: str,
    switch: Spec,
    ports: SwitchPorts,
    list_neighbors: Callable[[CableEnd], list[Neighbor] | None],
    report: int,
) -> State:
    """Return the `status.state` of the agent of the switch `name`.

    `list_neighbors` returns what is heard at an end, or None where no Connection uses it. `report` is
    a number that differs from report to report.
    """
    heard = {port: list_neighbors(CableEnd.parse(f"{name}/{port}")) for port in ports.ports}
    used = {port for port, neighbors in heard.items() if neighbors is not None}
    return {
        "nos": _make_nos(name, switch),
        "interfaces": {
            port.name: _make_interface(name, port, heard[port.name], report)
            for port in ports.ports.values()
        },
        "transceivers": {
            port.cage: _make_transceiver(name, port, report)
            for port in ports.ports.values()
            if port.name in used
        },
        "breakouts": {
            cage: {"mode": mode, "status": "Completed"} for cage, mode in ports.breakouts.items()
        },
        "platform": _make_platform(report),
        "bgpNeighbors": {},
        "criticalResources": {"stats": _make_critical_resources(report)},
        "roce": bool(switch.get("roce")),
    }


def make_serial_number(*parts: str) -> str:
    """Return a made-up serial number, always the same for the same parts."""
    return f"EM{crc32('/'.join(parts).encode()):010d}"


def make_mac(*parts: str) -> str:
    """Return a made-up, locally administered MAC address."""
    digits = f"{crc32('/'.join(parts).encode()):08x}"
    return "02:00:" + ":".join(digits[index : index + 2] for index in range(0, 8, 2))


def _make_nos(name: str, switch: Spec) -> State:
    stated = switch.get("boot", {}).get("serial")
    return {
        "serialNumber": stated or make_serial_number(name),
        "softwareVersion": SOFTWARE_VERSION,
        "hwskuVersion": switch.get("profile", ""),
        "platformName": f"emulated-{switch.get('profile', '')}",
        "mfgName": "Emulated",
        "productDescription": "A switch that exists in software only",
        "uptime": "1 day",
    }


def _make_interface(
    switch: str, port: AgentPort, neighbors: list[Neighbor] | None, report: int
) -> State:
    is_up = neighbors is not None or port.is_management
    status = "up" if is_up else "down"
    return {
        "enabled": is_up,
        "admin": status,
        "oper": status,
        "speed": port.speed,
        "mac": make_mac(switch, port.cage),
        "fec": "none" if port.is_management else "rs",
        "lldpNeighbors": neighbors or [],
        "counters": _make_counters(report if is_up else 0),
    }


def _make_counters(report: int) -> State:
    return {
        "inb": 9_000 * report,
        "outb": 8_000 * report,
        "inu": 90 * report,
        "outu": 80 * report,
        "queues": {
            f"UC{number}": {"p": 10 * report, "b": 1_000 * report, "dp": 0, "db": 0}
            for number in range(8)
        },
    }


def _make_transceiver(switch: str, port: AgentPort, report: int) -> State:
    form_factor = "QSFPDD" if port.speed in ("200G", "400G") else "QSFP28"
    return {
        "vendor": "Emulated Optics",
        "vendorPart": f"EO-{form_factor}-SR",
        "vendorRev": "A",
        "serial": make_serial_number(switch, port.cage),
        "formFactor": form_factor,
        "cable": "FIBER",
        "connType": "MPO",
        "length": 30,
        "present": "PRESENT",
        "oper": "ACTIVE",
        "temp": 30 + report % 5,
    }


def _make_platform(report: int) -> State:
    return {
        "psus": {
            name: {"presence": True, "status": True, "outPower": 200 + report % 7}
            for name in ("PSU 1", "PSU 2")
        },
        "fans": {
            f"FAN {number}": {"presence": True, "status": True, "dir": "intake", "speed": 60}
            for number in range(1, 7)
        },
        "temps": {"CPU": {"temp": 40 + report % 3, "highThreshold": 90, "alarms": "false"}},
    }


def _make_critical_resources(report: int) -> State:
    return {"ipv4RoutesUsed": 100 + report % 10, "ipv4RoutesAvailable": 130_000}
