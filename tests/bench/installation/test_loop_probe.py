"""What the history of a loop says of its plans."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from temporalio.api.history.v1 import HistoryEvent

from bench.installation.loop_probe import find_first_plan
from workflows.fabric_sync import MIN_TIMER

START = datetime(2026, 1, 1, tzinfo=UTC)


def make_timer(task_started_after: float, length: timedelta) -> Iterator[HistoryEvent]:
    """Yield the events of a workflow task that takes 50 ms and starts a timer."""
    task, timer = HistoryEvent(), HistoryEvent()
    task.event_time.FromDatetime(START + timedelta(seconds=task_started_after))
    task.workflow_task_started_event_attributes.SetInParent()
    timer.event_time.FromDatetime(START + timedelta(seconds=task_started_after + 0.05))
    timer.timer_started_event_attributes.start_to_fire_timeout.FromTimedelta(length)
    yield from (task, timer)


def make_look() -> HistoryEvent:
    """Return the event of a look at the fabric."""
    event = HistoryEvent()
    event.activity_task_scheduled_event_attributes.activity_type.name = "observe"
    return event


def test_first_look_is_planned_for_the_end_of_the_last_timer_before_it() -> None:
    first, again = make_timer(1, timedelta(seconds=9)), make_timer(4, timedelta(seconds=6.5))
    later = make_timer(20, timedelta(seconds=10))
    events = [*first, *again, make_look(), *later, make_look()]
    assert find_first_plan(events) == START + timedelta(seconds=10.5)


def test_plan_of_an_overdue_look_is_that_before() -> None:
    events = [*make_timer(1, timedelta(seconds=9)), *make_timer(14, MIN_TIMER), make_look()]
    assert find_first_plan(events) == START + timedelta(seconds=10)


def test_look_that_is_due_at_once_is_planned_for_now() -> None:
    assert find_first_plan([*make_timer(1, MIN_TIMER), make_look()]) == START + timedelta(
        seconds=1.001
    )


def test_loop_without_a_plan_has_none() -> None:
    assert find_first_plan([]) is None
