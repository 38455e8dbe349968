"""What targets are told, and when: once it lasts, and never in storms."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrics.fleet.notifications import (
    MAX_FABRICS,
    MAX_LINES,
    MIN_GAP,
    FabricNews,
    Notification,
    TargetState,
    render_target_details,
)
from fabrics.fleet.states import (
    MAX_REASON_CHARS,
    MAX_REASONS,
    FleetStates,
    StateGroup,
    is_trouble,
)
from fabrics.loop.schedule import Schedule

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROUND = 30
INTERVAL = 300
STORM = [f"dc-{number}" for number in range(40)]

type Seconds = float
type FindStates = Callable[[Seconds], Mapping[str, str]]
"""The states of all fabrics, some time after `NOW`."""


def make_states(states: Mapping[str, str], seconds: Seconds, interval: int) -> FleetStates:
    """Return the states that a round found."""
    groups = defaultdict[str, list[str]](list)
    for fabric_id, state in states.items():
        groups[state].append(fabric_id)
    return FleetStates(
        checked=NOW + timedelta(seconds=seconds),
        round_interval=ROUND,
        groups=tuple(
            StateGroup(state=state, interval=interval, fabrics=tuple(fabrics))
            for state, fabrics in sorted(groups.items())
        ),
        reasons={fabric_id: f"{fabric_id} broke." for fabric_id in states},
    )


def run(
    find: FindStates,
    seconds: int,
    *,
    interval: int = INTERVAL,
    is_dead: Callable[[Seconds], bool] = lambda _: False,
    target: TargetState | None = None,
) -> list[tuple[Seconds, Notification]]:
    """Make rounds, and return what a target was told, and when."""
    state, told = target or TargetState(target="ops"), list[tuple[Seconds, Notification]]()
    digest = ""
    for second in range(0, seconds, ROUND):
        states = make_states(find(second), second, interval)
        if states.digest != digest:
            state.observe(states)
            digest = states.digest
        now = NOW + timedelta(seconds=second)
        while not is_dead(second) and (message := state.build_message(now)):
            told.append((second, message))
            state.on_told(message, now)
    return told


def list_told(told: list[tuple[Seconds, Notification]]) -> list[tuple[str, list[str]]]:
    """Return the states and fabrics of messages."""
    return [(message.state, [news.fabric_id for news in message.fabrics]) for _, message in told]


def fail_between(start: Seconds, end: Seconds) -> FindStates:
    """Return what rounds find of one fabric in error from `start` to `end`."""
    return lambda second: {"a": "error" if start <= second < end else "in_sync"}


def test_lasting_trouble_and_its_end_are_told_once() -> None:
    told = run(fail_between(1000, 5000), 10_000)
    assert list_told(told) == [("error", ["a"]), ("in_sync", ["a"])]
    (failed, error), (recovered, end) = told
    assert 1000 + INTERVAL < failed < 1000 + 2 * INTERVAL
    assert 5000 + INTERVAL < recovered < 5000 + 2 * INTERVAL
    assert error.text == "a (since 2026-03-01 12:17:00 UTC): a broke."
    assert end.text.startswith("a (since 2026-03-01 13:23:30 UTC, was error)")


def test_trouble_that_one_sync_finds_is_not_told() -> None:
    assert run(fail_between(1000, 1000 + INTERVAL), 10_000) == []


def test_flapping_fabric_is_not_told() -> None:
    assert run(lambda second: {"a": "error" if second % 600 < 300 else "in_sync"}, 20_000) == []


def simulate_storm(start: Seconds, end: Seconds, interval: int) -> FindStates:
    """Return what rounds find of 40 fabrics whose syncs fail from `start` to `end`.

    Each has slots of its own, and shows what its last sync found.
    """
    begun = NOW - timedelta(days=1)
    schedules = [Schedule.initial(fabric_id, interval, 30, None, begun) for fabric_id in STORM]

    def find_state(schedule: Schedule, second: Seconds) -> str:
        now = NOW + timedelta(seconds=second)
        last = (schedule.skip_to(now).next_slot - schedule.period - NOW).total_seconds()
        return "error" if start <= last < end else "in_sync"

    return lambda second: {
        fabric_id: find_state(schedule, second)
        for fabric_id, schedule in zip(STORM, schedules, strict=True)
    }


@pytest.mark.parametrize("interval", [5, 60, 300])
def test_storm_is_one_message_a_state(interval: int) -> None:
    told = run(simulate_storm(1000, 1600, interval), 10_000, interval=interval)
    assert [state for state, _ in list_told(told)] == ["error", "in_sync"]
    (_, failed), (_, recovered) = list_told(told)
    assert failed == recovered
    assert len(failed) >= len(STORM) / 2, "the others were well again before they could be told"
    if interval < 300:
        assert sorted(failed) == sorted(STORM)


def test_storm_that_goes_on_is_one_message_about_all() -> None:
    [(when, message)] = run(simulate_storm(1000, 90_000, INTERVAL), 20_000)
    assert {news.fabric_id for news in message.fabrics} == set(STORM)
    assert when <= 1000 + 2 * INTERVAL + 3 * ROUND


def test_target_that_is_dead_for_hours_is_told_what_holds_when_it_is_back() -> None:
    def find(second: Seconds) -> dict[str, str]:
        return {
            "over": "error" if 1000 <= second < 9000 else "in_sync",
            "lasting": "error" if second >= 2000 else "in_sync",
            "again": "error" if 1000 <= second < 5000 or second >= 8000 else "in_sync",
        }

    told = run(find, 30_000, is_dead=lambda second: second < 20_000)
    assert list_told(told) == [("error", ["again", "lasting"])]


def test_state_that_goes_through_temporal_repeats_nothing() -> None:
    find = fail_between(1000, 90_000)
    target = TargetState(target="ops")
    assert len(run(find, 5000, target=target)) == 1
    again = TargetState.model_validate_json(target.model_dump_json())
    assert again == target
    assert run(lambda _: {"a": "error"}, 5000, target=again) == [], "a new fleet tells all states"


def test_fabric_that_changed_during_a_delivery_is_told_afterwards() -> None:
    target = TargetState(target="ops")
    target.observe(make_states({"a": "error"}, 0, INTERVAL))
    message = target.build_message(NOW + timedelta(seconds=600))
    assert message is not None
    target.observe(make_states({"a": "in_sync"}, 610, INTERVAL))
    target.on_told(message, NOW + timedelta(seconds=620))
    told = target.build_message(NOW + timedelta(seconds=2000))
    assert told is not None
    assert (told.state, told.fabrics[0].before) == ("in_sync", "error")


def test_repeated_message_has_its_id_and_another_failure_has_another() -> None:
    target = TargetState(target="ops")
    target.observe(make_states({"a": "error"}, 0, INTERVAL))
    messages = [target.build_message(NOW + timedelta(seconds=s)) for s in (600, 5000)]
    target.observe(make_states({"a": "in_sync"}, 6000, INTERVAL))
    target.observe(make_states({"a": "error"}, 7000, INTERVAL))
    messages.append(target.build_message(NOW + timedelta(seconds=9000)))
    first, repeated, other = (message.id for message in messages if message)
    assert first == repeated != other


def test_what_people_did_themselves_only_ends_a_trouble_that_was_told() -> None:
    def find(second: Seconds) -> dict[str, str]:
        acts = {"paused": "paused", "disabled": "disabled"}
        quiet = dict.fromkeys(acts, "in_sync") | {"broken": "error", "deleted": "error"}
        if second < 2000:
            return quiet
        return acts | {"broken": "paused"}

    told = run(find, 10_000)
    assert list_told(told) == [("error", ["broken", "deleted"]), ("paused", ["broken"])]


def test_messages_on_one_state_are_minutes_apart() -> None:
    def find(second: Seconds) -> dict[str, str]:
        return {f"dc-{n}": "error" if second >= 200 * n else "in_sync" for n in range(10)}

    told = run(find, 6000, interval=5)
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(told)]
    assert min(gaps) == MIN_GAP.seconds
    assert sum(len(fabrics) for _, fabrics in list_told(told)) == 10


def test_more_fabrics_than_fit_a_message_are_told_in_the_next() -> None:
    many = {f"dc-{number:04}": "error" for number in range(MAX_FABRICS + 1)}
    told = list_told(run(lambda _: many, 3000))
    assert [len(fabrics) for _, fabrics in told] == [MAX_FABRICS, 1]


def test_longest_message_is_a_small_one() -> None:
    ids = [f"dc-{number:036}" for number in range(1000)]
    states = make_states(dict.fromkeys(ids, "out_of_sync, degraded"), 0, INTERVAL)
    reasons = dict.fromkeys(ids[:MAX_REASONS], "x" * MAX_REASON_CHARS)
    target = TargetState(target="ops", told=dict.fromkeys(ids, "error, degraded"))
    target.observe(states.model_copy(update={"reasons": reasons}))
    message = target.build_message(NOW + timedelta(hours=1))
    assert message is not None
    assert len(message.fabrics) == MAX_FABRICS
    assert len(message.model_dump_json().encode()) < 64 * 1024


def test_state_of_a_target_stays_far_below_what_temporal_takes() -> None:
    ids = [f"dc-{number:036}" for number in range(1000)]
    target = TargetState(target="ops", told=dict.fromkeys(ids, "error, degraded"))
    target.observe(make_states(dict.fromkeys(ids, "out_of_sync, degraded"), 0, INTERVAL))
    target = target.model_copy(
        update={"states": target.states and target.states.model_copy(update={"reasons": {}})}
    )
    assert len(target.changes) == len(ids)
    assert len(target.model_dump_json().encode()) < 300 * len(ids)


def test_text_names_the_first_fabrics_and_counts_the_others() -> None:
    news = tuple(
        FabricNews(fabric_id=f"dc-{number}", before="", since=NOW, reason="")
        for number in range(25)
    )
    message = Notification(id="msg_1", state="out_of_sync", made=NOW, fabrics=news)
    assert message.title == "out of sync: dc-0, dc-1, dc-2 and 22 more"
    lines = message.text.split("\n")
    assert len(lines) == MAX_LINES + 1
    assert lines[-1] == "and 5 more"


def test_details_say_why_nothing_arrives() -> None:
    target = TargetState(target="ops")
    target.observe(make_states({"a": "error"}, 0, INTERVAL))
    target.on_failed("It refused the credentials.")
    details = render_target_details(target)
    assert "Fabrics with news: 1 (a)" in details
    assert "tried again: It refused the credentials." in details
    target.observe(make_states({"a": "in_sync"}, 60, INTERVAL))
    assert target.summary.error == "", "nothing is left to deliver"


STATES = st.sampled_from(["in_sync", "error", "out_of_sync", "in_sync, degraded", "paused"])


@given(st.lists(st.fixed_dictionaries({"a": STATES, "b": STATES}), min_size=1, max_size=12))
def test_what_was_told_is_true_in_the_end_whatever_happened(
    phases: list[dict[str, str]],
) -> None:
    target, length = TargetState(target="ops"), 400

    def find(second: Seconds) -> Mapping[str, str]:
        return phases[min(int(second // length), len(phases) - 1)]

    told = run(find, length * len(phases) + 10_000, target=target)
    in_trouble = {id_: state for id_, state in phases[-1].items() if is_trouble(state)}
    assert (target.told, target.changes) == (in_trouble, {})
    assert len({message.id for _, message in told}) == len(told)
