"""Properties of plans, also of contradictory and malformed fabrics."""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.plan.plan import make_plan
from fabrics.inventory.specs.parse import SPECS as PARSED_SPECS
from fabrics.resources.resource import Resource
from fabrics.texts import replace_unprintable
from tests.support.fabrics.objects import live_state
from tests.support.inventory.live_samples import LiveSet, each_sample, parse_live_state
from tests.support.inventory.plan_invariants import check
from tests.support.inventory.plans import DC1
from tests.support.inventory.strategies import SPECS, fabrics, odd_fabrics

SHARED = FabricIdentity("dc1", "DC 1", shared_site="hall-2")
KINDS_WITHOUT_OBJECTS = {
    "Fabric",
    "VPCAttachment",
    "VPCPeering",
    "ExternalPeering",
    "GatewayPeering",
    "SwitchProfile",
    "ExternalAttachment",
    "Connection",
}
"""Kinds whose objects may have no NetBox object of their own."""

few_examples = settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])


@each_sample
def test_plan_of_every_sample_is_consistent(sample: LiveSet) -> None:
    for fabric in (DC1, SHARED):
        check(make_plan(parse_live_state(sample.items()), fabric))


def test_strategies_cover_every_parsed_kind() -> None:
    assert SPECS.keys() == {spec.KIND for spec in PARSED_SPECS}


@few_examples
@given(fabrics(), st.sampled_from((DC1, SHARED)))
def test_plan_is_consistent_and_reports_every_object(
    resources: list[Resource], fabric: FabricIdentity
) -> None:
    plan = make_plan(live_state(*resources), fabric)
    check(plan)
    reported = {planned.key for planned in plan.objects} | {skip.key for skip in plan.skipped}
    for resource in resources:
        if resource.kind.name not in KINDS_WITHOUT_OBJECTS:
            key = str(resource.key)
            assert any(other == key or other.startswith(f"{key}#") for other in reported), key


@few_examples
@given(odd_fabrics(), st.integers())
def test_malformed_objects_are_skipped_in_any_order(resources: list[Resource], seed: int) -> None:
    plan = make_plan(live_state(*resources), DC1)
    check(plan)
    said = [f"{skip.key} {skip.reason}" for skip in plan.skipped]
    assert [replace_unprintable(line) for line in said] == said
    shuffled = Random(seed).sample(resources, len(resources))
    assert make_plan(live_state(*shuffled), DC1) == plan
