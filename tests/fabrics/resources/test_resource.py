"""Resources from the Kubernetes API: single items, digests and dumps."""

import json

import pytest

from fabrics.drift.compare import find_drift
from fabrics.drift.dump import parse_dump
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import get_kind
from fabrics.resources.resource import digest_resources, resource_from_api
from tests.support.fabrics.objects import desired, live, manifest

SERVER = get_kind("Server")
ITEM: dict[str, Json] = {
    "metadata": {
        "name": "s",
        "namespace": "default",
        "uid": "u-1",
        "resourceVersion": "7",
        "labels": {"team": "blue"},
        "managedFields": [{}],
    },
    "spec": {"description": "x"},
    "status": {"noise": 1},
}
TYPED: dict[str, Json] = {"apiVersion": "wiring.githedgehog.com/v1beta1", "kind": "Server"}


def test_item_of_a_typed_list_becomes_a_resource() -> None:
    resource = resource_from_api(ITEM, SERVER)
    assert (str(resource.key), resource.uid, resource.resource_version) == (
        "Server/default/s",
        "u-1",
        "7",
    )
    assert (resource.spec, resource.labels) == ({"description": "x"}, {"team": "blue"})
    assert not resource.made_by_controller


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"metadata": {"name": ""}},
        {"metadata": "x"},
        {"metadata": {"name": "x"}, "spec": ["x"]},
        {"metadata": {"name": "x", "labels": "x"}},
    ],
)
def test_invalid_items_are_refused(item: dict[str, Json]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        resource_from_api(item, SERVER)


def test_digest_covers_only_what_is_compared() -> None:
    one, two = live("Server", "one", {"description": "x"}), live("Server", "two")
    base = digest_resources([one, two])
    assert digest_resources([two, one]) == base
    assert digest_resources([one]) != base
    assert digest_resources([one, live("Server", "two", {"description": "y"})]) != base
    assert digest_resources([one, live("Server", "three")]) != base
    assert digest_resources([one, live("Switch", "two")]) != base
    noisy = live("Server", "two", resourceVersion="9", labels={"fabric.githedgehog.com/x": "y"})
    assert digest_resources([one, noisy]) == base
    assert digest_resources([]) != digest_resources([one])


def _dump(*items: dict[str, Json], **fields: Json) -> Json:
    dump: Json = json.loads(
        json.dumps({"apiVersion": "v1", "kind": "List", "items": items} | fields)
    )
    return dump


def test_dump_holds_only_kinds_that_are_read() -> None:
    pod: dict[str, Json] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    agent: dict[str, Json] = {
        "apiVersion": "agent.githedgehog.com/v1beta1",
        "kind": "Agent",
        "metadata": {"name": "a"},
    }
    state = parse_dump(_dump(TYPED | ITEM, pod, agent))
    assert {kind.name: len(items) for kind, items in state.resources.items()} == {"Server": 1}


def test_dump_may_be_one_object_or_a_typed_list() -> None:
    assert len(parse_dump(TYPED | ITEM).resources[SERVER]) == 1
    typed = _dump(ITEM, apiVersion="wiring.githedgehog.com/v1beta1", kind="ServerList")
    assert len(parse_dump(typed).resources[SERVER]) == 1


def test_empty_typed_list_makes_objects_missing() -> None:
    state = desired(manifest("Server", "s"))
    typed = parse_dump(_dump(apiVersion="wiring.githedgehog.com/v1beta1", kind="ServerList"))
    assert len(find_drift(state, typed).entries) == 1
    untyped = find_drift(state, parse_dump(_dump()))
    assert (untyped.entries, untyped.unread_kinds) == ((), (SERVER,))


@pytest.mark.parametrize("dump", [None, [], "x", {"items": "x"}, {"items": [1]}, {"items": None}])
def test_json_that_is_not_a_dump_is_refused(dump: Json) -> None:
    with pytest.raises(ValueError, match="kubectl get"):
        parse_dump(dump)
