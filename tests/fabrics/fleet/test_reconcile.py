"""The plan of a fleet round, also after wrong answers of NetBox."""

import re
from collections.abc import Iterable

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from fabrics.fleet.reconcile import (
    FabricRecord,
    FleetPlan,
    FleetSnapshot,
    OrphanedLoopsError,
    RunningLoop,
)
from fabrics.fleet.summary import (
    MAX_NAMED_OWNERS,
    FleetSummary,
    render_fleet_details,
    summarize_fleet,
)
from fabrics.record.sync_status import SyncStatus
from fabrics.texts import escape_markdown
from fabrics.version import VERSION
from tests.support.fabrics.fleet import (
    HEARTBEAT,
    HERE,
    NOTHING,
    NOW,
    ago,
    loop_of,
    make_record,
    snapshot,
)

ELSEWHERE = "default@elsewhere"

IDS = [f"dc-{number}" for number in range(8)]


def plan(
    records: Iterable[FabricRecord], loops: Iterable[RunningLoop], *, is_new_release: bool = False
) -> FleetPlan:
    """Return the plan of that round."""
    return snapshot(records, loops).plan(is_new_release=is_new_release)


# -- single fabrics ------------------------------------------------------------------------------------


def test_record_that_needs_loop_gets_one() -> None:
    assert plan([make_record("a")], []) == FleetPlan(
        loops_to_signal=("a",), records_to_update=(), overdue=()
    )


@pytest.mark.parametrize(
    ("setting", "value"),
    [("enabled", False), ("interval", 0), ("active", False), ("kubernetes", None)],
)
def test_record_that_needs_no_loop_has_its_status_updated(setting: str, value: object) -> None:
    record = make_record("a")
    config = record.config.model_copy(update={setting: value})
    idle = record.model_copy(update={"config": config})
    assert plan([idle], []) == FleetPlan(
        loops_to_signal=(), records_to_update=(idle.config.record_id,), overdue=()
    )


def test_up_to_date_loop_is_not_signalled() -> None:
    record = make_record("a")
    assert plan([record], [loop_of(record)]) == NOTHING


@pytest.mark.parametrize("config_hash", ["", "another"])
def test_loop_with_other_config_hash_is_signalled(config_hash: str) -> None:
    record = make_record("a")
    assert plan([record], [loop_of(record, config_hash=config_hash)]).loops_to_signal == ("a",)


def test_loop_whose_task_keeps_failing_is_named_before_it_is_overdue() -> None:
    record, other = make_record("a"), make_record("b")
    failing = loop_of(record).model_copy(update={"is_failing": True})
    round_plan = plan([record, other], [failing, loop_of(other)])
    assert round_plan == NOTHING.model_copy(update={"failing": ("a",)})


def test_loop_of_disabled_fabric_is_signalled_and_its_record_not_updated() -> None:
    idle = make_record("a", enabled=False)
    round_plan = plan([idle], [loop_of(idle, config_hash="before")])
    assert round_plan == FleetPlan(loops_to_signal=("a",), records_to_update=(), overdue=())


@pytest.mark.parametrize(
    ("status", "drift_count", "signalled"),
    [
        ("inventory_only", 0, ()),
        (None, None, ()),
        ("error", 0, ("a",)),
        ("inventory_only", 7, ("a",)),
    ],
)
def test_loop_that_contradicts_its_record_is_signalled(
    status: str | None, drift_count: int | None, signalled: tuple[str, ...]
) -> None:
    record = make_record("a")
    loop = loop_of(record).model_copy(update={"status": status, "drift_count": drift_count})
    assert plan([record], [loop]).loops_to_signal == signalled


@pytest.mark.parametrize(("last", "signalled"), [(None, ()), (60, ("a",))])
def test_syncing_in_record_counts_only_for_first_sync(
    last: float | None, signalled: tuple[str, ...]
) -> None:
    record = make_record("a", last=last)
    shown = {"status": record.shown_status, "drift_count": 0}
    loop = loop_of(record, started=60).model_copy(update=shown)
    assert (
        plan([record.model_copy(update={"shown_status": "syncing"})], [loop]).loops_to_signal
        == signalled
    )


def test_loop_of_inconsistent_record_is_signalled() -> None:
    record = make_record("a").model_copy(update={"is_consistent": False})
    assert plan([record], [loop_of(record)]).loops_to_signal == ("a",)


