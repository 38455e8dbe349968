"""Properties of the schedule: lateness, overruns, manual syncs, new intervals."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fabrics.loop.schedule import EPOCH, MAX_CLOSE, Schedule, compute_phase_share

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

fabric_ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,38}", fullmatch=True)
intervals = st.integers(5, 2_592_000)
spreads = st.integers(0, 60)
offsets = st.timedeltas(timedelta(0), timedelta(days=90))
moments = offsets.map(lambda offset: NOW + offset)


def period(interval: int) -> timedelta:
    """Return the time between two slots."""
    return timedelta(seconds=interval)


def close(interval: int) -> timedelta:
    """Return how close after a sync outside the grid a slot is satisfied."""
    return min(period(interval) / 2, timedelta(minutes=5))


def is_slot(moment: datetime, schedule: Schedule) -> bool:
    """True if `moment` is on the grid."""
    phase = timedelta(milliseconds=int(schedule.phase_share * schedule.interval * 1000))
    return (moment - EPOCH - phase) % period(schedule.interval) == timedelta(0)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Draw a schedule without an initial sync, at any point in its life."""
    share = compute_phase_share(draw(fabric_ids))
    return Schedule(interval=draw(intervals), phase_share=share, served=draw(moments))


@given(fabric_ids, intervals, moments, moments, spreads)
def test_slots_follow_from_id_and_interval_alone(
    fabric_id: str, interval: int, one: datetime, other: datetime, spread: int
) -> None:
    first = Schedule.initial(fabric_id, interval, spread, None, one)
    second = Schedule.initial(fabric_id, interval, 0, None, other)
    third = Schedule.initial("other", 300, 0, None, one).model_copy(
        update={"phase_share": first.phase_share}
    )
    replanned = third.replan(interval, None, other)
    assert (second.next_slot - first.next_slot) % period(interval) == timedelta(0)
    assert (replanned.next_slot - first.next_slot) % period(interval) == timedelta(0)
    assert (first.next_slot - EPOCH) % MILLISECOND == timedelta(0)
    assert timedelta(0) < first.next_slot - one <= period(interval)


def test_slots_are_those_of_the_documented_formula() -> None:
    """The SHA-256 of "berlin" begins with 0xfb38a9 (`printf berlin | sha256sum`)."""
    share = int("fb38a93fd89e", 16) / 2**48
    schedule = Schedule.initial("berlin", 300, 30, None, NOW)
    assert schedule.next_slot == NOW + timedelta(milliseconds=int(share * 300_000))


def test_slots_of_a_fleet_are_spread_evenly_over_the_interval() -> None:
    slots = [
        Schedule.initial(f"fabric-{number}", 60, 30, None, NOW).next_slot for number in range(1000)
    ]
    tenths = [int((slot - NOW) / timedelta(seconds=6)) for slot in slots]
    assert all(70 <= tenths.count(tenth) <= 130 for tenth in range(10))


@given(schedules(), st.floats(0, 0.999))
def test_sync_late_by_less_than_interval_keeps_following_slot(
    schedule: Schedule, share: float
) -> None:
    slot = schedule.next_slot
    after, missed = schedule.begin(slot + schedule.period * share)
    assert (after.next_slot, missed) == (slot + schedule.period, 0)


@given(schedules(), st.floats(1, 1000))
def test_sync_after_outage_runs_once_and_leaves_time_until_the_next(
    schedule: Schedule, share: float
) -> None:
    now = schedule.next_slot + schedule.period * share
    after, missed = schedule.begin(now)
    assert missed == (now - schedule.next_slot) // schedule.period
    assert is_slot(after.next_slot, schedule)
    nearest = close(schedule.interval)
    assert nearest <= after.next_slot - now < nearest + schedule.period


def test_ten_minutes_of_outage_miss_ten_slots_of_sixty_seconds() -> None:
    schedule = Schedule.initial("berlin", 60, 30, None, NOW)
    slot = schedule.next_slot
    after, missed = schedule.begin(slot + timedelta(minutes=10))
    assert (after.next_slot, missed) == (slot + timedelta(minutes=11), 10)


@given(schedules(), offsets)
def test_overrun_waits_for_next_slot(schedule: Schedule, duration: timedelta) -> None:
    slot = schedule.next_slot
    running, _ = schedule.begin(slot)
    after, missed = running.end(slot + duration)
    assert is_slot(after.next_slot, schedule)
    assert timedelta(0) < after.next_slot - (slot + duration) <= schedule.period
    assert missed == duration // schedule.period


