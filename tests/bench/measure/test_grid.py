"""What arrivals on a grid say about a scheduler."""

import pytest

from bench.measure.grid import (
    Grid,
    Verdict,
    judge_fleet,
    judge_slots,
    list_delays,
    measure_drift,
)

GRID = Grid(interval=10, phase=3)


def test_slots_are_whole_intervals_apart_in_the_phase_of_the_fabric() -> None:
    grid = Grid.of_fabric("oslo", 60)
    first = grid.next_slot(1_000_000)
    assert grid.next_slot(first) == pytest.approx(first + 60)
    assert 1_000_000 < first <= 1_000_060
    assert Grid.of_fabric("lyon", 60).phase != grid.phase


@pytest.mark.parametrize(
    ("arrivals", "verdict"),
    [
        ([13.1, 23.2, 33.1], Verdict()),
        ([13.1, 33.1], Verdict(missed=1)),
        ([13.1, 14, 23, 33], Verdict(doubled=1)),
        ([13.1, 22.9, 33.1], Verdict(early=1)),
        ([12.9, 22.9, 33.1], Verdict(early=2)),
        ([19.5, 22.6, 33.1], Verdict(early=1)),
        ([13.1, 20, 33.1], Verdict(early=1)),
        ([13.1, 13.2, 13.3, 33], Verdict(early=1, doubled=1)),
        ([], Verdict(missed=3)),
    ],
    ids=[
        "on time",
        "missed",
        "doubled",
        "early",
        "early, then on time",
        "late, then early",
        "too early for its slot",
        "early and doubled",
        "none",
    ],
)
def test_each_slot_has_one_look(arrivals: list[float], verdict: Verdict) -> None:
    assert judge_slots(GRID, arrivals, since=5, until=43) == verdict


def test_slots_whose_interval_has_not_ended_are_not_judged() -> None:
    assert judge_slots(GRID, [13.1], since=5, until=24) == Verdict()


def test_fabric_that_was_never_seen_has_missed_all_its_slots() -> None:
    assert judge_fleet(10, {"oslo": []}, since=0, until=60) == Verdict(missed=5)


def test_looks_are_behind_the_last_slot() -> None:
    slot = Grid.of_fabric("oslo", 60).next_slot(0)
    delays = list_delays(60, {"oslo": [slot + 0.1, slot + 80, slot + 115], "lyon": []})
    assert delays == pytest.approx([0.1, 20, 55])


def test_looks_just_before_a_slot_are_ahead_of_it() -> None:
    slot = Grid.of_fabric("oslo", 60).next_slot(0)
    assert list_delays(60, {"oslo": [slot - 0.1]}) == pytest.approx([-0.1])


def test_late_looks_are_no_drift() -> None:
    assert measure_drift(10, [3.0, 13.4, 23.1, 33.0, 43.6, 53.0]) == pytest.approx(0)


def test_looks_that_are_later_each_time_are_drift() -> None:
    assert measure_drift(10, [3.0, 13.5, 24.0, 34.5]) == pytest.approx(1.0)


def test_doubled_looks_are_no_drift() -> None:
    assert measure_drift(10, [3.0, 13.0, 14.0, 23.0, 33.0]) == pytest.approx(0)


def test_missed_slots_are_no_drift() -> None:
    assert measure_drift(10, [3.0, 13.0, 43.0, 53.0]) == pytest.approx(0)


def test_drift_is_unknown_after_few_looks() -> None:
    assert measure_drift(10, [3.0, 13.0, 23.0]) is None