@pytest.mark.parametrize(
    ("shown", "signalled"), [("syncing", ()), ("in_sync", ("a",)), ("", ("a",))]
)
def test_loop_of_record_with_wrong_status_is_signalled(
    shown: str, signalled: tuple[str, ...]
) -> None:
    record = make_record("a").model_copy(update={"shown_status": shown})
    assert plan([record], [loop_of(record)]).loops_to_signal == signalled


def test_new_release_signals_every_loop() -> None:
    records = [make_record(fabric_id) for fabric_id in IDS]
    loops = [loop_of(record) for record in records]
    assert plan(records, loops, is_new_release=True).loops_to_signal == tuple(IDS)
    assert plan(records, loops) == NOTHING


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
def test_loop_is_overdue_after_two_intervals_or_two_heartbeats(
    interval: int, last: float | None, started: float, overdue: bool
) -> None:
    record = make_record("a", interval=interval, last=last)
    round_plan = plan([record], [loop_of(record, started=started)])
    assert round_plan.overdue == (("a",) if overdue else ())
    assert round_plan.loops_to_signal == ()


def test_inventory_that_no_loop_waits_for_is_cancelled() -> None:
    records = [make_record(fabric_id) for fabric_id in IDS]
    loops = [loop_of(record) for record in records[1:]]
    snapshot = FleetSnapshot(
        records=tuple(records),
        loops=tuple(loops),
        inventories=frozenset({IDS[0], IDS[1], "unknown"}),
        instance=HERE,
        netbox_heartbeat=HEARTBEAT,
        now=NOW,
    )
    cancelled = snapshot.plan(is_new_release=False).inventories_to_cancel
    assert cancelled == tuple(sorted((IDS[0], "unknown")))


def test_paused_loop_is_never_overdue() -> None:
    record = make_record("a", paused=True, last=10**6)
    assert plan([record], [loop_of(record)]) == NOTHING


@pytest.mark.parametrize("paused", [False, True])
def test_loop_of_disabled_fabric_that_does_not_end_is_overdue_but_not_stale(paused: bool) -> None:
    record = make_record("a", enabled=False, paused=paused, last=10**6)
    round_plan = plan([record], [loop_of(record)])
    assert round_plan.overdue == ("a",)
    assert summarize_fleet(snapshot([record], [loop_of(record)]), round_plan, []).stale == ()


# -- other installations, duplicate and unusable ids --------------------------------------------------


@given(st.booleans(), st.booleans())
def test_fabric_of_other_installation_gets_neither_loop_nor_status(
    enabled: bool, is_new_release: bool
) -> None:
    theirs = make_record("a", instance=ELSEWHERE, enabled=enabled)
    assert plan([theirs], [], is_new_release=is_new_release) == NOTHING
    summary = summarize_fleet(snapshot([theirs], []), NOTHING, [])
    assert (summary.elsewhere, summary.states, summary.failed) == (1, {}, ())


def test_fabric_stays_ours_under_another_name_of_the_namespace() -> None:
    ours = make_record("a", instance=f"renamed@{HERE.rpartition('@')[2]}")
    assert plan([ours], []).loops_to_signal == ("a",)
    summary = summarize_fleet(snapshot([ours], []), NOTHING, [])
    assert (summary.elsewhere, summary.owners) == (0, ())


def test_summary_names_other_owners_those_with_most_fabrics_first() -> None:
    owners = [f"fabrics@{number}" for number in range(MAX_NAMED_OWNERS + 2)]
    records = [
        make_record(f"{number}-{fabric}", instance=owner)
        for number, owner in enumerate(owners)
        for fabric in range(number + 1)
    ]
    summary = summarize_fleet(snapshot(records, []), NOTHING, [])
    assert (summary.elsewhere, len(summary.owners)) == (len(records), MAX_NAMED_OWNERS)
    first = f"{len(owners)} fabrics belong to another installation, {owners[-1]}."
    assert summary.owners[0].startswith(first)
    command = escape_markdown(f"`starter.py take-over --from {owners[-1]}`")
    assert command in render_fleet_details(summary)
    assert summary.is_healthy


def test_loop_whose_record_was_taken_over_is_signalled() -> None:
    theirs = make_record("a", instance=ELSEWHERE, last=10**6)
    assert plan([theirs], [loop_of(theirs)]) == FleetPlan(
        loops_to_signal=("a",), records_to_update=(), overdue=()
    )


