"""What one target of notifications was told, and what it has still to be told.

A state is told once it has lasted: a second sync, as for the journal of a record, has had time to find another one. A
message is about one state, and about all fabrics that are in it by then. It waits for those on their way to that state,
so that a failure of many is one message, however their slots are spread.

A target that does not answer has no queue: once it does, it is told what holds by then, if that is news to it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from pydantic import BaseModel

from fabrics.drift.sentences import join_names, shorten
from fabrics.fleet.states import MAX_REASON_CHARS, FleetStates, StateGroup, is_trouble
from fabrics.texts import escape_markdown
from fabrics.times import format_time

MAX_GATHERING: Final = timedelta(minutes=10)
"""The longest wait of a message for other fabrics on their way to its state."""

MIN_GAP: Final = timedelta(minutes=5)
"""The shortest time between two messages on one state."""

MAX_FABRICS: Final = 300
"""Fabrics of one message; a later one has the others."""

MAX_LINES: Final = 20
MAX_TITLE_NAMES: Final = 3
MAX_NAME_CHARS: Final = 40

TEST: Final = "test"
"""The state of a message that only shows that its target can be reached."""

NEVER: Final = datetime.fromtimestamp(0, UTC)


class Change(BaseModel, frozen=True):
    """A state that a target has not been told; it has lasted at `lasts_from`."""

    state: str
    since: datetime
    lasts_from: datetime


class FabricNews(BaseModel, frozen=True):
    """A fabric in a message, and the trouble that its target was told before, if any."""

    fabric_id: str
    before: str
    since: datetime
    reason: str


class Notification(BaseModel, frozen=True):
    """A message to one target; `id` stays the same however often it is sent."""

    id: str
    state: str
    made: datetime
    fabrics: tuple[FabricNews, ...] = ()

    @property
    def title(self) -> str:
        """The state and the fabrics in it, on one line."""
        names = [news.fabric_id for news in self.fabrics]
        shown = join_names(names, MAX_TITLE_NAMES, MAX_NAME_CHARS)
        return f"{_spell(self.state)}: {shown or 'notifications of Fabric Sync arrive here'}"

    @property
    def text(self) -> str:
        """A line for each of the first fabrics; the title again if there is none."""
        lines = [_describe(news) for news in self.fabrics[:MAX_LINES]]
        left_out = len(self.fabrics) - len(lines)
        more = [f"and {left_out} more"] if left_out else []
        return "\n".join(lines + more) or self.title

    def to_event(self) -> dict[str, Any]:
        """Return the message for programs, as Standard Webhooks recommends."""
        content = self.model_dump(mode="json", include={"state", "fabrics"})
        return {
            "type": "fabrics.state",
            "timestamp": self.made.isoformat(),
            "data": content | {"title": self.title, "text": self.text},
        }


class TargetSummary(BaseModel, frozen=True):
    """How many fabrics a target was told of, and how many it should be told of.

    `error` says why the last message could not be delivered.
    """

    target: str
    told: int
    waiting: int
    error: str = ""


class TargetState(BaseModel):
    """What one target was told, and what is news to it.

    A fabric that is not in `told` is well, as far as the target knows. `states` are those of the last round that had
    others than the one before. `sent` has the time of the last message on each state. `error` says why the last message
    could not be delivered.
    """

    target: str
    states: FleetStates | None = None
    told: dict[str, str] = {}
    changes: dict[str, Change] = {}
    sent: dict[str, datetime] = {}
    error: str = ""

    @property
    def summary(self) -> TargetSummary:
        """The numbers that people ask for."""
        return TargetSummary(
            target=self.target, told=len(self.told), waiting=len(self.changes), error=self.error
        )

    @property
    def next_due(self) -> datetime | None:
        """When the next message is due; None if there is no news."""
        return min(map(self._find_due, self._new_states), default=None)

    def observe(self, states: FleetStates) -> None:
        """Take over the states of a round; fabrics without a record are forgotten."""
        groups = {fabric_id: group for group in states.groups for fabric_id in group.fabrics}
        self.states = states
        self.told = {id_: state for id_, state in self.told.items() if id_ in groups}
        self.changes = {
            fabric_id: self._note(fabric_id, group, states)
            for fabric_id, group in groups.items()
            if self._is_news(fabric_id, group.state)
        }
        if not self.changes:
            self.error = ""

    def build_message(self, now: datetime) -> Notification | None:
        """Return the message that is due by `now`; None if none is."""
        due = [state for state in self._new_states if self._find_due(state) <= now]
        return self._build(min(due, key=self._find_due), now) if due else None

    def on_told(self, message: Notification, now: datetime) -> None:
        """Note that the target took a message."""
        for news in message.fabrics:
            self.told.pop(news.fabric_id, None)
            if is_trouble(message.state):
                self.told[news.fabric_id] = message.state
        self.sent[message.state], self.error = now, ""
        assert self.states is not None  # noqa: S101  a message is about states
        self.observe(self.states)

    def on_failed(self, error: str) -> None:
        """Note why a message could not be delivered; what it said is still news."""
        self.error = error

    @property
    def _new_states(self) -> list[str]:
        return sorted({change.state for change in self.changes.values()})

    def _is_news(self, fabric_id: str, state: str) -> bool:
        told = self.told.get(fabric_id)
        return state != told if is_trouble(state) else told is not None

    def _note(self, fabric_id: str, group: StateGroup, states: FleetStates) -> Change:
        known = self.changes.get(fabric_id)
        if known and known.state == group.state:
            return known
        # A second sync within an interval, and a round that would have seen what it found.
        patience = timedelta(seconds=group.interval + 1.5 * states.round_interval)
        return Change(state=group.state, since=states.checked, lasts_from=states.checked + patience)

    def _find_due(self, state: str) -> datetime:
        """Return when all have lasted that will be in this state soon after the first."""
        ends = [change.lasts_from for change in self.changes.values() if change.state == state]
        latest = min(ends) + MAX_GATHERING
        gathered = max(end for end in ends if end <= latest)
        return max(gathered, self.sent.get(state, NEVER) + MIN_GAP)

    def _build(self, state: str, now: datetime) -> Notification:
        lasting = sorted(
            fabric_id
            for fabric_id, change in self.changes.items()
            if change.state == state and change.lasts_from <= now
        )
        fabrics = tuple(map(self._describe_news, lasting[:MAX_FABRICS]))
        content = (
            self.target,
            state,
            [(news.fabric_id, news.since.isoformat()) for news in fabrics],
        )
        digest = sha256(repr(content).encode()).hexdigest()[:24]
        return Notification(id=f"msg_{digest}", state=state, made=now, fabrics=fabrics)

    def _describe_news(self, fabric_id: str) -> FabricNews:
        reasons = self.states.reasons if self.states else {}
        return FabricNews(
            fabric_id=fabric_id,
            before=self.told.get(fabric_id, ""),
            since=self.changes[fabric_id].since,
            reason=shorten(reasons.get(fabric_id, ""), MAX_REASON_CHARS),
        )


def notifications_workflow_id(target: str) -> str:
    """Return the id of the workflow that remembers what a target was told."""
    return f"fabric-notifications/{target}"


def render_target_details(state: TargetState) -> str:
    """Return how a target is in markdown, for the Temporal Web UI."""
    lines = [
        f"Notifications to **{state.target}**.",
        f"- Fabrics whose trouble was told: {_count(state.told)}",
        f"- Fabrics with news: {_count(state.changes)}; next message: {format_time(state.next_due)}",
    ]
    if state.error:
        lines.append(
            "- The last message was not delivered, and what it said is tried again:"
            f" {escape_markdown(state.error)}"
        )
    return "\n".join(lines)


def _count(fabric_ids: Iterable[str]) -> str:
    names = sorted(fabric_ids)
    return f"{len(names)} ({join_names(names, MAX_LINES, MAX_NAME_CHARS)})" if names else "0"


def _describe(news: FabricNews) -> str:
    before = f", was {_spell(news.before)}" if news.before else ""
    reason = f": {news.reason}" if news.reason else ""
    return f"{news.fabric_id} (since {format_time(news.since)}{before}){reason}"


def _spell(state: str) -> str:
    return state.replace("_", " ")
