"""The comparison: managed kinds, partial reads, order of entries and summaries."""

import dataclasses
import json
import sys

import pytest

from fabrics.drift.compare import (
    _estimate_bytes,
    _FieldDifferences,
    find_drift,
    select_managed_kinds,
)
from fabrics.drift.model import Drift, DriftType, LiveState
from fabrics.drift.summary import SINCE_BYTES, dump_entries, summarize
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import (
    COMPARED_KINDS,
    GATEWAY_GROUP,
    VPC_GROUP,
    WIRING_GROUP,
    find_kinds_in_group,
    get_kind,
    get_kinds,
)
from fabrics.resources.manifests.files import DesiredState, build_desired_state, parse_manifests
from tests.support.fabrics.objects import compared, desired, live, live_state, manifest, paths


def changes(drift: Drift) -> dict[str, str]:
    return {str(entry.key): entry.change.value for entry in drift.entries}


def test_objects_are_missing_changed_or_extra() -> None:
    state = desired(
        manifest("Server", "a", "{description: x}"),
        manifest("Server", "b"),
        manifest("Server", "c"),
    )
    drift = find_drift(
        state, live_state(live("Server", "a"), live("Server", "c"), live("Server", "d"))
    )
    assert changes(drift) == {
        "Server/default/a": "changed",
        "Server/default/b": "missing",
        "Server/default/d": "extra",
    }
    changed, missing, extra = drift.entries
    assert (str(changed.source), str(missing.source), extra.source) == (
        "fabric.yaml:1",
        "fabric.yaml:7",
        None,
    )
    (field,) = changed.fields
    assert (field.path, field.desired, field.live) == ("spec.description", "x", None)
    count = drift.counts[get_kind("Server")]
    assert dataclasses.astuple(count) == (3, 3, 1, 1, 1)


def test_one_object_in_git_manages_its_whole_api_group() -> None:
    state = desired(manifest("VPC", "a"))
    assert select_managed_kinds(state) == find_kinds_in_group(VPC_GROUP)
    fabric = live_state(
        live("VPC", "a", {"ipv4Namespace": "default", "vlanNamespace": "default"}),
        live("External", "e"),
        live("Server", "s"),
        live("Gateway", "g"),
    )
    assert changes(find_drift(state, fabric)) == {"External/default/e": "extra"}


def test_only_configured_kinds_are_managed() -> None:
    state = desired(manifest("VPC", "a"), manifest("External", "e"))
    drift = find_drift(
        state,
        live_state(live("Server", "s"), served=("VPC", "External")),
        get_kinds(["VPC", "Server"]),
    )
    assert changes(drift) == {"VPC/default/a": "missing", "Server/default/s": "extra"}


def test_default_ipv4_namespace_is_extra_only_when_git_manages_wiring() -> None:
    vpcs, wiring = manifest("External", "e"), manifest("Server", "s")
    fabric = live_state(
        live("External", "e", {"ipv4Namespace": "default"}),
        live("IPv4Namespace", "default"),
        live("IPv4Namespace", "mine"),
        live("Server", "s"),
    )
    mine = {"IPv4Namespace/default/mine": "extra"}
    both = mine | {"IPv4Namespace/default/default": "extra"}
    assert changes(find_drift(desired(vpcs), fabric)) == mine
    assert changes(find_drift(desired(vpcs, wiring), fabric)) == both
    assert changes(find_drift(desired(vpcs), fabric, get_kinds(["IPv4Namespace"]))) == both


def test_objects_made_by_controllers_are_never_extra() -> None:
    owners: Json = [{"apiVersion": "v1", "kind": "Fabric", "name": "x", "uid": "1"}]
    fabric = live_state(
        live("GatewayGroup", "default"),
        live("GatewayGroup", "made", ownerReferences=owners),
        live("GatewayGroup", "handmade"),
    )
    state = desired(manifest("Gateway", "g"))
    assert changes(find_drift(state, fabric)) == {"GatewayGroup/default/handmade": "extra"}


