"""Random unknown fields and kinds change nothing about what is known.

Beside them a known field is changed, so that there is something to hide.
"""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fabrics.drift.compare import find_drift
from fabrics.drift.diff_report import describe_problems
from fabrics.drift.dump import parse_dump
from fabrics.drift.model import Drift, DriftType, FieldDrift, LiveState
from fabrics.drift.summary import summarize
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import Kind, find_kind
from fabrics.resources.manifests.files import DesiredState, build_desired_state, parse_manifests
from fabrics.resources.schema import get_spec_schema
from fabrics.resources.schema.base import SchemaType
from fabrics.resources.schema.types import AtomicList, Map, Set, Struct
from tests.support.fabrics.mutations import mutations
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
STATED = st.sampled_from(["in Git", "live", "the same", "different"])
"""Where an unknown field is, and for both sides whether its values agree."""


@dataclass(frozen=True)
class Case:
    """Manifests, and the live objects that an API makes of them."""

    name: str
    files: tuple[str, ...]
    read_live: Callable[[], Items]

    def __str__(self) -> str:
        return self.name

    def read_git(self) -> Items:
        return deepcopy(_read_git(self.files))


@cache
def _read_git(files: tuple[str, ...]) -> Items:
    texts = [(HEDGEHOG / "samples" / name).read_text() for name in files]
    return [item for text in texts for item in yaml.load_all(text, yaml.CSafeLoader) if item]


def _make_case(sample: SampleSet) -> Case:
    return Case(sample.name, sample.files, lambda: sample.dump()["items"])


def _make_next_case(name: str, live: str, *files: str) -> Any:  # noqa: ANN401  pytest's type is private
    path = HEDGEHOG / "next" / live
    absent = "the samples of the next release are not on this machine"
    return pytest.param(
        Case(name, files, lambda: json.loads(path.read_text())["items"]),
        marks=pytest.mark.skipif(not path.is_file(), reason=absent),
    )


GATEWAY = next(sample for sample in SETS if sample.name == "gateway-externals")
CASES = [
    *map(_make_case, (*SETS, LEGACY)),
    _make_next_case("upgraded", "vlab-gateway-externals.topology.live.json", *GATEWAY.files),
]
SMALL_CASES = [
    _make_next_case(name, f"{name}.live.json", f"../next/{name}.git.yaml")
    for name in ("bfd-and-topology", "bfd-only", "new-kinds")
]


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


def _find_kind(item: dict[str, Any]) -> Kind | None:
    return find_kind(item["apiVersion"].rpartition("/")[0], item["kind"])


