"""Kinds that are not known are compared where Git defines their objects."""

import json
from itertools import chain

import pytest

from fabrics.drift.compare import find_drift, select_managed_kinds, select_unknown_kinds
from fabrics.drift.diff_report import DiffReport, build_diff_report, describe_problems
from fabrics.drift.dump import parse_dump
from fabrics.drift.model import Drift, ListOutcome, LiveState, UnknownKindObjects
from fabrics.drift.summary import summarize
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import VPC_GROUP, WIRING_GROUP, Kind, find_unknown_kind, get_kinds
from fabrics.resources.manifests.files import DesiredState, build_desired_state, parse_manifests
from fabrics.resources.resource import Resource, digest_resources, resource_from_api
from tests.support.fabrics.objects import live, manifest


def make_kind(name: str) -> Kind:
    kind = find_unknown_kind(VPC_GROUP, name)
    assert kind
    return kind


GIZMO = make_kind("Gizmo")


def gizmo(name: str, spec: str = "{}", **metadata: str) -> str:
    extra = "".join(f", {field}: {value}" for field, value in metadata.items())
    return (
        "apiVersion: vpc.githedgehog.com/v9\nkind: Gizmo\n"
        f"metadata: {{name: {name}{extra}}}\nspec: {spec}\n"
    )


def desired(*documents: str) -> DesiredState:
    return build_desired_state([parse_manifests("fabric.yaml", "---\n".join(documents).encode())])


def live_gizmo(name: str, spec: Json = None, **metadata: Json) -> Resource:
    return resource_from_api({"metadata": {"name": name, **metadata}, "spec": spec or {}}, GIZMO)


def listed(*resources: Resource) -> LiveState:
    return LiveState({}, unknown_kinds={GIZMO: UnknownKindObjects(resources)})


def not_listed(outcome: ListOutcome) -> LiveState:
    return LiveState({}, unknown_kinds={GIZMO: UnknownKindObjects(outcome=outcome)})


def changes(drift: Drift) -> dict[str, str]:
    return {str(entry.key): entry.change.value for entry in drift.entries}


def report(state: DesiredState, fabric: LiveState) -> DiffReport:
    return build_diff_report(state, find_drift(state, fabric))


def test_objects_in_git_are_compared_and_others_are_never_extra() -> None:
    state = desired(gizmo("a", "{x: 1}"), gizmo("b", "{x: 1}"), gizmo("c"))
    drift = find_drift(state, listed(live_gizmo("a", {"x": 1}), live_gizmo("b"), live_gizmo("d")))
    assert changes(drift) == {"Gizmo/default/b": "changed", "Gizmo/default/c": "missing"}
    (field,) = drift.entries[0].fields
    assert (field.path, field.desired, field.live, field.is_known) == ("spec.x", 1, None, False)


def test_live_fields_are_a_notice() -> None:
    state = desired(gizmo("a", "{x: {a: 1}}"))
    shown = report(state, listed(live_gizmo("a", {"x": {"a": 1, "z": 2}, "w": {}})))
    assert (shown.exit_code, shown.entries) == (0, ())
    assert shown.notices == (
        "1 Gizmo object has live fields that Git does not state and this version does not know:"
        " spec.x.z; they are not compared.",
        "This version does not know the kind Gizmo (vpc.githedgehog.com); its objects in Git are"
        " compared by their whole spec.",
    )


def test_only_the_spec_is_compared() -> None:
    state = desired(gizmo("a", labels="{team: blue}"))
    drift = find_drift(state, listed(live_gizmo("a", labels={"team": "red"})))
    assert (drift.entries, drift.unknown_fields) == ((), ())


def test_objects_with_an_owner_are_left_out() -> None:
    owners: Json = [{"apiVersion": "v1", "kind": "Widget", "name": "x", "uid": "1"}]
    state = desired(gizmo("a", "{x: 1}"))
    assert find_drift(state, listed(live_gizmo("a", ownerReferences=owners))).entries == ()


def test_kind_that_the_api_does_not_serve_is_missing_but_no_problem() -> None:
    state = desired(gizmo("a"))
    shown = report(state, not_listed(ListOutcome.NOT_SERVED))
    assert [(entry.name, entry.change) for entry in shown.entries] == [("a", "missing")]
    assert (shown.exit_code, shown.problems) == (1, ())
    assert shown.notices == (
        "The fabric's API does not serve the kind Gizmo (vpc.githedgehog.com), so its objects in"
        " Git are missing there; it may be misspelt or of another release.",
    )


