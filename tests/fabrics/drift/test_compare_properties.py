"""Properties of the comparison that hold for every spec, well-formed or not."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fabrics.drift.compare import find_drift
from fabrics.drift.model import DriftType, LiveState
from fabrics.resources.defaults import apply_defaults
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import COMPARED_KINDS, Kind, get_kind
from fabrics.resources.manifests.files import DesiredState, build_desired_state, parse_manifests
from fabrics.resources.normalize import (
    Content,
    diff_normalized,
    digest_json,
    normalize_desired,
    normalize_live,
)
from fabrics.resources.resource import Resource, digest_resources, resource_from_api
from fabrics.resources.schema import get_spec_schema
from fabrics.resources.schema.base import DifferenceReason, SchemaType
from fabrics.resources.schema.types import AtomicList, Map, Set, Struct

WORDS = (
    *("", "0", "default", "vpc-1", "vpc-1/default", "E1/1", "E1/1/1", "leaf-01/E1/5/1", "a.b"),
    *("SPEED_25G", "90s", "0s", "1h", "10.0.1.7/24", "10.0.0.0/31", "0C-20-12-FF-00-00"),
)
SCALARS = st.sampled_from([None, True, False, -1, 0, 1, 2.5, *WORDS])
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, {}, [], [None], [[], "x"], {"a": {}}, {"port": 1}, "x", 0, True]
)


def _specs(schema: SchemaType) -> st.SearchStrategy[Any]:
    """Values of a schema type, now and then with junk in their place."""
    match schema:
        case Struct():
            fields = {name: _specs(field) | JUNK for name, field in schema.fields.items()}
            return st.fixed_dictionaries({}, optional=fields | {"unknown": JUNK})
        case Map():
            return st.dictionaries(
                st.sampled_from(WORDS), _specs(schema.value_type) | JUNK, max_size=2
            )
        case AtomicList() | Set():
            return st.lists(_specs(schema.item_type) | JUNK, max_size=2)
    return SCALARS


SPECS = {kind: _specs(get_spec_schema(kind)) for kind in COMPARED_KINDS}
KIND_AND_SPEC = st.one_of([st.tuples(st.just(kind), spec) for kind, spec in SPECS.items()])
KIND_AND_TWO_SPECS = st.one_of(
    [st.tuples(st.just(kind), spec, spec) for kind, spec in SPECS.items()]
)


def _live(kind: Kind, spec: dict[str, Json], **metadata: Json) -> Resource:
    return resource_from_api({"metadata": {"name": "one", **metadata}, "spec": spec}, kind)


def _desired(kind: Kind, spec: dict[str, Json]) -> DesiredState:
    text = json.dumps(
        {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": "one"}}
        | {"spec": spec}
    )
    return build_desired_state([parse_manifests("one.yaml", text.encode())])


@settings(max_examples=400)
@given(KIND_AND_SPEC)
def test_stored_form_of_a_manifest_is_not_drift(given: tuple[Kind, Any]) -> None:
    kind, spec = given
    desired = _desired(kind, spec)
    assert desired.problems == ()
    stored = apply_defaults(kind, spec)
    drift = find_drift(desired, LiveState({kind: (_live(kind, stored),)}))
    assert drift.entries == ()
    assert apply_defaults(kind, stored) == stored


@settings(max_examples=300)
@given(KIND_AND_SPEC)
def test_normalizing_twice_changes_nothing(given: tuple[Kind, Any]) -> None:
    kind, spec = given
    schema = get_spec_schema(kind)
    normal = schema.normalize(spec)
    assert schema.normalize(normal) == normal


@settings(max_examples=400)
@given(KIND_AND_TWO_SPECS)
@example((get_kind("VPCPeering"), {"permit": [None]}, {"permit": [{}]}))
def test_differences_are_symmetric_and_agree_with_digests(given: tuple[Kind, Any, Any]) -> None:
    kind, one, other = given
    left, right = (normalize_live(kind, Content(spec, {}, {})) for spec in (one, other))
    forward, backward = _find_drifted(kind, left, right), _find_drifted(kind, right, left)
    if forward.keys() == backward.keys():  # no field that is compared in one direction only
        assert {path: (git, cluster) for path, (cluster, git) in forward.items()} == backward
    all_differences = list(diff_normalized(kind, left, right)) + list(
        diff_normalized(kind, right, left)
    )
    assert (digest_json(left) == digest_json(right)) == (all_differences == [])


def _find_drifted(kind: Kind, left: Json, right: Json) -> dict[str, tuple[Json, Json]]:
    return {
        path: (git, cluster)
        for path, git, cluster, reason, *_ in diff_normalized(kind, left, right)
        if reason is DifferenceReason.DRIFT
    }


@settings(max_examples=200)
@given(KIND_AND_TWO_SPECS)
def test_object_on_both_sides_is_never_missing_or_extra(given: tuple[Kind, Any, Any]) -> None:
    kind, one, other = given
    live = _live(kind, other)
    drift = find_drift(_desired(kind, one), LiveState({kind: (live,)}))
    assert {entry.change for entry in drift.entries} <= {DriftType.CHANGED}
    absent = find_drift(_desired(kind, one), LiveState({kind: ()}))
    assert [entry.change for entry in absent.entries] == [DriftType.MISSING]
    unread = find_drift(_desired(kind, one), LiveState({}))
    assert (unread.entries, unread.unread_kinds) == ((), (kind,))


@given(KIND_AND_SPEC, st.randoms())
def test_order_of_keys_and_objects_does_not_matter(given: tuple[Kind, Any], random: Any) -> None:  # noqa: ANN401
    kind, spec = given
    names = list(spec)
    random.shuffle(names)
    shuffled = {name: spec[name] for name in names}
    one, other = (normalize_desired(kind, Content(fields, {}, {})) for fields in (spec, shuffled))
    assert one == other
    resources = [_live(kind, spec), _live(kind, {}, namespace="other")]
    assert digest_resources(resources) == digest_resources(reversed(resources))
