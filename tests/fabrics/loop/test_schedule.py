"""Properties of the schedule: lateness, overruns, manual syncs, new intervals."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fabrics.loop.schedule import Schedule

START = datetime(2026, 1, 1, tzinfo=UTC)

intervals = st.integers(5, 2_592_000)
spreads = st.integers(0, 60)
offsets = st.timedeltas(timedelta(0), timedelta(days=90))
moments = offsets.map(lambda offset: START + offset)


def grid(interval: int = 60) -> Schedule:
    return Schedule(interval=interval, next_slot=START)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def on_grid(before: Schedule, after: Schedule) -> bool:
    return (after.next_slot - before.next_slot) % timedelta(seconds=before.interval) == timedelta(0)


@given(intervals, offsets)
def test_scheduled_sync_keeps_phase_and_moves_on(interval: int, late: timedelta) -> None:
    before = grid(interval)
    after, missed = before.begin_scheduled(before.next_slot + late)
    assert on_grid(before, after)
    assert after.next_slot > before.next_slot + late
    assert missed == late // timedelta(seconds=interval)


@given(intervals, st.floats(0, 0.999))
def test_sync_late_by_less_than_interval_keeps_following_slot(interval: int, share: float) -> None:
    after, missed = grid(interval).begin_scheduled(at(interval * share))
    assert (after.next_slot, missed) == (at(interval), 0)


@given(intervals, st.floats(1, 1000))
def test_sync_after_outage_runs_once_and_leaves_half_an_interval(
    interval: int, share: float
) -> None:
    now = at(interval * share)
    after, missed = grid(interval).begin_scheduled(now)
    step = timedelta(seconds=interval)
    assert missed >= 1
    assert step / 2 <= after.next_slot - now <= step * 1.5


def test_ten_minutes_of_outage_miss_ten_slots_of_sixty_seconds() -> None:
    after, missed = grid(60).begin_scheduled(at(600))
    assert (after.next_slot, missed) == (at(660), 10)


@given(intervals, offsets)
def test_overrun_waits_for_next_slot(interval: int, duration: timedelta) -> None:
    started = grid(interval)
    running, _ = started.begin_scheduled(started.next_slot)
    after, missed = running.end(started.next_slot + duration)
    assert on_grid(started, after)
    assert after.next_slot > started.next_slot + duration
    assert missed == duration // timedelta(seconds=interval)


@given(intervals, st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_manual_sync_satisfies_slot_less_than_half_interval_ahead(
    interval: int, share: float
) -> None:
    ahead = timedelta(seconds=interval) * share
    before = grid(interval)
    after, missed = before.begin_manual(before.next_slot - ahead)
    close = ahead < timedelta(seconds=interval) / 2
    assert after.next_slot == (at(interval) if close else before.next_slot)
    assert missed == 0


@given(intervals, offsets)
def test_manual_sync_satisfies_due_slot(interval: int, late: timedelta) -> None:
    before = grid(interval)
    assert before.begin_manual(before.next_slot + late) == before.begin_scheduled(
        before.next_slot + late
    )


@given(intervals, offsets, offsets)
def test_new_interval_counts_from_start_of_last_sync(
    interval: int, ago: timedelta, elapsed: timedelta
) -> None:
    now = START + elapsed
    after = grid(300).replan(interval, now - ago, now)
    assert after.interval == interval
    assert after.next_slot == max(now, now - ago + timedelta(seconds=interval))


def test_shorter_interval_is_due_at_once_if_already_elapsed() -> None:
    assert grid(3600).replan(60, at(-1000), at(0)).next_slot == at(0)
    assert grid(3600).replan(60, at(-10), at(0)).next_slot == at(50)


@given(intervals, spreads, moments, moments)
def test_first_slot_continues_from_last_sync_or_comes_soon(
    interval: int, spread: int, last: datetime, now: datetime
) -> None:
    first = Schedule.initial("berlin", interval, spread, last, now).next_slot
    step = timedelta(seconds=interval)
    if now < last + step <= now + step:
        assert first == last + step
    else:
        assert now <= first <= now + min(step, timedelta(seconds=spread))


@given(intervals, spreads.filter(bool), moments)
def test_first_slots_of_fleet_are_spread(interval: int, spread: int, now: datetime) -> None:
    slots = sorted(
        Schedule.initial(f"fabric-{number}", interval, spread, None, now).next_slot
        for number in range(100)
    )
    width = timedelta(seconds=min(interval, spread))
    for quarter in range(4):
        inside = [
            slot for slot in slots if width * quarter / 4 <= slot - now < width * (quarter + 1) / 4
        ]
        assert 10 <= len(inside) <= 40


@given(intervals, offsets)
def test_pause_keeps_phase(interval: int, paused_for: timedelta) -> None:
    before = grid(interval)
    after = before.skip_to(before.next_slot + paused_for)
    assert on_grid(before, after)
    assert (
        timedelta(0)
        < after.next_slot - (before.next_slot + paused_for)
        <= timedelta(seconds=interval)
    )
