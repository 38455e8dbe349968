"""Random unknown fields and kinds change nothing about what is known."""

from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any, cast

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fabrics.drift.compare import find_drift
from fabrics.drift.diff_report import describe_problems
from fabrics.drift.dump import parse_dump
from fabrics.drift.model import Drift, LiveState
from fabrics.drift.summary import summarize
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import find_kind
from fabrics.resources.manifests.files import DesiredState, build_desired_state, parse_manifests
from fabrics.resources.schema import get_spec_schema
from fabrics.resources.schema.base import SchemaType
from fabrics.resources.schema.types import AtomicList, Map, Set, Struct
from tests.support.fabrics.sample_sets import LEGACY, SETS, SampleSet, needs_samples
from tests.support.paths import HEDGEHOG

pytestmark = needs_samples

MARK = "swordfish"
"""Part of each value of an unknown field."""

type Items = list[dict[str, Any]]

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([f"{MARK}-1", f"{MARK}-2", [f"{MARK}-3"], {}, 0]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=4,
)
SIDES = st.sampled_from([("git",), ("live",), ("git", "live")])


@cache
def _read_git(sample: SampleSet) -> Items:
    texts = [(HEDGEHOG / "samples" / name).read_text() for name in sample.files]
    return [item for text in texts for item in yaml.load_all(text, yaml.CSafeLoader) if item]


def _iter_structs(schema: SchemaType, value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Yield each struct of a spec, where a newer release may have another field."""
    match schema, value:
        case Struct(), dict():
            yield value
            for name, field in schema.fields.items():
                yield from _iter_structs(field, value.get(name))
        case Map(), dict():
            for entry in value.values():
                yield from _iter_structs(schema.value_type, entry)
        case ((AtomicList() | Set()), list()):
            for item in value:
                yield from _iter_structs(schema.item_type, item)


def _structs(item: dict[str, Any]) -> list[dict[str, Any]]:
    kind = find_kind(item["apiVersion"].rpartition("/")[0], item["kind"])
    if kind is None:
        return []
    item["spec"] = item.get("spec") or {}
    return list(_iter_structs(get_spec_schema(kind), item["spec"]))


def _add_fields(data: st.DataObject, git: Items, live: Items) -> None:
    """Add a few unknown fields; in Git and live to the same kind of object."""
    for number in range(data.draw(st.integers(1, 6))):
        value, sides = data.draw(VALUES), data.draw(SIDES)
        for items in [git] * ("git" in sides) + [live] * ("live" in sides):
            structs = _structs(data.draw(st.sampled_from(items)))
            if structs:
                data.draw(st.sampled_from(structs))[f"unknown{number}"] = value


def _add_kind(data: st.DataObject, git: Items, live: Items) -> None:
    group = data.draw(st.sampled_from(["wiring", "vpc", "gateway"]))
    for items in (git, live):
        for name in data.draw(st.lists(st.sampled_from("abc"), unique=True)):
            spec = {"x": data.draw(VALUES)}
            metadata = {"name": name, "namespace": "default"}
            head = {"apiVersion": f"{group}.githedgehog.com/v7", "kind": "Gizmo"}
            items.append({**head, "metadata": metadata, "spec": spec})


def _parse(git: Items, live: Items) -> tuple[DesiredState, LiveState]:
    text = yaml.dump_all(git, Dumper=yaml.CSafeDumper).encode()
    desired = build_desired_state([parse_manifests("fabric.yaml", text)])
    return desired, parse_dump(cast(Json, {"kind": "List", "items": live}))


def _find_known_drift(drift: Drift) -> dict[str, Any]:
    """Return what has drifted, without what is unknown."""
    entries = {
        str(entry.key): (entry.change, [field for field in entry.fields if field.is_known])
        for entry in drift.entries
        if entry.key.kind.is_known
    }
    changed = {key: value for key, value in entries.items() if value != ("changed", [])}
    counts = {
        kind: (count.desired, count.live, count.missing, count.extra)
        for kind, count in drift.counts.items()
    }
    return {"entries": changed, "counts": counts, "unmanaged": drift.unmanaged}


@pytest.mark.parametrize("sample", [*SETS, LEGACY], ids=str)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_unknown_fields_and_kinds_hide_nothing(sample: SampleSet, data: st.DataObject) -> None:
    git, live = _read_git(sample), sample.dump()["items"]
    before = find_drift(*_parse(git, live))
    git, live = deepcopy(git), deepcopy(live)
    _add_fields(data, git, live)
    _add_kind(data, git, live)

    desired, fabric = _parse(git, live)
    drift = find_drift(desired, fabric)

    assert describe_problems(desired, drift) == ()
    assert _find_known_drift(drift) == _find_known_drift(before)
    assert MARK not in str(summarize(drift))
