"""The selection of one fabric's objects, where an API or Git holds several."""

import json
from dataclasses import replace

import pytest

from fabrics.drift.compare import find_drift
from fabrics.drift.fabric_selection import (
    FabricSelection,
    UnknownFabricError,
    select_fabric,
    select_live,
)
from fabrics.drift.model import LiveState, UnknownKindObjects
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import SWITCH_PROFILE
from fabrics.resources.resource import Resource, resource_from_api
from tests.support.fabrics.objects import desired, live, live_state, manifest

A: Json = {"fabric": "a"}
B: Json = {"fabric": "b"}


def link(server: str) -> Json:
    """Return a link between a server and a switch."""
    return {"server": {"port": f"{server}/eth1"}, "switch": {"port": "s/E1/1"}}


def keys(live_state: LiveState) -> set[str]:
    """Return the kinds and names of all live objects."""
    listed = [resource for group in live_state.resources.values() for resource in group]
    return {f"{resource.kind.name} {resource.name}" for resource in listed}


def select(name: str, *resources: Resource, git: str = "") -> FabricSelection:
    """Select a fabric among live objects and a manifest."""
    return select_fabric(name, desired(git) if git else None, live_state(*resources))


TWO_FABRICS = (
    live("Fabric", "a"),
    live("Fabric", "b"),
    live("Switch", "leaf-a", {"topology": A}),
    live("Switch", "leaf-b", {"topology": B, "vlanNamespaces": ["vlans-b"]}),
    live("VPC", "vpc-b", {"topology": B, "vlanNamespace": "vlans-b"}),
    live(
        "Connection", "c-a", {"topology": A, "bundled": {"links": [link("both"), link("only-a")]}}
    ),
    live("Connection", "c-b", {"topology": B, "unbundled": {"link": link("both")}}),
    *(live("Server", name) for name in ("both", "only-a", "nobody")),
    live("VLANNamespace", "default"),
    live("VLANNamespace", "vlans-b"),
    resource_from_api({"metadata": {"name": "ds3000"}}, SWITCH_PROFILE),
)


def test_without_a_name_all_objects_count() -> None:
    assert keys(select("", *TWO_FABRICS).live) == keys(live_state(*TWO_FABRICS))


def test_objects_count_for_the_fabric_that_they_name() -> None:
    assert keys(select("a", *TWO_FABRICS).live) == {
        "Fabric a",
        "Switch leaf-a",
        "Connection c-a",
        "Server both",
        "Server only-a",
        "VLANNamespace default",
        "SwitchProfile ds3000",
    }
    assert keys(select("b", *TWO_FABRICS).live) == {
        "Fabric b",
        "Switch leaf-b",
        "VPC vpc-b",
        "Connection c-b",
        "Server both",
        "VLANNamespace vlans-b",
        "SwitchProfile ds3000",
    }


def test_object_without_topology_is_in_the_default_fabric() -> None:
    old, new = live("VPC", "old"), live("VPC", "new", {"topology": {"fabric": "default"}})
    other = live("VPC", "other", {"topology": A})
    assert keys(select("default", old, new, other).live) == {"VPC old", "VPC new"}


def test_server_that_no_object_refers_to_belongs_to_no_fabric() -> None:
    selected = select(
        "a", *TWO_FABRICS, live("Server", "spare"), git=manifest("VLANNamespace", "x")
    )
    assert selected.notices == (
        "Live objects that belong to no fabric, as they are not in Git and no object refers to them:"
        " 2 Server.",
    )
    assert not {"Server nobody", "Server spare"} & keys(selected.live)


def test_server_that_no_object_refers_to_counts_where_it_is_in_git() -> None:
    git = desired(manifest("Server", "nobody"))
    selected = select_fabric("a", git, live_state(*TWO_FABRICS))
    assert selected.notices == ()
    assert "Server nobody" in keys(selected.live)
    assert selected.desired is not None
    assert [str(key) for key in selected.desired.resources] == ["Server/default/nobody"]
    assert "Server nobody" not in keys(select_live("a", live_state(*TWO_FABRICS), None))


def test_server_that_only_git_connects_counts_for_the_fabric_of_its_connection() -> None:
    connection = f"{{topology: {{fabric: b}}, unbundled: {{link: {json.dumps(link('nobody'))}}}}}"
    git = "---\n".join([manifest("Server", "nobody"), manifest("Connection", "new", connection)])
    for name in ("a", "b"):
        selected = select(name, *TWO_FABRICS, git=git)
        assert ("Server nobody" in keys(selected.live)) is (name == "b")
        assert selected.notices == (), "a server that names no fabric is in no other one"


def test_server_of_another_fabric_in_a_shared_directory_does_not_count() -> None:
    selected = select("b", *TWO_FABRICS, git=manifest("Server", "only-a"))
    assert "Server only-a" not in keys(selected.live)
    assert selected.desired is not None
    assert selected.desired.resources == {}
    own = select("a", *TWO_FABRICS, git=manifest("Server", "only-a"))
    assert own.desired is not None
    assert [key.name for key in own.desired.resources] == ["only-a"]


def test_server_of_two_fabrics_names_the_other_one() -> None:
    (shared,) = select("a", *TWO_FABRICS).live.shared_with.items()
    assert (str(shared[0]), shared[1]) == ("Server/default/both", ("b",))
    assert select("", *TWO_FABRICS).live.shared_with == {}


def test_objects_of_other_fabrics_or_of_none_are_known_to_be_elsewhere() -> None:
    elsewhere = select("a", *TWO_FABRICS).live.elsewhere
    assert {key.name for key in elsewhere} == {"b", "c-b", "leaf-b", "nobody", "vlans-b", "vpc-b"}


