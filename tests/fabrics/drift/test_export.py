"""The way back: manifests of a live state, read again, have no drift from it."""

from collections.abc import Iterator
from random import Random
from typing import Any, cast

import pytest

from fabrics.drift.compare import find_drift
from fabrics.drift.dump import parse_dump
from fabrics.drift.export import PartialStateError, export_live
from fabrics.drift.model import LiveState
from fabrics.resources.defaults import apply_defaults
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import get_kind, get_kinds
from fabrics.resources.manifests.files import DesiredState, build_desired_state, parse_manifests
from fabrics.resources.normalize import Content, normalize_desired, normalize_live
from fabrics.resources.resource import resource_from_api
from fabrics.resources.schema import get_spec_schema
from tests.support.fabrics.hydrated_specs import FLAP, GATEWAY, OPTIONS
from tests.support.fabrics.mutations import Mutation, mutations
from tests.support.fabrics.objects import desired, live, live_state, manifest
from tests.support.fabrics.sample_sets import LEGACY, SETS, SampleSet, needs_samples

MUTATIONS = 500


def read(text: str) -> DesiredState:
    """Read exported manifests as they are read in Git."""
    state = build_desired_state([parse_manifests("manifests.yaml", text.encode())])
    assert state.problems == ()
    return state


def drift_after(git: DesiredState, fabric: LiveState, kinds: frozenset[Any] = frozenset()) -> int:
    """Return the number of drifted objects once Git has what is exported."""
    return len(find_drift(read(export_live(git, fabric, kinds)), fabric, kinds).entries)


@needs_samples
@pytest.mark.parametrize("sample", [*SETS, LEGACY], ids=str)
def test_exported_sample_set_has_no_drift(sample: SampleSet) -> None:
    git, fabric = sample.desired(), sample.live_state()
    assert drift_after(git, fabric) == 0
    assert drift_after(DesiredState({}), fabric) == 0, "an empty directory gets everything"


@needs_samples
@pytest.mark.parametrize("sample", SETS, ids=str)
def test_export_of_a_fabric_in_sync_says_what_git_says(sample: SampleSet) -> None:
    """No defaults, no fields of the installer, no object more or less."""
    git = sample.desired()
    exported = read(export_live(git, sample.live_state()))
    assert exported.resources.keys() == git.resources.keys()
    for key, resource in exported.resources.items():
        in_git = git.resources[key]
        schema = get_spec_schema(key.kind)
        stated = schema.normalize(dict(in_git.spec))
        assert isinstance(stated, dict)
        for name in resource.spec:
            assert name in stated, f"{key} has {name}, which nobody has written"
        assert normalize_desired(key.kind, resource.content) == normalize_desired(
            key.kind, in_git.content
        )


def _list_mutations() -> Iterator[tuple[SampleSet, dict[str, Any], Mutation]]:
    """Yield each small change of each live object of all sets."""
    for sample in SETS:
        for item in sample.dump()["items"]:
            schema = get_spec_schema(get_kind(item["kind"]))
            for mutation in mutations(schema, item.get("spec", {})):
                yield sample, item, mutation


@needs_samples
def test_exported_mutations_have_no_drift() -> None:
    """An object alone, changed as somebody could change it live."""
    drifted = 0
    for sample, item, mutation in Random(17).sample(list(_list_mutations()), MUTATIONS):
        kind = get_kind(item["kind"])
        spec = apply_defaults(kind, cast(dict[str, Json], mutation.spec))  # as webhooks do
        changed = resource_from_api(item | {"spec": spec}, kind)
        git = DesiredState({changed.key: sample.desired().resources[changed.key]})
        fabric = LiveState({kind: (changed,)})
        drifted += bool(find_drift(git, fabric).entries)
        assert drift_after(git, fabric) == 0, f"{changed.key} {mutation}"
    assert drifted > MUTATIONS / 4, "many of them have to be drift before"


