"""Passes that break off, lose answers or meet others lead to the plan.

After the next pass nothing is there twice; what is absent is deleted in time; what the fabric had all along is the
same object.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, partial
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tenacity import wait_none

from activities.inventory.read.reader import Reader
from activities.inventory.write import batches, writer
from fabrics.drift.model import LiveState
from fabrics.inventory.model.planned import Model
from tests.support.fabrics.objects import live_state
from tests.support.inventory.disturbances import (
    REQUEST_FAULTS,
    Disturbance,
    DisturbedFabric,
    send_undisturbed,
)
from tests.support.inventory.plans import server, switch
from tests.support.inventory.small_fabric import FRAME, attachment, cable, external_ports, vpc

SMALL = (
    *FRAME,
    cable("c", "s-1/e1", "leaf-1/E1/1"),
    cable("d", "s-2/e1", "leaf-2/E1/1"),
    vpc("v", 1001, "10.0.1.0/24", gateway="10.0.1.1"),
    vpc("w", 1002, "10.0.2.0/24"),
    attachment("v-c", "v/a", "c"),
)
CHANGED = (
    *FRAME[1:],
    switch("leaf-1", ip="172.30.0.6/21", boot={"mac": "0c:20:12:fe:00:02"}),
    server("s-3"),
    cable("renamed", "s-1/e1", "leaf-1/E1/1"),
    cable("d", "s-3/e1", "leaf-2/E1/1"),
    vpc("v", 1002, "10.0.1.0/24", gateway="10.0.1.2"),
    vpc("x", 1003, "10.0.3.0/24"),
    attachment("x-c", "x/a", "renamed"),
    *external_ports("leaf-2"),
)

STORIES: dict[str, tuple[LiveState, LiveState, int]] = {
    "first load": (live_state(), live_state(*SMALL), 0),
    "change": (live_state(*SMALL), live_state(*CHANGED), 0),
    "deletes": (live_state(*SMALL), live_state(*CHANGED), 2),
}
"""The state before and after, and the passes over the latter before the disturbed one."""

type Fault = Callable[[DisturbedFabric, LiveState, Random], Disturbance]


def always(disturb: Disturbance) -> Fault:
    """Return a fault that does not depend on the fabric."""
    return lambda _fabric, _live, _random: disturb


ANOTHER_PASS = "another pass"
"""Two at once, which the id of their workflow rules out, create what NetBox accepts twice; later passes delete it."""

FAULTS: dict[str, Fault] = {
    **{disturb.__name__: always(disturb) for disturb in REQUEST_FAULTS},
    ANOTHER_PASS: lambda fabric, live, _: partial(fabric.run_another, live),
    "removal": lambda fabric, _live, _random: fabric.remove,
    "deletes by hand": lambda fabric, _, random: partial(fabric.delete_by_hand, random),
    "edits by hand": lambda fabric, live, random: partial(fabric.edit_by_hand, live, random),
}
FAULTS_OF_OBJECTS = {"removal", "deletes by hand"}
"""Faults after which an object may be a new one."""

MAX_REQUESTS = 32


@pytest.fixture(scope="module", autouse=True)
def quick_and_in_order() -> Iterator[None]:
    """Send one request after the other, so that numbers say which, and retry at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "MAX_CONCURRENT_REQUESTS", 1)
        patch.setattr(writer, "MAX_CONCURRENT_REQUESTS", 1)
        patch.setattr(writer, "wait_random_exponential", lambda **_: wait_none())
        patch.setattr(Reader._fetch_pages.retry, "wait", wait_none())
        yield


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(STORIES)),
    st.sampled_from(sorted(FAULTS)),
    st.integers(1, MAX_REQUESTS),
    st.integers(),
)
def test_disturbed_pass_leads_to_the_plan(story: str, fault: str, number: int, seed: int) -> None:
    check(story, fault, number, seed)


@pytest.mark.soak
@pytest.mark.parametrize("fault", sorted(FAULTS))
@pytest.mark.parametrize("story", sorted(STORIES))
def test_pass_disturbed_at_any_request_leads_to_the_plan(story: str, fault: str) -> None:
    numbers = range(1, count_requests(story) + 1)
    for number in numbers:
        check(story, fault, number, seed=number)


@pytest.mark.parametrize("story", sorted(STORIES))
def test_pass_whose_report_is_lost_leads_to_the_plan(story: str) -> None:
    fabric, after = prepare(story), STORIES[story][1]
    before = fabric.inventory.absence_counts
    fabric.run_disturbed(after, 0, send_undisturbed)
    fabric.inventory.absence_counts = before
    assert_settles(fabric, after)


def check(story: str, fault: str, number: int, seed: int) -> None:
    fabric, after = prepare(story), STORIES[story][1]
    ids = fabric.get_ids()
    fabric.run_disturbed(after, number, FAULTS[fault](fabric, after, Random(seed)))
    if fault != ANOTHER_PASS:
        fabric.inventory.sync_live(after)
        assert max(fabric.count_keys().values()) == 1
    assert_settles(fabric, after)
    if fault not in FAULTS_OF_OBJECTS:
        settled = fabric.get_ids()
        assert {key: settled[key] for key in find_kept_keys(story)} == {
            key: ids[key] for key in find_kept_keys(story)
        }


def prepare(story: str) -> DisturbedFabric:
    """Return a fabric to which the story has just happened."""
    before, after, passes = STORIES[story]
    fabric = DisturbedFabric()
    fabric.inventory.sync_live(before)
    for _ in range(passes):
        fabric.inventory.sync_live(after)
    return fabric


def assert_settles(fabric: DisturbedFabric, live: LiveState) -> None:
    """Assert that the fabric's objects are the planned ones, each once."""
    fabric.settle(live)
    outcome = fabric.inventory.outcome
    assert outcome is not None
    planned = [item for item in fabric.inventory.plan(live).objects if not item.SHARED]
    assert fabric.count_keys() == Counter((item.MODEL, item.key) for item in planned)
    assert (outcome.report.problems, outcome.report.unchanged) == ({}, len(planned))


@cache
def find_kept_keys(story: str) -> frozenset[tuple[Model, str]]:
    """Return the keys whose objects stay the same if nothing disturbs a pass."""
    fabric, after = prepare(story), STORIES[story][1]
    before = fabric.get_ids()
    fabric.settle(after)
    settled = fabric.get_ids()
    return frozenset(key for key, number in before.items() if settled.get(key) == number)


@cache
def count_requests(story: str) -> int:
    return prepare(story).run_disturbed(STORIES[story][1], 0, send_undisturbed)
