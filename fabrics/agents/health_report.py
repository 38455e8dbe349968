"""The health of a fabric in words, with the devices that are not healthy.

Messages hold no durations that grow, since each new message is written to NetBox.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import BaseModel

MAX_NAMED_DEVICES: Final = 10
"""Devices that a report names. It counts the others."""


class Health(StrEnum):
    """The health of a fabric, as Argo CD names it."""

    HEALTHY = "healthy"
    PROGRESSING = "progressing"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"


class HealthFindingType(StrEnum):
    """What keeps a device from being healthy, the worst first."""

    STUCK = "stuck"
    SILENT = "silent"
    REBOOT_REQUIRED = "reboot_required"
    WRONG_BREAKOUT = "wrong_breakout"
    UNREADABLE = "unreadable"
    APPLYING = "applying"
    NEVER_REPORTED = "never_reported"


_HEALTH_BY_TYPE: Final = {
    HealthFindingType.STUCK: Health.DEGRADED,
    HealthFindingType.SILENT: Health.DEGRADED,
    HealthFindingType.REBOOT_REQUIRED: Health.DEGRADED,
    HealthFindingType.WRONG_BREAKOUT: Health.DEGRADED,
    HealthFindingType.UNREADABLE: Health.UNKNOWN,
    HealthFindingType.APPLYING: Health.PROGRESSING,
    HealthFindingType.NEVER_REPORTED: Health.PROGRESSING,
}
_WORST_FIRST: Final = (Health.DEGRADED, Health.UNKNOWN, Health.PROGRESSING, Health.HEALTHY)
_ORDER: Final = tuple(HealthFindingType)

_SENTENCES: Final = {
    HealthFindingType.STUCK: "did not apply the last change in time: {devices}. The log of the agent there says why.",
    HealthFindingType.SILENT: (
        "sent no heartbeat for 3 minutes or more: {devices}. Check power, management network and agent there."
    ),
    HealthFindingType.REBOOT_REQUIRED: "must be rebooted before the last change takes effect: {devices}.",
    HealthFindingType.WRONG_BREAKOUT: (
        "did not change a breakout: {devices}. While a switch has RoCE enabled, it keeps its breakouts until it is"
        " reloaded; the log of the agent there says more."
    ),
    HealthFindingType.UNREADABLE: (
        "reported values that Fabric Sync cannot read: {devices}. Does it know this release of Hedgehog?"
    ),
    HealthFindingType.APPLYING: "still have to apply the last change: {devices}.",
    HealthFindingType.NEVER_REPORTED: (
        "never reported: {devices}. Check that the agent is installed there and reaches the API."
    ),
}


class HealthFinding(BaseModel, frozen=True):
    """One finding about a device; `detail` is empty if the type says it all."""

    type: HealthFindingType
    device: str
    detail: str = ""


class HealthReport(BaseModel, frozen=True):
    """The health of a fabric, why, and about which devices.

    `counts` are the devices with findings of each type; `findings` has those of the devices that the message names.
    """

    health: Health = Health.UNKNOWN
    message: str = ""
    counts: dict[HealthFindingType, int] = {}
    findings: tuple[HealthFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class FabricDevices:
    """The names of a fabric's Switches and Gateways."""

    switches: AbstractSet[str]
    gateways: AbstractSet[str] = frozenset()


def build_report(
    findings: Sequence[HealthFinding], problems: Sequence[str], devices: FabricDevices
) -> HealthReport:
    """Return the report of findings, and of problems that hide others."""
    total = len(devices.switches) + len(devices.gateways)
    if not total:
        return report_unknown("The fabric has no switches and no gateways.")
    chosen = _choose_findings(findings)
    counts = {type_: _count_devices(type_, findings) for type_ in HealthFindingType}
    sentences = [
        f"{count} of {total} devices {_SENTENCES[type_].format(devices=_join(type_, count, chosen))}"
        for type_, count in counts.items()
        if count
    ]
    return HealthReport(
        health=_find_health(findings, problems),
        message=" ".join([*problems, *sentences]) or _describe_healthy(devices),
        counts={type_: count for type_, count in counts.items() if count},
        findings=chosen,
    )


def report_unknown(problem: str) -> HealthReport:
    """Return the report of a fabric whose agents cannot be read."""
    return HealthReport(health=Health.UNKNOWN, message=problem)


def _find_health(findings: Iterable[HealthFinding], problems: Sequence[str]) -> Health:
    found = {_HEALTH_BY_TYPE[finding.type] for finding in findings} | {Health.HEALTHY}
    if problems:
        found.add(Health.UNKNOWN)
    return min(found, key=_WORST_FIRST.index)


def _count_devices(type_: HealthFindingType, findings: Iterable[HealthFinding]) -> int:
    return len({finding.device for finding in findings if finding.type == type_})


def _choose_findings(findings: Sequence[HealthFinding]) -> tuple[HealthFinding, ...]:
    """Return one finding of each type for the first devices, the worst ones first."""
    by_device: dict[tuple[HealthFindingType, str], HealthFinding] = {}
    for finding in sorted(findings, key=lambda finding: _ORDER.index(finding.type)):
        by_device.setdefault((finding.type, finding.device), finding)
    devices = list(dict.fromkeys(device for _, device in by_device))[:MAX_NAMED_DEVICES]
    return tuple(finding for finding in by_device.values() if finding.device in devices)


def _join(type_: HealthFindingType, count: int, chosen: Iterable[HealthFinding]) -> str:
    """Return the named devices with such a finding, and the number of the others."""
    listed = [
        f"{finding.device} ({finding.detail})" if finding.detail else finding.device
        for finding in chosen
        if finding.type == type_
    ]
    others = count - len(listed)
    return ", ".join([*listed, *([f"{others} more"] if others else [])])


def _describe_healthy(devices: FabricDevices) -> str:
    counts = {"switches": len(devices.switches), "gateways": len(devices.gateways)}
    listed = " and ".join(f"{number} {name}" for name, number in counts.items() if number)
    return f"All devices have applied the last change and report ({listed})."
