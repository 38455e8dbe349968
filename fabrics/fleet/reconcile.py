"""All fabrics of one NetBox: what one look at their records and loops asks for.

The plan is level-triggered: it compares what is with what should be, and remembers nothing. So a round
that was lost, or half done, is made up for by the next one. What it must never do is take a bad answer
for a change: an empty or shortened list would end loops that people want.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Self

from pydantic import BaseModel

from fabrics.record.config import FabricConfig
from fabrics.record.status import Facts, SyncStatus, sync_status
from fabrics.record.status_fields import (
    instance_of,
    is_true,
    parse_config,
    parse_facts,
    shown_status,
)

FLEET_ID: Final = "fabric-fleet"
"""The id of the workflow that looks after all loops."""

MOST_VANISHED: Final = 2
MOST_VANISHED_SHARE: Final = 0.25
"""Loops whose records have vanished at once: more than two of them and a quarter is no tidying up."""

LONGEST_LOAD: Final = 3600
"""Seconds that a fabric may well be `syncing` when it is loaded for the first time."""


class Member(BaseModel, frozen=True):
    """One record. `shown` is the status that it shows, `instance` the installation that has claimed it;
    each is empty where there is none. `coherent` says whether all that it shows goes together.
    """

    config: FabricConfig
    facts: Facts
    instance: str
    shown: str = ""
    coherent: bool = True

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """The member whose NetBox record this is."""
        shown = shown_status(record)
        syncing = shown == SyncStatus.SYNCING
        return cls(
            config=parse_config(record),
            facts=parse_facts(record).model_copy(update={"syncing": syncing}),
            instance=instance_of(record),
            shown=shown,
            coherent=syncing or is_true(record),
        )

    @property
    def status(self) -> SyncStatus:
        """Its status, as its record should show it."""
        return sync_status(self.config, self.facts)

    @property
    def is_true(self) -> bool:
        """Whether what it shows can be the truth. That a sync is running, only its loop can know."""
        return self.coherent and self.shown in (self.status, SyncStatus.SYNCING)

    def is_elsewhere(self, instance: str) -> bool:
        """Whether an installation other than `instance` looks after it."""
        return self.instance not in ("", instance)


class RunningLoop(BaseModel, frozen=True):
    """A loop that Temporal lists. `config_hash` is that of the configuration that it goes by.

    `status`, apart from a sync that is running, and `drift` are what it shows there; None where Temporal
    does not know them.
    """

    fabric_id: str
    config_hash: str
    started: datetime
    status: str | None = None
    drift: int | None = None

    def contradicts(self, member: Member) -> bool:
        """Whether its record shows something else. One that says `syncing` for the first time may be right."""
        if self.status is None:
            return False
        if member.shown == SyncStatus.SYNCING:
            return member.facts.last_sync is not None
        return (self.status, self.drift) != (member.shown, member.facts.drift_count or 0)


class Plan(BaseModel, frozen=True):
    """What to do, by fabric id: `tell` loops, started where they do not run, that their record may have
    changed; `settle` records without a loop, by their numbers, whose status is to be made true.
    `overdue` ones are among those that are told.
    """

    tell: tuple[str, ...]
    settle: tuple[int, ...]
    overdue: tuple[str, ...]


class ImplausibleRead(Exception):
    """What was read cannot be the truth; the text says why and what to do."""


class FleetSnapshot(BaseModel, frozen=True):
    """One look at all records and at all loops.

    `instance` is this installation, `heartbeat` the number of seconds after which a record is written
    though nothing changed.
    """

    members: tuple[Member, ...]
    loops: tuple[RunningLoop, ...]
    instance: str
    heartbeat: int
    now: datetime

    @property
    def ours(self) -> dict[str, Member]:
        """By fabric id, those that this installation may look after."""
        return {
            fabric_id: member
            for fabric_id, member in self._told_apart.items()
            if not member.is_elsewhere(self.instance)
        }

    @property
    def vanished(self) -> frozenset[str]:
        """The loops that have no record."""
        known = {member.config.fabric_id for member in self.members}
        return frozenset(loop.fabric_id for loop in self.loops) - known

    def plan(self, *, release: bool) -> Plan:
        """What to do now; after a `release` every loop is told.

        Raises `ImplausibleRead` where too many loops have lost their record at once.
        """
        ours, running = self.ours, {loop.fabric_id: loop for loop in self.loops}
        _check_vanished(len(self.vanished), len(running))
        taken_away = running.keys() & self._told_apart.keys() - ours.keys()
        both = [(ours[fabric_id], running[fabric_id]) for fabric_id in ours.keys() & running.keys()]
        outdated = {
            loop.fabric_id
            for member, loop in both
            if release
            or loop.config_hash != member.config.hash
            or not member.is_true
            or loop.contradicts(member)
        }
        overdue = {loop.fabric_id for member, loop in both if self._is_overdue(member, loop)}
        idle = ours.keys() - running.keys()
        lost = {fabric_id for fabric_id in idle if ours[fabric_id].config.wants_a_loop}
        unwanted = idle - lost
        return Plan(
            tell=tuple(sorted(self.vanished | taken_away | outdated | overdue | lost)),
            settle=tuple(
                member.config.record_id
                for member in self.members
                if member.config.fabric_id in unwanted or self._is_unusable(member)
            ),
            overdue=tuple(sorted(overdue)),
        )

    @property
    def _told_apart(self) -> dict[str, Member]:
        """By fabric id, those that have one which nobody else has."""
        uses = Counter(member.config.fabric_id for member in self.members)
        return {
            fabric_id: member
            for member in self.members
            if (fabric_id := member.config.fabric_id) and uses[fabric_id] == 1
        }

    def _is_unusable(self, member: Member) -> bool:
        """Its fabric id is none, so it can never have a loop that would say so."""
        return member.config.unusable and not member.is_elsewhere(self.instance)

    def _is_overdue(self, member: Member, loop: RunningLoop) -> bool:
        """The record says that no sync began, failed or not, for two intervals, heartbeats or loads.

        A loop that nobody wants ends within moments, so one that still runs by then is overdue as well.
        """
        if member.config.paused and member.config.wants_a_loop:
            return False
        last = max(filter(None, (member.facts.last_sync, loop.started)))
        load = LONGEST_LOAD if member.shown == SyncStatus.SYNCING else 0
        longest = max(member.config.interval, self.heartbeat, load)
        return self.now - last > timedelta(seconds=2 * longest)


def _check_vanished(vanished: int, running: int) -> None:
    if vanished > max(MOST_VANISHED, running * MOST_VANISHED_SHARE):
        raise ImplausibleRead(
            f"{vanished} of {running} fabrics that are synced have no record in NetBox any more:"
            " nothing was changed. Check what the worker's token may see; to really end so many loops,"
            " disable the fabrics before their records are deleted, or send the loops of those that"
            " are gone the signal record_changed."
        )
