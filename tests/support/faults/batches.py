"""Faults of exchanges, many side by side: each strikes one fabric of a fleet."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Final

from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT
from fabrics.loop.record_exchange import MIN_RETRY
from tests.support.faults.faults import BY_NAME, RETRY_AFTER_SECONDS, Dependency
from tests.support.faults.fleet import INTERVAL, FaultyFleet
from tests.support.faults.outcomes import Outcome, Triple
from tests.support.faults.proxy import Injection
from tests.support.faults.sample import Phase
from workflows.activity_calls import HEARTBEAT_TIMEOUT

BACK_OFFS: Final[Mapping[Dependency, timedelta]] = {
    Dependency.NETBOX: MIN_RETRY,
    Dependency.GIT: timedelta(seconds=RETRY_AFTER_SECONDS),
    Dependency.KUBERNETES: timedelta(seconds=RETRY_AFTER_SECONDS),
    Dependency.WORKER: HEARTBEAT_TIMEOUT + WORKFLOW_TASK_TIMEOUT,
    Dependency.TEMPORAL: HEARTBEAT_TIMEOUT + WORKFLOW_TASK_TIMEOUT,
}
"""How long the product may wait before it tries again, at most, by what has failed."""

REACH_SECONDS: Final = 100
"""For a step to be reached: deletes come with the third sync after a change."""

NOT_REACHED: Final = "its step was not reached as often as it should fail"
NOT_TRIED: Final = "not tried, since the fleet had not recovered from another one"


def get_patience(dependency: Dependency) -> timedelta:
    """Return how long a fabric may take to be healthy after a fault has ended."""
    return timedelta(seconds=INTERVAL + 10) + BACK_OFFS[dependency]


async def run_batch(
    fleet: FaultyFleet, phase: Phase, triples: Sequence[Triple], times: int = 1
) -> list[Outcome]:
    """Enter a phase with a fault at each of the first fabrics; check all fabrics.

    At least the last fabric has no fault: it shows how long the work itself takes.
    """
    struck = dict(zip((fabric.id for fabric in fleet.fabrics[:-1]), triples, strict=False))
    assert len(struck) == len(triples)
    await fleet.prepare(phase)
    before = await fleet.view()
    injections = {
        fabric.id: fleet.inject(
            fabric, triple.dependency, BY_NAME[triple.fault], triple.step, times
        )
        for fabric, triple in zip(fleet.fabrics, triples, strict=False)
    }
    begun = datetime.now(UTC)
    try:
        await fleet.enter(phase)
        ended = await _wait_for_end(injections.values())
    finally:
        fleet.clear_faults()
    patience = max((get_patience(triple.dependency) for triple in triples), default=timedelta())
    ill = await fleet.settle(begun, dict.fromkeys(struck, ended), patience)
    losses, of_fleet = await fleet.find_losses(before), await fleet.find_fleet_problems()
    bystanders = [
        f"{id_}, which had no fault: {problem}"
        for id_ in losses.keys() - struck.keys()
        for problem in (*ill.get(id_, ()), *losses[id_])
    ]
    outcomes = list[Outcome]()
    for id_, triple in struck.items():
        not_reached = [] if injections[id_].has_struck else [NOT_REACHED]
        problems = (*not_reached, *ill.get(id_, ()), *losses[id_], *bystanders, *of_fleet)
        outcomes.append(Outcome(triple, problems))
    assert triples or not (bystanders or of_fleet), (*bystanders, *of_fleet)
    return outcomes


async def _wait_for_end(injections: Iterable[Injection]) -> datetime:
    """Wait until all faults have struck, or will not; return when the last ended."""
    waiting = [asyncio.create_task(injection.over.wait()) for injection in injections]
    if waiting:
        _, missing = await asyncio.wait(waiting, timeout=REACH_SECONDS)
        for task in missing:
            task.cancel()
        if missing:
            return datetime.now(UTC)
    ends = (injection.ended for injection in injections if injection.ended)
    return max(ends, default=datetime.now(UTC))


type Steps = Mapping[Phase, Sequence[tuple[Dependency, str]]]


async def record_steps(fleet: FaultyFleet, phases: Iterable[Phase] = Phase) -> Steps:
    """Return the steps of each phase that no earlier phase has.

    Only those that every fabric takes in each of two lives: what is first made for all fabrics is made once.
    """
    first, second = await _record_life(fleet, phases), await _record_life(fleet, phases)
    return {phase: [step for step in first[phase] if step in second[phase]] for phase in phases}


async def _record_life(fleet: FaultyFleet, phases: Iterable[Phase]) -> Steps:
    """Pass through the phases without faults."""
    steps: dict[Phase, list[tuple[Dependency, str]]] = defaultdict(list)
    known: set[tuple[Dependency, str]] = set()
    everybody = {fabric.id for fabric in fleet.fabrics}
    for phase in phases:
        fleet.take_exchanges()
        await run_batch(fleet, phase, ())
        for step, fabrics in sorted(fleet.take_exchanges().items()):
            if step not in known and (fabrics >= everybody or "" in fabrics):
                known.add(step)
                steps[phase].append(step)
    return steps


async def run_cycles(
    fleet: FaultyFleet, triples: Mapping[Phase, Sequence[Triple]], times: int = 1
) -> list[Outcome]:
    """Pass through the phases until each triple has struck in its own."""
    size = len(fleet.fabrics) - 1
    left = {phase: list(triples.get(phase, ())) for phase in Phase}
    outcomes: list[Outcome] = []
    for phase in cycle(Phase):
        batch, left[phase] = left[phase][:size], left[phase][size:]
        ended = await run_batch(fleet, phase, batch, times) if batch else []
        outcomes += ended
        has_failed = any(outcome.problems for outcome in ended)
        if not any(left.values()) or (has_failed and not await fleet.recovers()):
            break
    rest = [triple for triples in left.values() for triple in triples]
    return outcomes + [Outcome(triple, (NOT_TRIED,)) for triple in rest]