@given(schedules(), st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_manual_sync_satisfies_slot_that_follows_closely(schedule: Schedule, share: float) -> None:
    slot = schedule.next_slot
    now = max(slot - schedule.period * share, schedule.served)
    after, missed = schedule.begin(now)
    is_close = slot - now < close(schedule.interval)
    assert after.next_slot == (slot + schedule.period if is_close else slot)
    assert missed == 0
    assert after.end(now) == (after, 0)


@given(schedules(), intervals, offsets, offsets)
def test_new_interval_has_its_own_slots_at_once(
    schedule: Schedule, interval: int, ago: timedelta, elapsed: timedelta
) -> None:
    now = schedule.served + elapsed
    after = schedule.replan(interval, now - ago, now)
    assert (after.interval, after.phase_share) == (interval, schedule.phase_share)
    assert is_slot(after.next_slot, after)
    earliest = max(now, now - ago + close(interval))
    assert timedelta(0) <= after.next_slot - earliest <= period(interval)
    assert now < after.next_slot


@given(fabric_ids, intervals, spreads, moments)
def test_new_fabric_syncs_soon(fabric_id: str, interval: int, spread: int, now: datetime) -> None:
    schedule = Schedule.initial(fabric_id, interval, spread, None, now)
    soon = min(period(interval), timedelta(seconds=spread))
    assert now <= schedule.next_sync <= now + soon
    after, missed = schedule.begin(schedule.next_sync)
    assert (after.initial_sync, missed) == (None, 0)
    assert is_slot(after.next_sync, schedule)


@given(spreads.filter(bool), moments)
def test_first_syncs_of_a_fleet_are_spread(spread: int, now: datetime) -> None:
    """Slots of an interval of a day are too rare to serve as the first sync."""
    syncs = sorted(
        Schedule.initial(f"fabric-{number}", 86400, spread, None, now).next_sync
        for number in range(100)
    )
    width = timedelta(seconds=spread)
    for quarter in range(4):
        inside = [
            sync for sync in syncs if width * quarter / 4 <= sync - now < width * (quarter + 1) / 4
        ]
        assert 10 <= len(inside) <= 40


@given(fabric_ids, intervals, spreads, offsets, moments)
def test_loop_that_starts_anew_catches_up_only_if_a_slot_was_missed(
    fabric_id: str, interval: int, spread: int, ago: timedelta, now: datetime
) -> None:
    last_sync = now - ago
    schedule = Schedule.initial(fabric_id, interval, spread, last_sync, now)
    satisfied = last_sync + close(interval) - timedelta.resolution
    passed = schedule.model_copy(update={"served": satisfied}).next_slot <= now
    near = schedule.next_slot - now <= timedelta(seconds=spread)
    assert (schedule.initial_sync is not None) == (passed and not near)
    assert now <= schedule.next_sync
    assert schedule.next_slot - last_sync >= close(interval)
    if schedule.initial_sync:
        assert schedule.initial_sync - now <= timedelta(seconds=spread)


def test_time_of_last_sync_in_the_future_is_ignored() -> None:
    last_sync = NOW + timedelta(days=1)
    schedule = Schedule.initial("berlin", 300, 30, last_sync, NOW)
    assert schedule == Schedule.initial("berlin", 300, 30, None, NOW)
    assert schedule.replan(60, last_sync, NOW) == schedule.replan(60, None, NOW)


@given(schedules(), offsets)
def test_pause_skips_slots_and_misses_none(schedule: Schedule, paused_for: timedelta) -> None:
    now = schedule.served + paused_for
    after = schedule.skip_to(now)
    assert is_slot(after.next_slot, schedule)
    assert timedelta(0) < after.next_slot - now <= schedule.period
    assert after.begin(after.next_slot)[1] == 0


@given(schedules().filter(lambda schedule: schedule.interval > 600))
def test_manual_sync_satisfies_at_most_five_minutes(schedule: Schedule) -> None:
    slot = schedule.next_slot
    kept, _ = schedule.begin(max(slot - MAX_CLOSE, schedule.served))
    assert kept.next_slot == (
        slot if slot - schedule.served >= MAX_CLOSE else slot + schedule.period
    )
