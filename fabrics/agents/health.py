"""The health of a fabric: have its switches and gateways applied what the API holds, and do they still report?

Health and sync status are two answers to two questions. A fabric is degraded if an agent is stuck (behind for some
minutes by our own clock) or silent, or if a switch needs a reboot or has another breakout than its Switch states. It
is progressing while agents apply a change or have never reported, and unknown if agents cannot be read. An agent
counts through the Switch or Gateway of its name; others are ignored. A Switch without an agent has never reported:
the controller makes its agent soon after the Switch.

Messages hold no durations that grow, since each new message is written to NetBox.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from pydantic import BaseModel

from fabrics.agents.breakouts import BreakoutMismatch
from fabrics.agents.state import (
    MAX_REMEMBERED,
    AgentMemory,
    AgentsState,
    Memories,
    add_readings,
    to_datetime,
)
from fabrics.agents.table import AgentListing, AgentReading

MAX_NAMED_DEVICES: Final = 10
"""Devices that a report names. It counts the others."""

STUCK_AFTER: Final = timedelta(minutes=5)


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
    HealthFindingType.WRONG_BREAKOUT: "did not change a breakout: {devices}.",
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
class AgentsReading:
    """One reading of all agents. `read_at` is our own time, by the same clock in every reading."""

    read_at: datetime
    agents: AgentListing
    gateway_agents: AgentListing


@dataclass(frozen=True, slots=True)
class FabricDevices:
    """The names of a fabric's Switches and Gateways."""

    switches: AbstractSet[str]
    gateways: AbstractSet[str] = frozenset()


class HealthAssessment(NamedTuple):
    """The state after a reading, and the health that follows from both.

    `silent_switches` are not heard, so their cabling cannot be judged.
    """

    state: AgentsState
    report: HealthReport
    silent_switches: frozenset[str]


def assess_health(
    state: AgentsState,
    reading: AgentsReading,
    devices: FabricDevices,
    stuck_after: timedelta = STUCK_AFTER,
) -> HealthAssessment:
    """Assess the health of a fabric. A kind that cannot be read leaves its state unchanged."""
    switches = _AgentGroup(devices.switches, reading.agents, reading.read_at, stuck_after)
    gateways = _AgentGroup(devices.gateways, reading.gateway_agents, reading.read_at, stuck_after)
    new_state = state.model_copy(
        update={
            "switches": switches.remember(state.switches),
            "gateways": gateways.remember(state.gateways),
        }
    )
    switch_findings = list(switches.list_findings(new_state.switches))
    findings = [
        *switch_findings,
        *gateways.list_findings(new_state.gateways),
        *_list_breakout_findings(state.breakouts, devices.switches),
    ]
    problems = [*switches.list_problems(), *gateways.list_problems()]
    silent = (item.device for item in switch_findings if item.type == HealthFindingType.SILENT)
    report = _build_report(findings, problems, devices)
    return HealthAssessment(new_state, report, frozenset(silent))


def report_unknown(problem: str) -> HealthReport:
    """Return the report of a fabric whose agents could not be read, for the reason in `problem`."""
    return HealthReport(health=Health.UNKNOWN, message=problem)


@dataclass(frozen=True, slots=True)
class _AgentGroup:
    """The agents of a fabric's switches, or of its gateways, in one reading."""

    names: AbstractSet[str]
    listing: AgentListing
    read_at: datetime
    stuck_after: timedelta

    @property
    def is_readable(self) -> bool:
        return not self.listing.problem

    @property
    def readings(self) -> dict[str, AgentReading]:
        """The readings of this fabric's devices."""
        listed = self.listing.readings
        return {name: listed[name] for name in sorted(self.names & listed.keys())}

    def remember(self, memories: Memories) -> Memories:
        if not self.is_readable:
            return memories
        unreadable = self.names & set(self.listing.unreadable)
        kept = {name: memories[name] for name in sorted(unreadable & memories.keys())}
        return add_readings(memories, self.readings, self.read_at) | kept

    def list_problems(self) -> Iterator[str]:
        """Yield why health is not known; a kind without devices here does not matter."""
        if self.names and not self.is_readable:
            yield self.listing.problem
        if len(self.names) > MAX_REMEMBERED:
            yield (
                f"The fabric has {len(self.names)} devices of a kind, and Fabric Sync watches at most"
                f" {MAX_REMEMBERED}."
            )

    def list_findings(self, memories: Memories) -> Iterator[HealthFinding]:
        """Yield what keeps each device from being healthy."""
        if not self.is_readable:
            return
        readings = self.readings
        for name in sorted(self.names):
            if name in readings:
                yield from self._judge(readings[name], memories.get(name, AgentMemory()))
            elif name in self.listing.unreadable:
                yield _finding(HealthFindingType.UNREADABLE, name)
            else:
                yield _finding(HealthFindingType.NEVER_REPORTED, name)

    def _judge(self, reading: AgentReading, memory: AgentMemory) -> Iterator[HealthFinding]:
        if not reading.has_reported:
            yield _finding(HealthFindingType.NEVER_REPORTED, reading.name)
        elif reading.is_behind:
            yield self._judge_behind(reading, memory)
        if memory.heartbeat_read and memory.is_silent(reading, int(self.read_at.timestamp())):
            since = _print_time(to_datetime(memory.heartbeat_read))
            yield _finding(HealthFindingType.SILENT, reading.name, f"since {since}")
        if reading.reboot_required:
            yield _finding(HealthFindingType.REBOOT_REQUIRED, reading.name)

    def _judge_behind(self, reading: AgentReading, memory: AgentMemory) -> HealthFinding:
        since = self.read_at if memory.behind_since is None else to_datetime(memory.behind_since)
        is_stuck = self.read_at - since > self.stuck_after
        applied = reading.applied_generation or "none"
        kind = HealthFindingType.STUCK if is_stuck else HealthFindingType.APPLYING
        detail = f"generation {applied} instead of {reading.generation} since {_print_time(since)}"
        return _finding(kind, reading.name, detail)


def _list_breakout_findings(
    mismatches: Iterable[BreakoutMismatch], switches: AbstractSet[str]
) -> Iterator[HealthFinding]:
    for switch, port, stated, reported in mismatches:
        if switch in switches:
            detail = f"{port} is {reported} instead of {stated}"
            yield _finding(HealthFindingType.WRONG_BREAKOUT, switch, detail)


def _build_report(
    findings: Sequence[HealthFinding], problems: Sequence[str], devices: FabricDevices
) -> HealthReport:
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


def _finding(type_: HealthFindingType, device: str, detail: str = "") -> HealthFinding:
    return HealthFinding(type=type_, device=device, detail=detail)


def _print_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
