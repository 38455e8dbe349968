"""The clock of a worker may be an hour off."""

import re
import signal
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import pytest

from tests.faults.conftest import FleetKeeper
from tests.support.faults.faults import Dependency
from tests.support.faults.fleet import FaultyFleet
from tests.support.faults.outcomes import Triple
from tests.support.faults.results import RecordProperty, check_outcomes
from tests.support.faults.sample import Phase
from tests.support.faults.trials import START_TIME, WORK_TIME, run_trial
from tests.support.paths import PROJECT
from tests.support.system.installation import wait_until

pytestmark = pytest.mark.soak

FABRICS: Final = 4
MAX_AGE: Final = timedelta(minutes=10)
CLOCK: Final = PROJECT / "tests" / "support" / "faults" / "clock"


@pytest.mark.parametrize("seconds", [3600, -3600])
@pytest.mark.parametrize("phase", [Phase.GROW, Phase.SHRINK])
async def test_clock_is_an_hour_off(
    fleets: FleetKeeper, phase: Phase, seconds: int, record_property: RecordProperty
) -> None:
    fleet = await fleets.get(FABRICS)
    await fleet.prepare(phase)

    async def shift_clock(fleet: FaultyFleet) -> None:
        await fleet.end_worker(signal.SIGTERM)
        await fleet.start_worker(PYTHONPATH=str(CLOCK), FAULTY_CLOCK_SECONDS=str(seconds))
        await wait_until(partial(read_shift, fleet), partial(is_near, timedelta(seconds=seconds)))
        await fleet.enter(phase)

    async def restore_clock(fleet: FaultyFleet) -> None:
        await fleet.end_worker(signal.SIGTERM)
        await fleet.start_worker()

    triple = Triple(Dependency.WORKER, f"clock {seconds:+} s", phase)
    during = await run_trial(fleet, [triple], shift_clock, START_TIME + WORK_TIME)
    after = await run_trial(fleet, [triple], restore_clock, START_TIME)
    check_outcomes([*during, *after], record_property)


async def read_shift(fleet: FaultyFleet) -> timedelta | None:
    """Return how far the clock of the worker's log is ahead; None without a line."""
    logs = fleet.installation.folder.glob("worker-*.log")
    log = max(logs, key=lambda path: path.stat().st_mtime)
    times = re.findall(r"^[-\d]{10} [:\d]{8}\.\d{3}Z", log.read_text(), re.MULTILINE)
    if not times:
        return None
    return datetime.fromisoformat(times[-1]) - datetime.now(UTC)


def is_near(expected: timedelta, shift: timedelta | None) -> bool:
    """Return whether a shift is the expected one, but for the age of the line."""
    return shift is not None and abs(shift - expected) < MAX_AGE