def _index_structs(items: Items) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the structs of each object of a known kind, by kind and name."""
    structs: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for item in items:
        if kind := _find_kind(item):
            item["spec"] = item.get("spec") or {}
            found = list(_iter_structs(get_spec_schema(kind), item["spec"]))
            structs[kind.name, item["metadata"]["name"]] = found
    return structs


def _add_fields(data: st.DataObject, git: Items, live: Items) -> None:
    """Add a few unknown fields; in Git and live to the same object."""
    in_git, in_api = _index_structs(git), _index_structs(live)
    for number in range(data.draw(st.integers(1, 6))):
        stated, name = data.draw(STATED), f"unknown{number}"
        sides = {"in Git": [in_git], "live": [in_api]}.get(stated, [in_git, in_api])
        key = data.draw(st.sampled_from(sorted(set.intersection(*map(set, sides)))))
        index = data.draw(st.integers(0, min(len(side[key]) for side in sides) - 1))
        value = data.draw(VALUES)
        for side in sides:
            side[key][index][name] = value
        if stated == "different":
            in_api[key][index][name] = {"other": value}


def _add_kind(data: st.DataObject, git: Items, live: Items) -> None:
    group = data.draw(st.sampled_from(["wiring", "vpc", "gateway"]))
    for items in (git, live):
        for name in data.draw(st.lists(st.sampled_from("abc"), unique=True)):
            spec = {"x": data.draw(VALUES)}
            metadata = {"name": name, "namespace": "default"}
            head = {"apiVersion": f"{group}.githedgehog.com/v7", "kind": "Gizmo"}
            items.append({**head, "metadata": metadata, "spec": spec})


def _change_known_field(data: st.DataObject, live: Items) -> None:
    known = [item for item in live if item.get("spec") and _find_kind(item)]
    item = data.draw(st.sampled_from(known))
    kind = _find_kind(item)
    assert kind
    found = mutations(get_spec_schema(kind), item["spec"])
    mutation = data.draw(st.sampled_from([found for found in found if not found.unknown]))
    item["spec"] = deepcopy(mutation.spec)


def _parse(git: Items, live: Items) -> tuple[DesiredState, LiveState]:
    text = yaml.dump_all(git, Dumper=yaml.CSafeDumper).encode()
    desired = build_desired_state([parse_manifests("fabric.yaml", text)])
    return desired, parse_dump(cast(Json, {"kind": "List", "items": live}))


def _find_known_drift(drift: Drift) -> dict[str, Any]:
    """Return what has drifted, without fields and kinds that are not known."""
    entries = {
        str(entry.key): (entry.change, sorted(filter(_is_known, entry.fields), key=repr))
        for entry in drift.entries
        if entry.key.kind.is_known
    }
    counts = {
        kind: (count.desired, count.live, count.missing, count.extra)
        for kind, count in drift.counts.items()
    }
    return {
        "entries": {
            key: (change, [field.path for field in fields])
            for key, (change, fields) in entries.items()
            if fields or change != DriftType.CHANGED
        },
        "counts": counts,
        "unmanaged": drift.unmanaged,
    }


def _is_known(field: FieldDrift) -> bool:
    """True unless the field is inside an unknown one; its value may have one inside."""
    return "unknown" not in field.path


@pytest.mark.parametrize("case", [*CASES, *SMALL_CASES], ids=str)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_unknown_fields_and_kinds_hide_nothing(case: Case, data: st.DataObject) -> None:
    git, live = case.read_git(), deepcopy(case.read_live())
    _change_known_field(data, live)
    before = find_drift(*_parse(git, live))
    _add_fields(data, git, live)
    _add_kind(data, git, live)

    desired, fabric = _parse(git, live)
    drift = find_drift(desired, fabric)

    assert before.entries or before.unmanaged, "the change of the known field"
    assert describe_problems(desired, drift) == ()
    assert _find_known_drift(drift) == _find_known_drift(before)
    assert MARK not in str(summarize(drift))
    unknown = [field for entry in drift.entries for field in entry.fields if not _is_known(field)]
    assert not any(field.is_known for field in unknown)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_unknown_field_is_drift_where_git_states_another_value(case: Case) -> None:
    git, live = case.read_git(), deepcopy(case.read_live())
    baseline = _list_fields(find_drift(*_parse(git, live)))
    in_git, in_api = _index_structs(git), _index_structs(live)
    keys = sorted(in_git.keys() & in_api.keys())[:6]
    for number, key in enumerate(keys):
        if number != 0:
            in_git[key][0]["gizmo"] = {"pin": 1}
        if number != 1:
            in_api[key][0]["gizmo"] = {"pin": 1 + number // 3, "added": 1}
    found = find_drift(*_parse(git, live))
    expected = {(*key, "spec.gizmo.pin") for key in keys[3:]} | {(*keys[1], "spec.gizmo")}
    assert _list_fields(found) - baseline == expected
    named = {(field.key.kind.name, field.key.name, field.path) for field in found.unknown_fields}
    assert named == {(*keys[0], "spec.gizmo")} | {(*key, "spec.gizmo.added") for key in keys[2:]}


def _list_fields(drift: Drift) -> set[tuple[str, str, str]]:
    return {
        (entry.key.kind.name, entry.key.name, field.path)
        for entry in drift.entries
        for field in entry.fields
    }