WRITTEN: dict[str, tuple[str, Json, dict[str, Json]]] = {
    "a switch": (
        "Switch",
        {
            "role": "spine",
            "boot": {},
            "redundancy": {"group": "a", "type": "eslag"},
            "groups": ["a"],
            "vlanNamespaces": ["default"],
            "asn": 65101,
            "ip": "172.30.0.8/21",
            "portLocators": {"E1/1": "2026-08-05"},
            "linkFlapErrDisable": FLAP,
        },
        {
            "role": "spine",
            "redundancy": {"group": "a", "type": "eslag"},
            "linkFlapErrDisable": {},
        },
    ),
    "a VPC": (
        "VPC",
        {
            "ipv4Namespace": "default",
            "vlanNamespace": "default",
            "subnets": {
                "a": {
                    "subnet": "10.0.1.0/24",
                    "gateway": "10.0.1.1",
                    "vlan": 1001,
                    "dhcp": {
                        "enable": True,
                        "range": {"start": "10.0.1.2", "end": "10.0.1.99"},
                        "options": OPTIONS | {"dnsServers": ["1.1.1.1"]},
                    },
                },
                "b": {"subnet": "10.0.2.0/24", "gateway": "10.0.2.254", "dhcp": {}},
            },
        },
        {
            "subnets": {
                "a": {
                    "subnet": "10.0.1.0/24",
                    "vlan": 1001,
                    "dhcp": {
                        "enable": True,
                        "range": {"end": "10.0.1.99"},
                        "options": {"dnsServers": ["1.1.1.1"]},
                    },
                },
                "b": {"subnet": "10.0.2.0/24", "gateway": "10.0.2.254"},
            }
        },
    ),
    "a gateway": ("Gateway", {**GATEWAY, "asn": 65534, "protocolIP": "172.30.8.3/32"}, {}),
    "VLANs": (
        "VLANNamespace",
        {"ranges": [{"from": 10, "to": 10}, {"from": 20, "to": 30}]},
        {"ranges": [{"from": 10}, {"from": 20, "to": 30}]},
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_only_what_people_write_is_exported(name: str) -> None:
    kind, stored, written = WRITTEN[name]
    fabric = live_state(live(kind, "one", stored))
    exported = read(export_live(DesiredState({}), fabric))
    [resource] = exported.resources.values()
    assert resource.spec == written
    assert find_drift(exported, fabric).entries == ()


def test_fields_of_the_installer_are_exported_where_git_states_them() -> None:
    git = desired(manifest("Switch", "a", "{role: spine, asn: 1}"))
    spec: Json = {"role": "spine", "asn": 2, "ip": "10.0.0.1/24", "vlanNamespaces": ["default"]}
    [resource] = read(export_live(git, live_state(live("Switch", "a", spec)))).resources.values()
    assert resource.spec == {"role": "spine", "asn": 2}


def test_comments_say_what_has_drifted_and_where_git_has_it() -> None:
    git = desired(
        manifest("Server", "a", "{description: x}"),
        manifest("Server", "b"),
        manifest("Server", "c"),
    )
    fabric = live_state(live("Server", "a"), live("Server", "c"), live("Server", "d"))
    text = export_live(git, fabric)
    comments = [line for line in text.splitlines() if line.startswith("# ")][1:]
    assert comments == [
        "# missing: Server/default/b is not live; it is at fabric.yaml:7 in Git",
        "# changed: Server/default/a is at fabric.yaml:1 in Git",
        "# extra: Server/default/d is not in Git",
    ]
    assert [key.name for key in read(text).resources] == ["a", "c", "d"]


def test_labels_and_annotations_of_people_are_exported() -> None:
    tracked = {"team": "65000:10", "app.kubernetes.io/instance": "argo"}
    fabric = live_state(live("Server", "a", labels=cast(Json, tracked), namespace="other"))
    [resource] = read(export_live(DesiredState({}), fabric)).resources.values()
    assert (resource.labels, resource.namespace) == ({"team": "65000:10"}, "other")


def test_kinds_that_git_leaves_to_the_installer_are_not_exported() -> None:
    fabric = live_state(live("External", "e", {"ipv4Namespace": "default"}), live("Server", "s"))
    exported = read(export_live(desired(manifest("External", "e")), fabric))
    assert [key.name for key in exported.resources] == ["e"]
    both = read(export_live(desired(), fabric, get_kinds(["Server"])))
    assert [key.name for key in both.resources] == ["s"]


def test_object_that_no_manifest_can_express_is_said() -> None:
    fabric = live_state(live("Switch", "a", {"role": "spine"}))
    git = desired(manifest("Switch", "a", "{role: spine}"))
    text = export_live(git, fabric)
    assert "# The API would change this object" in text
    assert read(text).resources.keys() == git.resources.keys()


def test_partial_states_are_not_exported() -> None:
    broken = build_desired_state([parse_manifests("broken.yaml", b"kind: [")])
    with pytest.raises(PartialStateError, match=r"a part would be lost: broken\.yaml:\d+: "):
        export_live(broken, live_state(live("Server", "a")))
    with pytest.raises(PartialStateError, match="no servers were listed"):
        export_live(desired(manifest("Server", "a")), live_state(live("VPC", "a")))


def test_objects_of_unknown_kinds_stay_where_they_are() -> None:
    gizmo = "apiVersion: vpc.githedgehog.com/v9\nkind: Gizmo\nmetadata: {name: a}\n"
    git = build_desired_state([parse_manifests("gizmo.yaml", gizmo.encode())])
    text = export_live(git, live_state(live("VPC", "v")))
    assert "# Gizmo is not known: keep Gizmo/default/a from gizmo.yaml:1" in text


def test_dump_of_a_list_is_exported_like_any_live_state() -> None:
    item = {
        "apiVersion": "wiring.githedgehog.com/v1beta1",
        "kind": "Server",
        "metadata": {"name": "s"},
        "spec": {"description": "é: y"},
    }
    fabric = parse_dump({"kind": "List", "items": [cast(Json, item)]})
    exported = read(export_live(DesiredState({}), fabric))
    kind = get_kind("Server")
    [resource] = exported.resources.values()
    assert normalize_live(kind, resource.content) == normalize_live(
        kind, Content({"description": "é: y"}, {}, {})
    )
