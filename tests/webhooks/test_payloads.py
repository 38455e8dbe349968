"""Bodies of record events and pushes are parsed, all others are ignored."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.webhooks.senders import gitlab_push, push, record_event
from webhooks.payloads import InvalidJson, parse_push, parse_record_event


@pytest.mark.parametrize("event", ["created", "updated", "deleted"])
def test_record_event_is_parsed(event: str) -> None:
    parsed = parse_record_event(record_event(12, event))
    assert parsed is not None
    assert (parsed.event, parsed.data.id) == (event, 12)


def test_events_on_other_objects_are_ignored() -> None:
    assert parse_record_event(record_event(object_type="dcim.device")) is None
    assert parse_record_event(b'{"event": "updated"}') is None


@pytest.mark.parametrize("make_push", [push, gitlab_push])
def test_push_is_parsed(make_push: Callable[[str, str], bytes]) -> None:
    parsed = parse_push(make_push("git.example.com/net/dc1", "release/2026-11"))
    assert parsed is not None
    assert parsed.branch == "release/2026-11"
    assert parsed.urls == {
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
        {"ref": "refs/heads/" + "x" * 1_000},
        {"after": "1" * 65},
        {"repository": {"clone_url": "https://" + "x" * 2_000}},
    ],
)
def test_other_git_events_are_ignored(change: dict[str, object]) -> None:
    document = json.loads(push("git.example.com/net/dc1"))
    assert parse_push(json.dumps(document | change).encode()) is None


def test_ping_is_ignored() -> None:
    assert parse_push(b'{"zen": "Keep it simple.", "hook_id": 1, "repository": {}}') is None


@pytest.mark.parametrize(
    "body", [b"", b"payload=%7B%7D", b"[]", b'"x"', b"{", b"\xff\xfe", b"[" * 100_000]
)
def test_body_must_be_a_json_object(body: bytes) -> None:
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
def test_arbitrary_json_objects_are_handled(document: dict[str, object]) -> None:
    body = json.dumps(document).encode()
    assert parse_record_event(body) is None or "object_type" in document
    assert parse_push(body) is None or "ref" in document