@pytest.mark.parametrize("is_new_release", [True, False])
@pytest.mark.parametrize("enabled", [True, False])
def test_records_with_same_id_are_not_touched_and_reported(
    is_new_release: bool, enabled: bool
) -> None:
    twins = [make_record("a", name="Berlin"), make_record("a", name="Bonn", enabled=enabled)]
    for loops in ([], [loop_of(twins[0], config_hash="old")]):
        fleet = snapshot(twins, loops)
        assert fleet.plan(is_new_release=is_new_release) == NOTHING
        [problem] = summarize_fleet(fleet, NOTHING, []).problems
        assert "Berlin" in problem
        assert "Bonn" in problem


def test_record_with_unusable_id_is_updated_to_say_so() -> None:
    broken = make_record("", last=None, problems=("hh_fabric_id is 'A B', but has to be ...",))
    assert plan([broken], []).records_to_update == (broken.config.record_id,)
    assert broken.status is SyncStatus.ERROR
    [problem] = summarize_fleet(snapshot([broken], []), NOTHING, []).problems
    assert "hh_fabric_id is 'A B'" in problem
    theirs = broken.model_copy(update={"instance": ELSEWHERE})
    assert plan([theirs], []) == NOTHING


# -- records that vanish ----------------------------------------------------------------------------


@given(st.integers(0, 40), st.integers(0, 40))
@example(0, 2)
@example(6, 2)
@example(9, 3)
def test_more_than_two_and_quarter_of_records_vanishing_is_error(kept: int, vanished: int) -> None:
    present = [make_record(f"kept-{number}") for number in range(kept)]
    gone = [make_record(f"gone-{number}") for number in range(vanished)]
    fleet = snapshot(present, [loop_of(record) for record in (*present, *gone)])
    if vanished > 2 and vanished > 0.25 * (kept + vanished):
        with pytest.raises(OrphanedLoopsError, match=f"{vanished} of {kept + vanished} fabrics"):
            fleet.plan(is_new_release=False)
    else:
        signalled = tuple(sorted(record.config.fabric_id for record in gone))
        assert fleet.plan(is_new_release=False) == FleetPlan(
            loops_to_signal=signalled, records_to_update=(), overdue=()
        )


def test_new_records_do_not_hide_vanished_ones() -> None:
    gone = [make_record(f"gone-{number}") for number in range(4)]
    new = [make_record(f"new-{number}") for number in range(100)]
    with pytest.raises(OrphanedLoopsError):
        plan(new, [loop_of(record) for record in gone])


# -- level-triggered ----------------------------------------------------------------------------------

record_strategy = st.builds(
    make_record,
    st.sampled_from(IDS),
    instance=st.sampled_from(["", HERE, ELSEWHERE]),
    last=st.none() | st.integers(0, 10_000),
    enabled=st.booleans(),
    paused=st.booleans(),
    interval=st.sampled_from([0, 5, 60, 3600]),
    record_id=st.integers(1, 1000),
)
record_lists = st.lists(
    record_strategy, max_size=8, unique_by=lambda record: record.config.record_id
)
loop_strategy = st.builds(
    RunningLoop,
    fabric_id=st.sampled_from(IDS),
    config_hash=st.sampled_from(["", "old"]),
    started=st.integers(0, 10_000).map(ago),
)
loop_lists = st.lists(loop_strategy, max_size=8, unique_by=lambda loop: loop.fabric_id)


def carry_out(fleet: FleetSnapshot, round_plan: FleetPlan) -> FleetSnapshot:
    """Return the snapshot of the next round, once every signalled loop has reacted."""
    records = {record.config.fabric_id: record for record in fleet.records}
    running = {loop.fabric_id: loop for loop in fleet.loops}
    for fabric_id in (*round_plan.loops_to_signal, *round_plan.overdue):
        running.pop(fabric_id, None)
        record = records.get(fabric_id)
        if record and record.config.needs_loop and not record.has_other_owner(HERE):
            running[fabric_id] = loop_of(record, started=0)
    return fleet.model_copy(update={"loops": tuple(running.values())})


