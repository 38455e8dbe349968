"""The health of a fabric, from what its agents report.

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
from typing import Final

from pydantic import BaseModel

from fabrics.agents.breakouts import BreakoutMismatch
from fabrics.agents.health_report import (
    FabricDevices,
    HealthFinding,
    HealthFindingType,
    HealthReport,
    build_report,
)
from fabrics.agents.state import AgentMemory, AgentsState, to_datetime
from fabrics.agents.table import AgentListing, AgentReading

MAX_READING_JITTER: Final = timedelta(seconds=2)
"""A reading that is due after some minutes may come this much sooner."""


@dataclass(frozen=True, slots=True)
class AgentsReading:
    """One reading of all agents; `read_at` is by one clock of our own."""

    read_at: datetime
    agents: AgentListing
    gateway_agents: AgentListing


class HealthAssessment(BaseModel, frozen=True):
    """The health that follows from a reading, and what the next one needs to know."""

    report: HealthReport
    agents: AgentsState


def assess_health(
    state: AgentsState,
    reading: AgentsReading,
    devices: FabricDevices,
    stuck_after: timedelta,
) -> HealthAssessment:
    """Assess the health of a fabric.

    A kind that cannot be read leaves its memory unchanged.
    """
    switches = _AgentGroup(devices.switches, reading.agents, reading.read_at, stuck_after)
    gateways = _AgentGroup(devices.gateways, reading.gateway_agents, reading.read_at, stuck_after)
    new_state = state.with_memories(
        switches.remember(state.switches), gateways.remember(state.gateways)
    )
    findings = [
        *switches.list_findings(new_state.switches),
        *gateways.list_findings(new_state.gateways),
        *_list_breakout_findings(state.breakouts, devices.switches),
    ]
    problems = [
        *switches.list_problems(new_state.switches),
        *gateways.list_problems(new_state.gateways),
    ]
    report = build_report(findings, problems, devices)
    return HealthAssessment(report=report, agents=new_state)


def select_own(listing: AgentListing, names: AbstractSet[str]) -> dict[str, AgentReading]:
    """Return the readings of a fabric's own devices, which have these names."""
    return {name: listing.readings[name] for name in sorted(names & listing.readings.keys())}


@dataclass(frozen=True, slots=True)
class _AgentGroup:
    """The agents of a fabric's switches, or of its gateways, in one reading."""

    names: AbstractSet[str]
    listing: AgentListing
    read_at: datetime
    stuck_after: timedelta

    def remember(self, memory: AgentMemory) -> AgentMemory:
        if self.listing.problem:
            return memory
        return memory.after_reading(
            select_own(self.listing, self.names),
            self.listing.heartbeats,
            self.names & set(self.listing.unreadable),
            int(self.read_at.timestamp()),
        )

    def list_problems(self, memory: AgentMemory) -> Iterator[str]:
        """Yield why health is not known; a kind without devices here does not matter."""
        if self.names and self.listing.problem:
            yield self.listing.problem
        if memory.is_full:
            yield (
                "More devices than Fabric Sync can watch sent no recent heartbeat, so silent ones may be missed. If"
                " their clocks are wrong, check their time servers (NTP)."
            )

    def list_findings(self, memory: AgentMemory) -> Iterator[HealthFinding]:
        """Yield what keeps each device from being healthy."""
        if self.listing.problem:
            return
        readings = self.listing.readings
        for name in sorted(self.names):
            if name in readings:
                yield from self._judge(readings[name], memory)
            elif name in self.listing.unreadable:
                yield _finding(HealthFindingType.UNREADABLE, name)
            else:
                yield _finding(HealthFindingType.NEVER_REPORTED, name)

    def _judge(self, reading: AgentReading, memory: AgentMemory) -> Iterator[HealthFinding]:
        name, heartbeat = reading.name, memory.heartbeats.get(reading.name)
        if not reading.has_reported:
            yield _finding(HealthFindingType.NEVER_REPORTED, name)
        elif reading.is_behind:
            yield self._judge_behind(reading, memory)
        if heartbeat and heartbeat.is_silence:
            since = _print_time(to_datetime(heartbeat.first_read))
            yield _finding(HealthFindingType.SILENT, name, f"since {since}")
        if reading.reboot_required:
            yield _finding(HealthFindingType.REBOOT_REQUIRED, name)

    def _judge_behind(self, reading: AgentReading, memory: AgentMemory) -> HealthFinding:
        behind = memory.behind.get(reading.name)
        since = to_datetime(behind.since) if behind else self.read_at
        is_stuck = self.read_at - since >= self.stuck_after - MAX_READING_JITTER
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
    return HealthFinding(type_, device, detail)


def _print_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
