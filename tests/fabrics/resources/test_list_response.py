"""Pages of Kubernetes lists: items, reuse of known resources, bad input."""

import json

import pytest

from fabrics.resources.api_json import (
    LIST_LIMITS,
    MAX_TOKEN_CHARS,
    OBJECT_LIMITS,
    TooLargeError,
)
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


def page_of(items: bytes) -> bytes:
    return b'{"kind": "ServerList", "metadata": {}, "items": [' + items + b"]}"


def test_list_of_too_many_items_is_refused_before_it_is_split() -> None:
    with pytest.raises(TooLargeError):
        parse_list_response(page_of(b"0," * LIST_LIMITS.values + b"0"))
    assert len(parse_list_response(page_of(b"0, " * 9 + b"0")).items) == 10


def test_continue_token_is_bounded() -> None:
    with pytest.raises(ValueError, match="not a list"):
        parse_list_response(page(**{"continue": "x" * (MAX_TOKEN_CHARS + 1)}))


@pytest.mark.parametrize(
    "spec",
    [{"x": "x" * OBJECT_LIMITS.size}, {"x": [{}] * (OBJECT_LIMITS.values // 2 + 1)}],
    ids=["bytes", "values"],
)
def test_object_is_bounded(spec: dict[str, Json]) -> None:
    response = parse_list_response(page(item("a") | {"spec": spec}))
    with pytest.raises(TooLargeError):
        response.parse_resources(SERVER, {})


def test_memory_of_a_page_is_bounded_while_it_is_parsed() -> None:
    response = parse_list_response(page(*[item("a") | {"spec": {"x": [{}] * 1000}}] * 10))
    (first, *_) = resources = response.parse_resources(SERVER, {})
    assert 64_000 < first.size < 100_000
    assert len(response.parse_resources(SERVER, {}, max_bytes=10 * first.size)) == len(resources)
    with pytest.raises(TooLargeError):
        response.parse_resources(SERVER, {}, max_bytes=10 * first.size - 1)
