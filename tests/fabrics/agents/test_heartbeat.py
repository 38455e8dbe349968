"""The last heartbeat of a single agent."""

import json
from typing import Any

import pytest

from fabrics.agents.heartbeat import Heartbeat, parse_heartbeat

SPEC = {"users": [{"password": "s3cret"}]}
NOON = 1_764_331_200


def print_agent(generation: object = 6, **status: object) -> bytes:
    agent = {"metadata": {"name": "leaf-01", "generation": generation}, "spec": SPEC}
    return json.dumps(agent | {"status": status}).encode()


@pytest.mark.parametrize(
    ("attempt", "age"), [("2025-11-28T11:59:00Z", 60), ("2025-11-28T13:00:05+01:00", -5)]
)
def test_age_of_an_attempt_at_the_current_generation_is_by_the_clock_of_the_switch(
    attempt: str, age: int
) -> None:
    body = print_agent(
        lastHeartbeat="2025-11-28T12:00:00Z", lastAttemptTime=attempt, lastAttemptGen=6
    )
    assert parse_heartbeat(body) == Heartbeat(NOON, age)


def test_attempt_at_another_generation_counts_as_none() -> None:
    body = print_agent(
        lastHeartbeat="2025-11-28T12:00:00Z",
        lastAttemptTime="2025-11-28T11:59:00Z",
        lastAttemptGen=5,
    )
    assert parse_heartbeat(body) == Heartbeat(NOON)


@pytest.mark.parametrize("status", [{}, {"lastHeartbeat": None}, {"lastAppliedGen": 6}])
def test_agent_may_send_no_heartbeat(status: dict[str, Any]) -> None:
    assert parse_heartbeat(print_agent(**status)) is None
    assert parse_heartbeat(b'{"metadata": {"generation": 1}}') is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        print_agent(generation="6"),
        print_agent(lastHeartbeat="yesterday"),
        print_agent(lastHeartbeat="2025-11-28T12:00:00"),
        print_agent(lastHeartbeat="2025-11-28T12:00:00Z", lastAttemptGen="6"),
    ],
)
def test_anything_else_is_refused_without_repeating_it(body: bytes) -> None:
    with pytest.raises(ValueError, match="not an agent") as caught:
        parse_heartbeat(body)
    assert "s3cret" not in str(caught.getrepr(chain=True))