@pytest.mark.parametrize(
    ("fabric", "fragment"),
    [
        (not_listed(ListOutcome.FORBIDDEN), "the worker may not list them"),
        (LiveState({}), "none were listed"),
    ],
)
def test_kind_that_was_not_listed_is_only_a_notice(fabric: LiveState, fragment: str) -> None:
    shown = report(desired(gizmo("a")), fabric)
    assert (shown.exit_code, shown.entries, shown.problems) == (0, (), ())
    (notice,) = shown.notices
    assert fragment in notice


def test_unknown_kinds_change_nothing_about_known_ones() -> None:
    known = desired(manifest("Server", "s"))
    both = desired(manifest("Server", "s"), gizmo("a"))
    fabric = LiveState({live("VPC", "v").kind: (live("VPC", "v"),)})
    assert select_managed_kinds(both) == select_managed_kinds(known)
    assert both.resources.keys() == known.resources.keys()
    assert digest_resources(both.resources.values()) == digest_resources(known.resources.values())
    assert find_drift(both, fabric).counts == find_drift(known, fabric).counts
    assert find_drift(both, fabric).entries == find_drift(known, fabric).entries
    assert describe_problems(both, find_drift(both, fabric)) == ()


def test_configured_kinds_leave_unknown_ones_out() -> None:
    state = desired(gizmo("a"))
    assert select_unknown_kinds(state) == (GIZMO,)
    assert select_unknown_kinds(state, get_kinds(["VPC"])) == ()
    drift = find_drift(state, not_listed(ListOutcome.NOT_SERVED), get_kinds(["VPC"]))
    assert (drift.entries, drift.unknown_kinds) == ((), {})


def test_object_of_an_unknown_kind_that_is_defined_twice_is_not_compared() -> None:
    state = desired(gizmo("a", "{x: 1}"), gizmo("a"), manifest("Server", "s"))
    assert len(state.problems) == 1
    assert state.unknown_kinds == {}
    vpcs = LiveState({live("VPC", "v").kind: (live("VPC", "v"),)})
    assert changes(find_drift(state, vpcs)) == {}


def test_dump_holds_unknown_kinds_apart() -> None:
    items: list[Json] = [
        {
            "apiVersion": "vpc.githedgehog.com/v9",
            "kind": "Gizmo",
            "metadata": {"name": "a"},
            "spec": {"x": 1},
        },
        {"apiVersion": "agent.githedgehog.com/v1beta1", "kind": "Agent", "metadata": {"name": "a"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}},
    ]
    fabric = parse_dump({"kind": "List", "items": items})
    assert list(chain(*fabric.resources.values())) == []
    assert [kind.name for kind in fabric.unknown_kinds] == ["Gizmo"]
    assert report(desired(gizmo("a", "{x: 1}")), fabric).drift_count == 0
    shown = report(desired(gizmo("a", "{x: 2}")), fabric)
    assert shown.entries[0].fields[0].path == "spec.x"
    assert (shown.entries[0].fields[0].desired, shown.entries[0].fields[0].live) == ("2", "1")


def test_kinds_of_one_name_in_two_groups_are_two_kinds() -> None:
    other = find_unknown_kind(WIRING_GROUP, "Gizmo")
    assert other
    wiring = gizmo("a", "{x: 2}").replace(VPC_GROUP, WIRING_GROUP)
    state = desired(gizmo("a", "{x: 1}"), wiring)
    assert state.problems == ()
    same = {"metadata": {"name": "a"}, "spec": {"x": 1}}
    resources = [resource_from_api(same, kind) for kind in (GIZMO, other)]
    assert len({resource.digest for resource in resources}) == 2
    lists = {resource.kind: UnknownKindObjects((resource,)) for resource in resources}
    (entry,) = find_drift(state, LiveState({}, unknown_kinds=lists)).entries
    assert entry.key.kind == other


def test_values_of_unknown_kinds_stay_out_of_records() -> None:
    state = desired(gizmo("a", "{x: swordfish}"))
    drift = find_drift(state, listed(live_gizmo("a")))
    record = summarize(drift)
    (field,) = record.entries[0].fields
    assert (field.path, field.desired, field.live) == ("spec.x", '"(not shown)"', None)
    assert "swordfish" not in str(record)
    assert "swordfish" in report(state, listed(live_gizmo("a"))).model_dump_json()


def test_notices_are_bounded() -> None:
    documents = [gizmo("a").replace("Gizmo", f"Gizmo{number}") for number in range(50)]
    state = desired(manifest("Server", "s"), *documents)
    server = live("Server", "s", {f"{'x' * 200}{number}": 1 for number in range(20)})
    shown = report(state, LiveState({server.kind: (server,)}))
    assert len(shown.notices) == 11
    assert "x… and 17 more; they are not compared." in shown.notices[0]
    assert shown.notices[-1] == "41 more notices are not shown."
    assert len(json.dumps(shown.notices)) < 5000
