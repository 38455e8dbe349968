"""What is not known changes nothing in the plan of what is known."""

from copy import deepcopy
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from fabrics.drift.model import LiveState
from fabrics.inventory.plan.plan import make_plan
from fabrics.resources.kinds import Kind, get_kind
from fabrics.resources.resource import Resource, resource_from_api
from fabrics.resources.schema import get_spec_schema
from fabrics.resources.schema.base import SchemaType
from fabrics.resources.schema.types import AtomicList, Map, Set, Struct
from tests.support.inventory.live_samples import LiveSet, each_sample, parse_live_state, profiles
from tests.support.inventory.plans import DC1

UNKNOWN_VALUES: tuple[Any, ...] = (
    True,
    0,
    2**70,
    "text",
    "two\nlines\x00",
    [],
    [{"port": "leaf-01/E1/1"}, 5],
    {"links": [{"server": {"port": "server-1/e1"}}]},
    {"fabric": "default", "domains": ["default"]},
)
UNKNOWN_KINDS = (
    Kind("wiring.githedgehog.com", "Patch", "v1beta1", "patches"),
    Kind("vpc.githedgehog.com", "Connection", "v2", "connections"),
    Kind("next.githedgehog.com", "Switch", "v1", "switches"),
)


@each_sample
@pytest.mark.parametrize("seed", range(3))
def test_unknown_fields_and_kinds_change_nothing(sample: LiveSet, seed: int) -> None:
    random = Random(seed)
    items = [deepcopy(item) for item in sample.items()]
    for item in items:
        _add_unknown_fields(
            random, item.setdefault("spec", {}), get_spec_schema(get_kind(item["kind"]))
        )
    known = parse_live_state([*sample.items(), *profiles()[:2]])
    extended = parse_live_state([*items, *profiles()[:2]])
    plan = make_plan(_add_unknown_kinds(random, extended), DC1)
    expected = make_plan(known, DC1)
    assert plan.objects == expected.objects
    assert replace(plan, objects=()) == replace(expected, objects=())


def _add_unknown_fields(random: Random, value: Any, schema: SchemaType) -> None:  # noqa: ANN401
    """Add fields to some of the structs at and below a value."""
    if isinstance(schema, Struct) and isinstance(value, dict):
        for name, field in schema.fields.items():
            _add_unknown_fields(random, value.get(name), field)
        if random.random() < 0.5:
            value[f"zeta{random.randrange(3)}"] = random.choice(UNKNOWN_VALUES)
    elif isinstance(schema, Map) and isinstance(value, dict):
        for entry in value.values():
            _add_unknown_fields(random, entry, schema.value_type)
    elif isinstance(schema, AtomicList | Set) and isinstance(value, list):
        for item in value:
            _add_unknown_fields(random, item, schema.item_type)


def _add_unknown_kinds(random: Random, live: LiveState) -> LiveState:
    names = [resource.name for listed in live.resources.values() for resource in listed]
    added = {
        kind: tuple(
            _make_stranger(kind, name, value)
            for name, value in zip(random.sample(names, 3), UNKNOWN_VALUES[3:], strict=False)
        )
        for kind in UNKNOWN_KINDS
    }
    return replace(live, resources={**live.resources, **added})


def _make_stranger(kind: Kind, name: str, value: Any) -> Resource:  # noqa: ANN401
    metadata = {"name": name, "namespace": "default"}
    known = resource_from_api({"metadata": metadata, "spec": {"zeta": value}}, get_kind("Server"))
    return replace(known, key=known.key._replace(kind=kind))