def test_object_that_is_in_another_fabric_in_git_is_named_and_not_missing() -> None:
    for name in ("a", "b"):
        git = manifest("VPC", "vpc-b", "{topology: {fabric: a}, vlanNamespace: vlans-b}")
        selected = select(name, *TWO_FABRICS, git=git)
        assert selected.desired is not None
        assert selected.notices[0] == "VPC/default/vpc-b is in the fabric a in Git, but in b live."
        drift = find_drift(selected.desired, selected.compared_live)
        assert [entry.change for entry in drift.entries] == ["changed"]
        assert ("VPC vpc-b" in keys(selected.live)) is (name == "b")


def test_unknown_name_lists_the_fabrics() -> None:
    for name in ("c", "default"):
        with pytest.raises(UnknownFabricError, match=rf"is {name}, but .*: the fabrics are a, b\."):
            select(name, *TWO_FABRICS)


def test_fabric_that_only_git_has_is_missing_but_known() -> None:
    git = manifest("VPC", "new", "{topology: {fabric: c}}")
    selected = select("c", *TWO_FABRICS, git=git)
    assert selected.desired is not None
    assert [resource.name for resource in selected.desired.resources.values()] == ["new"]
    assert keys(selected.live) == {"SwitchProfile ds3000"}


def test_earlier_release_has_the_default_fabric_only() -> None:
    old = live("VPC", "old")
    assert keys(select("default", old).live) == {"VPC old"}
    with pytest.raises(UnknownFabricError, match=r"is a, but this release"):
        select("a", old)


def test_malformed_connection_refers_to_nothing() -> None:
    specs: list[Json] = [
        {"topology": A, "bundled": {"links": [1, {"server": "x"}, {"server": {"port": 2}}]}},
        {"topology": A, "bundled": {"links": {"server": {"port": "x/1"}}}},
        {"topology": "a", "bundled": "x"},
    ]
    for spec in specs:
        selected = select("a", *TWO_FABRICS, live("Connection", "bad", spec), live("Server", "x"))
        assert "Server x" not in keys(selected.live)


def test_selection_of_the_inventory_is_that_of_the_observation() -> None:
    connection = manifest("Connection", "new", "{topology: {fabric: a}, unbundled: {}}")
    git = "---\n".join([connection, manifest("Server", "nobody"), manifest("Server", "new")])
    for name in ("", "a", "b"):
        observed = select(name, *TWO_FABRICS, git=git).live
        assert observed == select_live(name, live_state(*TWO_FABRICS), desired(git))


def test_object_of_an_unknown_kind_counts_unless_it_names_another_fabric() -> None:
    head = "apiVersion: wiring.githedgehog.com/v9\nkind: Gizmo\n"
    specs = {"own": "{topology: {fabric: a}}", "other": "{topology: {fabric: b}}", "none": "{}"}
    specs["other-live"] = "{}"
    git = "---\n".join(
        f"{head}metadata: {{name: {name}}}\nspec: {spec}\n" for name, spec in specs.items()
    )
    state = desired(git)
    (kind,) = state.unknown_kinds
    listed = resource_from_api({"metadata": {"name": "other-live"}, "spec": {"topology": B}}, kind)
    fabric = replace(live_state(*TWO_FABRICS), unknown_kinds={kind: UnknownKindObjects((listed,))})
    selected = select_fabric("a", state, fabric).desired
    assert selected is not None
    assert [resource.name for resource in selected.unknown_kinds[kind]] == ["own", "none"]


def test_names_in_sentences_are_bounded() -> None:
    fabrics = [
        live("VPC", f"v{number}", {"topology": {"fabric": f"{number}\n" * 99}})
        for number in range(99)
    ]
    with pytest.raises(UnknownFabricError, match=r"… and 89 more\.$") as caught:
        select("a", *fabrics)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_only_fabric_of_an_api_is_all_that_it_holds() -> None:
    git = "---\n".join(
        [
            manifest("VPC", "v", "{ipv4Namespace: default}"),
            manifest("VLANNamespace", "default", "{ranges: [{from: 1, to: 2}]}"),
            manifest("Server", "spare", "{description: new}"),
        ]
    )
    fabric = live_state(
        live("Fabric", "default"),
        live("Switch", "leaf", {"topology": {"fabric": "default"}}),
        live("VPC", "v", {"topology": {"fabric": "default"}}),
        live("VLANNamespace", "default", {"ranges": [{"from": 1, "to": 3}]}),
        live("Server", "spare"),
    )
    both = [select_fabric(name, desired(git), fabric) for name in ("", "default")]
    drifts = [find_drift(one.desired, one.compared_live) for one in both if one.desired]
    assert drifts[0] == drifts[1]
    assert len(drifts[0].entries) == 4


def test_vpc_of_a_fabric_does_not_make_the_wiring_of_another_one_managed() -> None:
    git = "---\n".join(
        [
            manifest("VPC", "vpc-a", "{topology: {fabric: a}}"),
            manifest("Switch", "leaf-b", "{topology: {fabric: b}}"),
            manifest("VLANNamespace", "default"),
        ]
    )
    selected = select("a", *TWO_FABRICS, git=git)
    assert selected.desired is not None
    assert [str(key) for key in selected.desired.resources] == ["VPC/default/vpc-a"]


def test_fabric_of_an_api_that_has_none_yet_may_be_in_git() -> None:
    git = manifest("Fabric", "a")
    selected = select_fabric("a", desired(git), live_state(served=("Fabric", "VPC")))
    assert selected.desired is not None
    assert [resource.name for resource in selected.desired.resources.values()] == ["a"]