@given(record_lists, loop_lists, st.booleans())
def test_no_loop_is_signalled_again_after_plan_was_carried_out(
    records: list[FabricRecord], running: list[RunningLoop], is_new_release: bool
) -> None:
    fleet = snapshot(records, running)
    try:
        round_plan = fleet.plan(is_new_release=is_new_release)
    except OrphanedLoopsError:
        assume(False)
    later = carry_out(fleet, round_plan).plan(is_new_release=False)
    assert (later.loops_to_signal, later.overdue) == ((), ())
    theirs = {record.config.record_id for record in records if record.has_other_owner(HERE)}
    assert not theirs & set(round_plan.records_to_update)


@given(record_lists, loop_lists, st.booleans())
def test_order_of_records_and_loops_does_not_matter(
    records: list[FabricRecord], running: list[RunningLoop], is_new_release: bool
) -> None:
    try:
        forward = plan(records, running, is_new_release=is_new_release)
    except OrphanedLoopsError:
        assume(False)
    backward = plan(records[::-1], running[::-1], is_new_release=is_new_release)
    assert (forward.loops_to_signal, forward.overdue) == (
        backward.loops_to_signal,
        backward.overdue,
    )
    assert sorted(forward.records_to_update) == sorted(backward.records_to_update)


# -- the summary --------------------------------------------------------------------------------------


def make_failed_record(fabric_id: str, last: float) -> FabricRecord:
    """Return the record of a fabric whose last sync failed."""
    record = make_record(fabric_id, last=last)
    last_known = record.last_known.model_copy(update={"error": f"{fabric_id} does not answer."})
    return record.model_copy(update={"last_known": last_known})


def test_summary_counts_all_fabrics_and_lists_latest_failures_first() -> None:
    records = [
        make_record("a"),
        make_record("b", enabled=False),
        make_failed_record("c", last=300),
        make_failed_record("d", last=30),
        make_record("e", instance=ELSEWHERE),
        make_record("f", last=2000),
    ]
    fleet = snapshot(records, [loop_of(record) for record in records if record.config.needs_loop])
    summary = summarize_fleet(fleet, fleet.plan(is_new_release=False), ["G: refused."])
    assert summary.states == {"disabled": 1, "error": 2, "inventory_only": 2}
    assert (summary.loops, summary.elsewhere, summary.stale) == (5, 1, ("F",))
    assert summary.failed == ("D: d does not answer.", "C: c does not answer.")
    assert (summary.problems, summary.is_healthy) == (("G: refused.",), False)
    text = render_fleet_details(summary.model_copy(update={"error": "NetBox is down."}))
    for words in ("5 fabrics", "Stale: F", "NetBox is down", "d does not answer", "G: refused"):
        assert words in text
    assert f"- Worker: Fabric Sync {VERSION}" in text


def test_summary_names_fabrics_whose_inventory_failed() -> None:
    text = "The inventory in NetBox is not up to date: NetBox refuses the token."
    failed = {"inventory_text": text}
    records = [
        record.model_copy(update={"last_known": record.last_known.model_copy(update=failed)})
        for record in (
            make_failed_record("a", last=60),
            make_record("b", last=30),
            make_record("c", enabled=False),
        )
    ]
    records.append(make_record("d"))
    summary = summarize_fleet(snapshot(records, []), NOTHING, [])
    assert summary.failed == (f"B: {text}", "A: a does not answer.", f"A: {text}")
    assert f"- B: {text}" in render_fleet_details(summary)


def test_summary_stays_short_however_many_fabrics_fail() -> None:
    records = [make_failed_record(f"dc-{number:04}", last=10**6) for number in range(2000)]
    records += [make_record("twin", name=f"Twin {number}") for number in range(500)]
    fleet = snapshot(records, [])
    summary = summarize_fleet(
        fleet, fleet.plan(is_new_release=False), [f"Problem {n}." for n in range(2000)]
    )
    assert sum(summary.states.values()) == 2000
    assert (len(summary.failed), len(summary.problems)) == (20, 20)
    assert max(map(len, summary.problems)) == 500
    assert len(summary.model_dump_json()) < 32_000
    assert len(render_fleet_details(summary)) < 20_000


def test_sentences_about_a_record_with_several_lines_are_single_lines() -> None:
    forged = "x\n- All is well.\x1b[2K"
    summary = summarize_fleet(snapshot([], []), NOTHING, [f"{forged}: NetBox refused it."])
    assert summary.problems == ("x?- All is well.?[2K: NetBox refused it.",)


def test_details_before_first_round_make_no_claim() -> None:
    assert re.search("not been checked", render_fleet_details(FleetSummary()))
