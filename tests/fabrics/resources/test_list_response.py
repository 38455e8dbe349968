"""Pages of Kubernetes lists: items, reuse of known resources, bad input."""

import json

import pytest

from fabrics.resources.json_types import Json
from fabrics.resources.kinds import get_kind
from fabrics.resources.list_response import ListResponse, parse_list_response
from fabrics.resources.resource import Resource, resource_from_api

SERVER = get_kind("Server")


def item(name: str = "s", **metadata: Json) -> dict[str, Json]:
    fields: dict[str, Json] = {"name": name, "namespace": "default", "managedFields": [{}]}
    return {"metadata": fields | metadata, "spec": {"description": name}, "status": {}}


def page(*items: Json, **metadata: Json) -> bytes:
    return json.dumps({"kind": "ServerList", "metadata": metadata, "items": items}).encode()


def parse_one(listed: Json, *cached: Resource) -> Resource:
    """The one resource of a page, where those of `cached` are known already."""
    response = parse_list_response(page(listed))
    (resource,) = response.parse_resources(SERVER, {known.uid: known for known in cached})
    return resource


def test_page_holds_resources_and_continue_token() -> None:
    response = parse_list_response(page(item("a"), item("b"), **{"continue": "next"}))
    assert response.continue_token == "next"
    resources = response.parse_resources(SERVER, {})
    assert [resource.name for resource in resources] == ["a", "b"]
    assert resources[0] == resource_from_api(item("a"), SERVER)


@pytest.mark.parametrize("token", [{}, {"continue": ""}, {"continue": None}])
def test_last_page_has_no_token(token: dict[str, Json]) -> None:
    assert parse_list_response(page(**token)) == ListResponse((), "")


def test_unchanged_resources_are_reused() -> None:
    first = parse_one(item(uid="u-1", resourceVersion="7"))
    assert parse_one(item("x", uid="u-1", resourceVersion="7"), first) is first
    newer = parse_one(item("x", uid="u-1", resourceVersion="8"), first)
    assert (newer.name, newer.resource_version) == ("x", "8")
    other = parse_one(item("x", uid="u-2", resourceVersion="7"), first)
    assert (other.name, other.uid) == ("x", "u-2")


@pytest.mark.parametrize("metadata", [{}, {"uid": "u-1"}, {"resourceVersion": "7"}])
def test_items_without_uid_or_version_are_parsed_again(metadata: dict[str, Json]) -> None:
    cached = resource_from_api(item("old", **metadata), SERVER)
    assert parse_one(item("new", **metadata), cached).name == "new"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"\xff",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"kind": "ServerList", "metadata": {}}',
        b'{"kind": "ServerList", "metadata": {}, "items": null}',
        b'{"kind": "ServerList", "metadata": {"continue": 1}, "items": []}',
        b'{"kind": "ServerList", "metadata": {}, "items": [' + b"[" * 100_000,
        b'{"kind": "Status", "metadata": {}, "items": []}',
        page(item())[:-1],
        page(item()).replace(b'"s"', b'"\\ud800"'),
    ],
)
def test_response_that_is_not_a_list_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^This is .*\.$"):
        parse_list_response(data)


@pytest.mark.parametrize(
    "data",
    [
        page(None),
        page([]),
        page({}),
        page({"metadata": {}}),
        page({"metadata": {"name": 7}}),
        page(item() | {"spec": []}),
    ],
)
def test_item_that_is_not_an_object_is_refused(data: bytes) -> None:
    response = parse_list_response(data)
    with pytest.raises(
        ValueError, match=r"^The Kubernetes API returned (a|an invalid) Server .*\.$"
    ):
        response.parse_resources(SERVER, {})


def test_object_with_a_deeply_nested_field_is_read() -> None:
    deep: Json = {}
    for _ in range(900):
        deep = {"a": deep}
    resource = parse_one(item("a") | {"spec": {"description": "a", "gizmo": deep}})
    assert resource.spec["description"] == "a"