def test_objects_made_by_controllers_are_compared_when_in_git() -> None:
    state = desired(manifest("GatewayGroup", "default", labels="{team: blue}"))
    drift = find_drift(state, live_state(live("GatewayGroup", "default")))
    assert changes(drift) == {"GatewayGroup/default/default": "changed"}


def test_gateway_namespace_of_older_releases_equals_default() -> None:
    state = desired(manifest("GatewayGroup", "g", namespace="fab"))
    assert changes(find_drift(state, live_state(live("GatewayGroup", "g")))) == {}
    assert changes(find_drift(state, live_state(live("GatewayGroup", "g", namespace="fab")))) == {}
    other = find_drift(state, live_state(live("GatewayGroup", "g", namespace="other")))
    assert len(other.entries) == 2


def test_objects_in_different_namespaces_are_different() -> None:
    state = desired(manifest("Server", "s", namespace="lab"))
    drift = find_drift(state, live_state(live("Server", "s")))
    assert changes(drift) == {"Server/default/s": "extra", "Server/lab/s": "missing"}


def test_unserved_and_unread_kinds_are_not_missing() -> None:
    state = desired(manifest("Gateway", "g"), manifest("GatewayPeering", "p"))
    fabric = LiveState({}, unserved_kinds=frozenset({get_kind("Gateway")}))
    drift = find_drift(state, fabric)
    assert drift.entries == ()
    assert drift.unserved_kinds == (get_kind("Gateway"),)
    assert drift.unread_kinds == (get_kind("GatewayPeering"),)


def test_bad_file_suppresses_missing_and_extra_in_its_kinds_only() -> None:
    good = parse_manifests(
        "good.yaml",
        "---\n".join(
            [
                manifest("Server", "a"),
                manifest("Switch", "b"),
                manifest("Server", "c", "{profile: x}"),
            ]
        ).encode(),
    )
    bad = parse_manifests("bad.yaml", manifest("Server", "d", "[").encode())
    fabric = live_state(live("Server", "c"), live("Server", "e"), served=("Switch",))
    drift = find_drift(build_desired_state([good, bad]), fabric)
    assert changes(drift) == {"Switch/default/b": "missing", "Server/default/c": "changed"}
    assert drift.incomplete_kinds == (get_kind("Server"),)


def test_object_defined_twice_is_not_compared() -> None:
    twice = build_desired_state(
        [
            parse_manifests("a.yaml", manifest("Server", "s", "{profile: x}").encode()),
            parse_manifests("b.yaml", manifest("Server", "s").encode()),
        ]
    )
    assert len(twice.problems) == 1
    drift = find_drift(twice, live_state(live("Server", "s"), live("Server", "t")))
    assert changes(drift) == {"Server/default/t": "extra"}
    assert changes(find_drift(twice, live_state(served=("Server",)))) == {}


def test_objects_that_differ_as_before_are_not_compared_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = desired(manifest("SwitchGroup", "cached"))
    fabric = live_state(live("SwitchGroup", "cached", {"topology": {"fabric": "default"}}))
    first = find_drift(state, fabric)
    assert [field.path for field in first.unmanaged] == ["spec.topology.fabric"]

    monkeypatch.setattr("fabrics.drift.compare.diff_normalized", None)

    again = live_state(live("SwitchGroup", "cached", {"topology": {"fabric": "default"}}))
    assert find_drift(state, again) == first
    other = live_state(live("SwitchGroup", "cached", {"topology": {"fabric": "other"}}))
    with pytest.raises(TypeError):
        find_drift(state, other)


def test_entries_are_sorted_by_kind_and_name() -> None:
    names = ["b", "a", "c"]
    state = desired(
        *(manifest(kind.name, name) for name in names for kind in reversed(COMPARED_KINDS))
    )
    drift = find_drift(state, LiveState({kind: () for kind in COMPARED_KINDS}))
    assert [(entry.key.kind, entry.key.name) for entry in drift.entries] == [
        (kind, name) for kind in COMPARED_KINDS for name in sorted(names)
    ]
    assert list(drift.counts) == list(COMPARED_KINDS)


def test_empty_git_directory_manages_nothing() -> None:
    drift = find_drift(DesiredState({}), live_state(live("Server", "s")))
    assert drift.entries == ()
    assert drift.counts[get_kind("Server")].live == 1


