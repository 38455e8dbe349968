"""Pages of Kubernetes lists: what they hold, what is taken over from the last, what is refused."""

import json

import pytest

from fabrics.resources.json_types import Json
from fabrics.resources.kinds import get_kind
from fabrics.resources.list_response import ListResponse, parse_list_response
from fabrics.resources.resource import resource_from_api

SERVER = get_kind("Server")


def item(name: str = "s", **metadata: Json) -> dict[str, Json]:
    fields: dict[str, Json] = {"name": name, "namespace": "default", "managedFields": [{}]}
    return {"metadata": fields | metadata, "spec": {"description": name}, "status": {}}


def page(*items: Json, **metadata: Json) -> bytes:
    return json.dumps({"kind": "ServerList", "metadata": metadata, "items": items}).encode()


def test_a_page_holds_resources_and_the_token_that_continues_the_list() -> None:
    found = parse_list_response(page(item("a"), item("b"), **{"continue": "next"}))
    assert found.continue_token == "next"
    resources = found.parse_resources(SERVER, {})
    assert [each.name for each in resources] == ["a", "b"]
    assert resources[0] == resource_from_api(item("a"), SERVER)


@pytest.mark.parametrize("token", [{}, {"continue": ""}, {"continue": None}])
def test_the_last_page_has_no_token(token: dict[str, Json]) -> None:
    assert parse_list_response(page(**token)) == ListResponse((), "")


def test_what_did_not_change_is_taken_over() -> None:
    (first,) = parse_list_response(page(item(uid="u-1", resourceVersion="7"))).parse_resources(
        SERVER, {}
    )
    known = {first.uid: first}
    (same,) = parse_list_response(page(item("x", uid="u-1", resourceVersion="7"))).parse_resources(
        SERVER, known
    )
    assert same is first
    (newer,) = parse_list_response(page(item("x", uid="u-1", resourceVersion="8"))).parse_resources(
        SERVER, known
    )
    assert (newer.name, newer.resource_version) == ("x", "8")
    (other,) = parse_list_response(page(item("x", uid="u-2", resourceVersion="7"))).parse_resources(
        SERVER, known
    )
    assert (other.name, other.uid) == ("x", "u-2")


@pytest.mark.parametrize("metadata", [{}, {"uid": "u-1"}, {"resourceVersion": "7"}])
def test_what_may_have_changed_is_read_anew(metadata: dict[str, Json]) -> None:
    known = resource_from_api(item("old", **metadata), SERVER)
    (found,) = parse_list_response(page(item("new", **metadata))).parse_resources(
        SERVER, {known.uid: known}
    )
    assert found.name == "new"


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
def test_what_is_no_list_is_refused_in_a_sentence(data: bytes) -> None:
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
def test_what_is_no_object_is_refused_in_a_sentence(data: bytes) -> None:
    found = parse_list_response(data)
    with pytest.raises(ValueError, match=r"^The Kubernetes API gave a Server .*\.$"):
        found.parse_resources(SERVER, {})
