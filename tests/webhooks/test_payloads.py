"""What a body says, and that everything else says nothing."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.webhooks.senders import gitlab_push, push, record_event
from webhooks.payloads import InvalidJson, parse_push, parse_record_event


@pytest.mark.parametrize("event", ["created", "updated", "deleted"])
def test_a_record_that_changed(event: str) -> None:
    told = parse_record_event(record_event(12, event))
    assert told is not None
    assert (told.event, told.data.id) == (event, 12)


def test_another_object_is_none_of_ours() -> None:
    assert parse_record_event(record_event(object_type="dcim.device")) is None
    assert parse_record_event(b'{"event": "updated"}') is None


@pytest.mark.parametrize("tell", [push, gitlab_push])
def test_a_push(tell: Callable[[str, str], bytes]) -> None:
    told = parse_push(tell("git.example.com/net/dc1", "release/2026-11"))
    assert told is not None
    assert told.branch == "release/2026-11"
    assert told.urls == {
        "https://git.example.com/net/dc1.git",
        "git@git.example.com:net/dc1.git",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"ref": "refs/tags/v1"},
        {"ref": "refs/heads/"},
        {"ref": "main"},
        {"ref": None},
        {"after": None},
        {"repository": None},
        {"repository": {"clone_url": 5}},
    ],
)
def test_what_is_no_push_to_a_branch(change: dict[str, object]) -> None:
    document = json.loads(push("git.example.com/net/dc1"))
    assert parse_push(json.dumps(document | change).encode()) is None


def test_a_ping() -> None:
    assert parse_push(b'{"zen": "Keep it simple.", "hook_id": 1, "repository": {}}') is None


@pytest.mark.parametrize(
    "body", [b"", b"payload=%7B%7D", b"[]", b'"x"', b"{", b"\xff\xfe", b"[" * 100_000]
)
def test_what_is_no_json_object(body: bytes) -> None:
    with pytest.raises(InvalidJson):
        parse_push(body)
    with pytest.raises(InvalidJson):
        parse_record_event(body)


@given(
    st.dictionaries(
        st.sampled_from(["ref", "after", "repository", "project", "event", "object_type", "data"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_no_shape_is_too_strange(document: dict[str, object]) -> None:
    body = json.dumps(document).encode()
    assert parse_record_event(body) is None or "object_type" in document
    assert parse_push(body) is None or "ref" in document
