"""The wait until nothing is being written any more."""

import time

from bench.measure.quiet import wait_until_quiet


def test_writes_long_ago_are_not_waited_for() -> None:
    assert wait_until_quiet(lambda: 0.0, quiet_seconds=60, deadline=0)


def test_wait_goes_on_until_writes_are_long_ago() -> None:
    times = iter([time.time(), 0.0])
    assert wait_until_quiet(lambda: next(times), quiet_seconds=60, deadline=time.time() + 3600)


def test_wait_ends_at_the_deadline_although_writes_go_on() -> None:
    assert not wait_until_quiet(time.time, quiet_seconds=60, deadline=0)
