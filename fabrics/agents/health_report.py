"""The health of a fabric in words, with the devices that are not healthy.

Messages hold no durations that grow, since each new message is written to NetBox.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from pydantic import BaseModel

from fabrics.texts import replace_unprintable

MAX_MESSAGE_CHARS: Final = 500
"""As in the record: what is longer is cut there."""

MAX_NAMED_DEVICES: Final = 10
"""Devices that a message names, or fewer if it would be too long. It counts the others."""


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
    HealthFindingType.STUCK: (
        "{count} of {total} devices did not apply the last change in time: {devices}. Read the log of the agent there."
    ),
    HealthFindingType.SILENT: (
        "{count} of {total} devices sent no heartbeat for 3 minutes or more: {devices}. Check the power, the"
        " management network and the agent there."
    ),
    HealthFindingType.REBOOT_REQUIRED: (
        "{count} of {total} devices must be rebooted before the last change takes effect: {devices}."
    ),
    HealthFindingType.WRONG_BREAKOUT: (
        "{count} of {total} devices did not change a breakout: {devices}. Read the log of the agent there; a switch"
        " with RoCE cannot change breakouts."
    ),
    HealthFindingType.UNREADABLE: (
        "{count} of {total} devices reported values that Fabric Sync cannot read: {devices}. Update Fabric Sync if"
        " Hedgehog has a newer release."
    ),
    HealthFindingType.APPLYING: (
        "{count} of {total} devices have not yet applied the last change: {devices}."
    ),
    HealthFindingType.NEVER_REPORTED: (
        "{count} of {total} devices never reported: {devices}. Check that the agent is installed there and reaches"
        " the API."
    ),
}


class HealthFinding(NamedTuple):
    """One finding about a device; `detail` is empty if the type says it all."""

    type: HealthFindingType
    device: str
    detail: str = ""


class HealthReport(BaseModel, frozen=True):
    """The health of a fabric, and why."""

    health: Health = Health.UNKNOWN
    message: str = ""


@dataclass(frozen=True, slots=True)
class FabricDevices:
    """The names of a fabric's Switches and Gateways."""

    switches: AbstractSet[str]
    gateways: AbstractSet[str] = frozenset()


def build_report(
    findings: Sequence[HealthFinding], problems: Sequence[str], devices: FabricDevices
) -> HealthReport:
    """Return the report of findings, and of problems that hide others."""
    if not devices.switches and not devices.gateways:
        message = "The fabric has no switches and no gateways."
        return HealthReport(health=Health.UNKNOWN, message=message)
    message = _describe(findings, problems, devices) or _describe_healthy(devices)
    return HealthReport(health=_find_health(findings, problems), message=message)


def _find_health(findings: Iterable[HealthFinding], problems: Sequence[str]) -> Health:
    found = {_HEALTH_BY_TYPE[finding.type] for finding in findings} | {Health.HEALTHY}
    if problems:
        found.add(Health.UNKNOWN)
    return min(found, key=_WORST_FIRST.index)


def _describe(
    findings: Iterable[HealthFinding], problems: Sequence[str], devices: FabricDevices
) -> str:
    """Return all findings in a printable message that is short enough, if possible."""
    first = _choose_first(findings)
    total = len(devices.switches) + len(devices.gateways)
    message = ""
    for named in range(MAX_NAMED_DEVICES, -1, -1):
        message = " ".join(_make_sentences(first, problems, total, named))
        if len(message) <= MAX_MESSAGE_CHARS:
            break
    return replace_unprintable(message)


def _choose_first(findings: Iterable[HealthFinding]) -> list[HealthFinding]:
    """Return one finding of each type for each device, the worst first."""
    by_device: dict[tuple[HealthFindingType, str], HealthFinding] = {}
    for finding in sorted(findings, key=lambda finding: _ORDER.index(finding.type)):
        by_device.setdefault((finding.type, finding.device), finding)
    return list(by_device.values())


def _make_sentences(
    findings: Sequence[HealthFinding], problems: Sequence[str], total: int, named: int
) -> Iterator[str]:
    """Yield what is wrong, the worst first, with the names of the first devices."""
    devices = list(dict.fromkeys(finding.device for finding in findings))[:named]
    for health in _WORST_FIRST:
        if health is Health.UNKNOWN:
            yield from problems
        for type_ in _ORDER:
            found = [finding for finding in findings if finding.type is type_]
            if found and _HEALTH_BY_TYPE[type_] is health:
                shown = [finding for finding in found if finding.device in devices]
                text = _join(shown, len(found) - len(shown))
                yield _SENTENCES[type_].format(count=len(found), total=total, devices=text)


def _join(findings: Iterable[HealthFinding], others: int) -> str:
    """Return the devices of findings, and the number of others."""
    listed = [
        f"{finding.device} ({finding.detail})" if finding.detail else finding.device
        for finding in findings
    ]
    more = f"{others} more" if listed else "too many to name here"
    return ", ".join([*listed, *([more] if others else [])])


def _describe_healthy(devices: FabricDevices) -> str:
    counts = {"switches": len(devices.switches), "gateways": len(devices.gateways)}
    listed = ", ".join(f"{name}: {number}" for name, number in counts.items() if number)
    return f"All devices have applied the last change and report ({listed})."
