"""What holds for the plan of every fabric, however it contradicts itself and whatever form it has."""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.plan.plan import make_plan
from fabrics.inventory.specs.parse import SPECS as KNOWN
from fabrics.resources.resource import Resource
from tests.support.fabrics.objects import live_state
from tests.support.inventory.live_samples import LiveSet, each_sample, live_of
from tests.support.inventory.plan_invariants import check
from tests.support.inventory.plans import DC1
from tests.support.inventory.strategies import SPECS, fabrics, odd_fabrics

SHARED = FabricIdentity("dc1", "DC 1", shared_site="hall-2")
UNSEEN = {
    "VPCAttachment",
    "VPCPeering",
    "ExternalPeering",
    "GatewayPeering",
    "SwitchProfile",
    "ExternalAttachment",
    "Connection",
}
"""Kinds whose objects may be shown on those of others alone."""

made_up = settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])


@each_sample
def test_the_plan_of_every_set_is_consistent(sample: LiveSet) -> None:
    for fabric in (DC1, SHARED):
        check(make_plan(live_of(sample.items()), fabric))


def test_every_kind_is_made_up() -> None:
    assert SPECS.keys() == {spec.KIND for spec in KNOWN}


@made_up
@given(fabrics(), st.sampled_from((DC1, SHARED)))
def test_every_plan_is_consistent_and_says_what_it_leaves_out(
    resources: list[Resource], fabric: FabricIdentity
) -> None:
    plan = make_plan(live_state(*resources), fabric)
    check(plan)
    said = {each.key for each in plan.objects} | {each.key for each in plan.skipped}
    for each in resources:
        if each.kind.name not in UNSEEN:
            key = str(each.key)
            assert any(other == key or other.startswith(f"{key}#") for other in said), key


@made_up
@given(odd_fabrics(), st.integers())
def test_odd_objects_are_skipped_and_their_order_means_nothing(
    resources: list[Resource], seed: int
) -> None:
    plan = make_plan(live_state(*resources), DC1)
    check(plan)
    assert all(f"{each.key} {each.reason}".isprintable() for each in plan.skipped)
    shuffled = Random(seed).sample(resources, len(resources))
    assert make_plan(live_state(*shuffled), DC1) == plan
