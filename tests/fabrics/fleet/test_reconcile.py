"""The plan of a round: what it asks for, and what no answer of NetBox, however wrong, may make it do."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fabrics.fleet.reconcile import (
    FabricRecord,
    FleetPlan,
    FleetSnapshot,
    ImplausibleRead,
    RunningLoop,
)
from fabrics.fleet.summary import FleetSummary, render_fleet_details, summarise_fleet
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.record.status import LastKnownState, SyncStatus, compute_sync_status

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HERE, ELSEWHERE = "default@here", "default@elsewhere"
HEARTBEAT = 900
NOTHING = FleetPlan(loops_to_signal=(), records_to_update=(), overdue=())

IDS = [f"dc-{number}" for number in range(8)]


def ago(seconds: float) -> datetime:
    """A moment so long before the round."""
    return NOW - timedelta(seconds=seconds)


def member(
    fabric_id: str, *, instance: str = "", last: float | None = 60, **more: object
) -> FabricRecord:
    """A record that wants a loop; `last` is how many seconds ago its last sync started."""
    known: dict[str, object] = {
        "fabric_id": fabric_id,
        "name": fabric_id.upper(),
        "record_id": sum(fabric_id.encode()),
        "enabled": True,
        "interval": 60,
        "kubernetes": KubernetesTarget(server="https://k8s", namespace="default", credential="x"),
    }
    synced = None if last is None else ago(last)
    config = FabricConfig.model_validate(known | more)
    facts = LastKnownState(last_sync=synced, last_success=synced)
    shown = compute_sync_status(config, facts)
    return FabricRecord(config=config, last_known=facts, instance=instance, shown_status=shown)


def loop_of(
    known: FabricRecord, *, started: float = 86400, config_hash: str | None = None
) -> RunningLoop:
    """The loop of a record, which knows what the record says unless another hash is given."""
    return RunningLoop(
        fabric_id=known.config.fabric_id,
        config_hash=known.config.hash if config_hash is None else config_hash,
        started=ago(started),
    )


def snapshot(members: Iterable[FabricRecord], loops: Iterable[RunningLoop]) -> FleetSnapshot:
    """What a round sees."""
    return FleetSnapshot(
        records=tuple(members),
        loops=tuple(loops),
        instance=HERE,
        netbox_heartbeat=HEARTBEAT,
        now=NOW,
    )


def plan(
    members: Iterable[FabricRecord], loops: Iterable[RunningLoop], *, release: bool = False
) -> FleetPlan:
    """The plan of that round."""
    return snapshot(members, loops).plan(is_new_release=release)


# -- what a single fabric gets ------------------------------------------------------------------------


def test_a_record_that_wants_a_loop_gets_one() -> None:
    assert plan([member("a")], []) == FleetPlan(
        loops_to_signal=("a",), records_to_update=(), overdue=()
    )


@pytest.mark.parametrize(
    ("setting", "value"),
    [("enabled", False), ("interval", 0), ("active", False), ("kubernetes", None)],
)
def test_a_record_that_wants_none_has_its_status_settled(setting: str, value: object) -> None:
    known = member("a")
    config = known.config.model_copy(update={setting: value})
    idle = known.model_copy(update={"config": config})
    assert plan([idle], []) == FleetPlan(
        loops_to_signal=(), records_to_update=(idle.config.record_id,), overdue=()
    )


def test_a_loop_that_knows_its_record_is_left_alone() -> None:
    known = member("a")
    assert plan([known], [loop_of(known)]) == NOTHING


@pytest.mark.parametrize("config_hash", ["", "another"])
def test_a_loop_that_does_not_know_its_record_is_told(config_hash: str) -> None:
    known = member("a")
    assert plan([known], [loop_of(known, config_hash=config_hash)]).loops_to_signal == ("a",)


def test_a_loop_that_nobody_wants_any_more_is_told_and_not_written_over() -> None:
    idle = member("a", enabled=False)
    asked = plan([idle], [loop_of(idle, config_hash="before")])
    assert asked == FleetPlan(loops_to_signal=("a",), records_to_update=(), overdue=())


@pytest.mark.parametrize(
    ("status", "drift", "told"),
    [
        ("inventory_only", 0, ()),
        (None, None, ()),
        ("error", 0, ("a",)),
        ("inventory_only", 7, ("a",)),
    ],
)
def test_a_loop_is_told_of_a_record_that_contradicts_it(
    status: str | None, drift: int | None, told: tuple[str, ...]
) -> None:
    known = member("a")
    loop = loop_of(known).model_copy(update={"status": status, "drift_count": drift})
    assert plan([known], [loop]).loops_to_signal == told


@pytest.mark.parametrize(("last", "told"), [(None, ()), (60, ("a",))])
def test_a_first_sync_is_believed_and_a_later_one_asked_about(
    last: float | None, told: tuple[str, ...]
) -> None:
    known = member("a", last=last)
    shown = {"status": known.shown_status, "drift": 0}
    loop = loop_of(known, started=60).model_copy(update=shown)
    assert (
        plan([known.model_copy(update={"shown_status": "syncing"})], [loop]).loops_to_signal == told
    )


def test_a_loop_is_told_of_a_record_that_is_not_coherent() -> None:
    known = member("a").model_copy(update={"is_consistent": False})
    assert plan([known], [loop_of(known)]).loops_to_signal == ("a",)


@pytest.mark.parametrize(("shown", "told"), [("syncing", ()), ("in_sync", ("a",)), ("", ("a",))])
def test_a_loop_is_told_of_a_record_that_contradicts_itself(
    shown: str, told: tuple[str, ...]
) -> None:
    known = member("a").model_copy(update={"shown_status": shown})
    assert plan([known], [loop_of(known)]).loops_to_signal == told


def test_after_a_release_every_loop_is_told() -> None:
    members = [member(fabric_id) for fabric_id in IDS]
    loops = [loop_of(known) for known in members]
    assert plan(members, loops, release=True).loops_to_signal == tuple(IDS)
    assert plan(members, loops) == NOTHING


@pytest.mark.parametrize(
    ("interval", "last", "started", "overdue"),
    [
        (60, 1800, 86400, False),
        (60, 1801, 86400, True),
        (3600, 7200, 86400, False),
        (3600, 7201, 86400, True),
        (60, None, 1801, True),
        (60, 86400, 60, False),  # it has only just started
    ],
)
def test_a_loop_is_overdue_after_two_intervals_or_two_heartbeats(
    interval: int, last: float | None, started: float, overdue: bool
) -> None:
    known = member("a", interval=interval, last=last)
    asked = plan([known], [loop_of(known, started=started)])
    expected = ("a",) if overdue else ()
    assert (asked.loops_to_signal, asked.overdue) == (expected, expected)


@pytest.mark.parametrize(("since", "overdue"), [(7200, False), (7201, True)])
def test_a_loop_that_loads_a_fabric_for_the_first_time_may_take_its_time(
    since: float, overdue: bool
) -> None:
    loading = member("a", last=None).model_copy(update={"shown_status": SyncStatus.SYNCING})
    asked = plan([loading], [loop_of(loading, started=since)])
    assert asked.overdue == (("a",) if overdue else ())


def test_a_paused_loop_is_never_overdue() -> None:
    known = member("a", paused=True, last=10**6)
    assert plan([known], [loop_of(known)]) == NOTHING


def test_a_loop_that_does_not_end_although_nobody_wants_it_is_overdue_but_not_stale() -> None:
    known = member("a", enabled=False, last=10**6)
    asked = plan([known], [loop_of(known)])
    assert (asked.loops_to_signal, asked.overdue) == (("a",), ("a",))
    assert summarise_fleet(snapshot([known], [loop_of(known)]), asked, []).stale == ()


# -- records that are nobody's, somebody else's or everybody's ----------------------------------------


@given(st.booleans(), st.booleans())
def test_what_another_installation_looks_after_gets_neither_loop_nor_status(
    enabled: bool, release: bool
) -> None:
    theirs = member("a", instance=ELSEWHERE, enabled=enabled)
    assert plan([theirs], [], release=release) == NOTHING
    told = summarise_fleet(snapshot([theirs], []), NOTHING, [])
    assert (told.elsewhere, told.states, told.failed) == (1, {}, ())


def test_a_loop_whose_record_was_taken_over_is_told_so_that_it_ends() -> None:
    theirs = member("a", instance=ELSEWHERE, last=10**6)
    assert plan([theirs], [loop_of(theirs)]) == FleetPlan(
        loops_to_signal=("a",), records_to_update=(), overdue=()
    )


@pytest.mark.parametrize("release", [True, False])
@pytest.mark.parametrize("enabled", [True, False])
def test_records_with_the_same_id_are_left_alone_and_reported(release: bool, enabled: bool) -> None:
    twins = [member("a", name="Berlin"), member("a", name="Bonn", enabled=enabled)]
    for loops in ([], [loop_of(twins[0], config_hash="old")]):
        seen = snapshot(twins, loops)
        assert seen.plan(is_new_release=release) == NOTHING
        [problem] = summarise_fleet(seen, NOTHING, []).problems
        assert "Berlin" in problem
        assert "Bonn" in problem


def test_a_record_with_an_unusable_id_says_so_itself() -> None:
    broken = member("", last=None, problems=("hh_fabric_id is 'A B', but has to be ...",))
    assert plan([broken], []).records_to_update == (broken.config.record_id,)
    assert broken.status is SyncStatus.ERROR
    [problem] = summarise_fleet(snapshot([broken], []), NOTHING, []).problems
    assert "hh_fabric_id is 'A B'" in problem
    theirs = broken.model_copy(update={"instance": ELSEWHERE})
    assert plan([theirs], []) == NOTHING


# -- answers that cannot be the truth -----------------------------------------------------------------


@given(st.integers(0, 40), st.integers(0, 40))
def test_more_than_two_and_a_quarter_of_the_loops_cannot_vanish_at_once(
    kept: int, vanished: int
) -> None:
    there = [member(f"kept-{number}") for number in range(kept)]
    gone = [member(f"gone-{number}") for number in range(vanished)]
    seen = snapshot(there, [loop_of(known) for known in (*there, *gone)])
    if vanished > 2 and vanished > 0.25 * (kept + vanished):
        with pytest.raises(ImplausibleRead, match=f"{vanished} of {kept + vanished} fabrics"):
            seen.plan(is_new_release=False)
    else:
        told = tuple(sorted(known.config.fabric_id for known in gone))
        assert seen.plan(is_new_release=False) == FleetPlan(
            loops_to_signal=told, records_to_update=(), overdue=()
        )


def test_new_records_do_not_hide_that_others_have_vanished() -> None:
    gone = [member(f"gone-{number}") for number in range(4)]
    new = [member(f"new-{number}") for number in range(100)]
    with pytest.raises(ImplausibleRead):
        plan(new, [loop_of(known) for known in gone])


# -- level-triggered ----------------------------------------------------------------------------------

members = st.builds(
    member,
    st.sampled_from(IDS),
    instance=st.sampled_from(["", HERE, ELSEWHERE]),
    last=st.none() | st.integers(0, 10_000),
    enabled=st.booleans(),
    paused=st.booleans(),
    interval=st.sampled_from([0, 5, 60, 3600]),
    record_id=st.integers(1, 1000),
)
fleets = st.lists(members, max_size=8, unique_by=lambda known: known.config.record_id)
loops = st.builds(
    RunningLoop,
    fabric_id=st.sampled_from(IDS),
    config_hash=st.sampled_from(["", "old"]),
    started=st.integers(0, 10_000).map(ago),
)
runnings = st.lists(loops, max_size=8, unique_by=lambda loop: loop.fabric_id)


def carried_out(seen: FleetSnapshot, asked: FleetPlan) -> FleetSnapshot:
    """What the next round sees when every loop that was told has done its part."""
    records = {known.config.fabric_id: known for known in seen.records}
    after = {loop.fabric_id: loop for loop in seen.loops}
    for fabric_id in asked.loops_to_signal:
        after.pop(fabric_id, None)
        known = records.get(fabric_id)
        if known and known.config.needs_loop and not known.has_other_owner(HERE):
            after[fabric_id] = loop_of(known, started=0)
    return seen.model_copy(update={"loops": tuple(after.values())})


@given(
    fleets,
    runnings,
    st.booleans(),
)
def test_a_plan_that_was_carried_out_leaves_nothing_to_tell(
    records: list[FabricRecord], running: list[RunningLoop], release: bool
) -> None:
    seen = snapshot(records, running)
    try:
        asked = seen.plan(is_new_release=release)
    except ImplausibleRead:
        assume(False)
    later = carried_out(seen, asked).plan(is_new_release=False)
    assert (later.loops_to_signal, later.overdue) == ((), ())
    theirs = {known.config.record_id for known in records if known.has_other_owner(HERE)}
    assert not theirs & set(asked.records_to_update)
    assert set(asked.overdue) <= set(asked.loops_to_signal)


@given(fleets, runnings, st.booleans())
def test_the_order_of_an_answer_means_nothing(
    records: list[FabricRecord], running: list[RunningLoop], release: bool
) -> None:
    try:
        one = plan(records, running, release=release)
    except ImplausibleRead:
        assume(False)
    other = plan(records[::-1], running[::-1], release=release)
    assert (one.loops_to_signal, one.overdue) == (other.loops_to_signal, other.overdue)
    assert sorted(one.records_to_update) == sorted(other.records_to_update)


# -- the summary --------------------------------------------------------------------------------------


def failing(fabric_id: str, last: float) -> FabricRecord:
    """A fabric whose last sync failed."""
    known = member(fabric_id, last=last)
    facts = known.last_known.model_copy(update={"error": f"{fabric_id} does not answer."})
    return known.model_copy(update={"last_known": facts})


def test_a_summary_counts_all_and_names_what_failed_last() -> None:
    records = [
        member("a"),
        member("b", enabled=False),
        failing("c", last=300),
        failing("d", last=30),
        member("e", instance=ELSEWHERE),
        member("f", last=2000),
    ]
    seen = snapshot(records, [loop_of(known) for known in records if known.config.needs_loop])
    told = summarise_fleet(seen, seen.plan(is_new_release=False), ["G: refused."])
    assert told.states == {"disabled": 1, "error": 2, "inventory_only": 2}
    assert (told.loops, told.elsewhere, told.stale) == (5, 1, ("F",))
    assert told.failed == ("D: d does not answer.", "C: c does not answer.")
    assert (told.problems, told.is_healthy) == (("G: refused.",), False)
    text = render_fleet_details(told.model_copy(update={"error": "NetBox is down."}))
    for words in ("5 fabrics", "Stale: F", "NetBox is down", "d does not answer", "G: refused"):
        assert words in text


def test_a_summary_stays_short_however_many_fabrics_fail() -> None:
    records = [failing(f"dc-{number:04}", last=10**6) for number in range(2000)]
    records += [member("twin", name=f"Twin {number}") for number in range(500)]
    seen = snapshot(records, [])
    told = summarise_fleet(
        seen, seen.plan(is_new_release=False), [f"Problem {n}." for n in range(2000)]
    )
    assert sum(told.states.values()) == 2000
    assert len(told.model_dump_json()) < 32_000
    assert len(render_fleet_details(told)) < 20_000


def test_before_the_first_round_nothing_is_claimed() -> None:
    assert re.search("not been looked at", render_fleet_details(FleetSummary()))