def test_api_groups_cover_all_compared_kinds() -> None:
    assert find_kinds_in_group(WIRING_GROUP) | find_kinds_in_group(VPC_GROUP) | find_kinds_in_group(
        GATEWAY_GROUP
    ) == frozenset(COMPARED_KINDS)


def _drift_of_servers(count: int) -> Drift:
    """A drift with `count` changed servers, each with ten changed fields."""
    spec = "{description: " + "x" * 500 + ", " + ", ".join(f"f{n}: {n + 1}" for n in range(9)) + "}"
    state = desired(*(manifest("Server", f"server-{n:05}", spec) for n in range(count)))
    resources = (live("Server", f"server-{n:05}") for n in range(count))
    return find_drift(state, live_state(*resources))


@pytest.mark.parametrize("count", [0, 1, 19, 20, 21, 300])
def test_summary_is_bounded_and_counts_omitted_entries(count: int) -> None:
    summary = summarize(_drift_of_servers(count))
    assert len(summary.entries) + summary.left_out == count
    assert len(summary.entries) <= 20
    assert bool(summary.entries) == bool(count)
    dumped = json.dumps(dump_entries(summary.entries))
    assert len(dumped) + SINCE_BYTES * len(summary.entries) <= 4096


def test_summary_shortens_long_values() -> None:
    (entry,) = summarize(_drift_of_servers(1)).entries
    assert (entry.kind, entry.namespace, entry.name) == ("Server", "default", "server-00000")
    assert entry.change == DriftType.CHANGED
    assert (len(entry.fields), entry.more_fields) == (5, 5)
    first = entry.fields[0]
    assert (first.path, first.live) == ("spec.description", None)
    assert first.desired is not None
    assert len(first.desired) == 80
    assert first.desired.endswith("…")


def test_name_from_a_hostile_api_is_one_short_line() -> None:
    state = live_state(live("Server", "a\n- forged\x1b[2K" + "x" * 1_000, namespace="b\nc"))
    (entry,) = summarize(find_drift(desired(), state, get_kinds(["Server"]))).entries
    assert (entry.namespace, entry.name[:13]) == ("b?c", "a?- forged?[2")
    assert (entry.name.isprintable(), len(entry.name)) == (True, 253)


def test_names_that_are_too_long_or_unprintable_hide_no_other_object() -> None:
    names = ["0" + "x" * 4_000, "1\0", "server"]
    state = live_state(*(live("Server", name) for name in names))
    summary = summarize(find_drift(desired(), state, get_kinds(["Server"])))
    assert [entry.name for entry in summary.entries][1:] == ["1?", "server"]


def test_record_summary_has_room_for_twenty_missing_objects() -> None:
    state = desired(
        *(manifest("Connection", f"server-{n}--eslag--leaf-01--leaf-02") for n in range(30))
    )
    summary = summarize(find_drift(state, live_state(served=("Connection",))))
    assert (len(summary.entries), summary.left_out) == (20, 10)


def _route(number: int) -> str:
    return f"10.0.{number // 256}.{number % 256}/32"


@pytest.mark.parametrize(("length", "differences"), [(300, 1), (400, 401)])
def test_elements_of_long_lists_belong_together_by_their_places(
    length: int, differences: int
) -> None:
    prefixes = [_route(number) for number in range(length)]
    git = json.dumps({"static": {"prefixes": prefixes}, "ipv4Namespace": "default"})
    spec: Json = {"static": {"prefixes": ["10.9.0.0/16", *prefixes]}, "ipv4Namespace": "default"}
    assert len(paths(compared("External", git, spec))) == differences


def test_memory_of_comparisons_is_not_underestimated() -> None:
    empty: list[Json] = [{} for _ in range(10_000)]
    (entry,) = compared("Server", f"{{gizmo: {json.dumps(empty)}}}", {"gizmo": []}).entries
    differences = _FieldDifferences(entry.fields, (), ())
    assert _estimate_bytes(differences) > len(empty) * sys.getsizeof({})
