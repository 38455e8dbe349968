"""The health of a fabric, from what its agents print.

It says whether switches and gateways have applied what the API holds, and whether they still report. Health and sync
status are two answers to two questions. A fabric is degraded if an agent is stuck (behind for some minutes by our own
clock) or silent, or if a switch needs a reboot or has another breakout than its Switch states. It is progressing while
agents apply a change or have never reported, and unknown if agents cannot be read. An agent counts through the Switch
or Gateway of its name; others are ignored. A Switch without an agent has never reported: the controller makes its
agent soon after the Switch.
"""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from fabrics.agents.breakouts import BreakoutMismatch
from fabrics.agents.health_report import (
    FabricDevices,
    HealthFinding,
    HealthFindingType,
    HealthReport,
    build_report,
)
from fabrics.agents.state import (
    MAX_REMEMBERED,
    AgentMemory,
    AgentsState,
    Memories,
    add_readings,
    to_datetime,
)
from fabrics.agents.table import AgentListing, AgentReading

STUCK_AFTER: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class AgentsReading:
    """One reading of all agents; `read_at` is by one clock of our own."""

    read_at: datetime
    agents: AgentListing
    gateway_agents: AgentListing


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
    """Assess the health of a fabric.

    A kind that cannot be read leaves its state unchanged.
    """
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
    report = build_report(findings, problems, devices)
    return HealthAssessment(new_state, report, frozenset(silent))


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


def _finding(type_: HealthFindingType, device: str, detail: str = "") -> HealthFinding:
    return HealthFinding(type=type_, device=device, detail=detail)


def _print_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
