"""Simulated agents apply, fail and report as Hedgehog's agent does."""

from datetime import timedelta

from stack.kubernetes.agents.behaviour import (
    CRASH_LOOP,
    HEALTHY,
    SLOW_APPLY,
    STOPPED,
    AgentProcess,
    Step,
)
from tests.support.agents.emulated_fabric import START


def after(**duration: float) -> timedelta:
    return timedelta(**duration)


def test_healthy_agent_sends_a_heartbeat_every_15_seconds() -> None:
    agent = AgentProcess(3, START)
    for seconds, heartbeat in ((14, 0), (15, 15), (100, 90)):
        agent.advance(START + after(seconds=seconds))
        assert agent.heartbeat == START + after(seconds=heartbeat)
    assert agent.applied == Step(3, START)


def test_healthy_agent_applies_a_new_generation_after_seconds() -> None:
    agent = AgentProcess(3, START)
    agent.update(START + after(minutes=1))
    assert agent.attempt == Step(4, START + after(minutes=1))
    assert agent.applied == Step(3, START)
    agent.advance(START + after(minutes=2))
    assert agent.applied == Step(4, START + after(seconds=65))


def test_long_apply_has_no_heartbeats() -> None:
    agent = AgentProcess(1, START)
    agent.behaviour = SLOW_APPLY
    agent.update(START)
    agent.advance(START + after(seconds=599))
    assert agent.heartbeat == START
    assert agent.applied.generation == 1
    agent.advance(START + after(seconds=600))
    assert agent.heartbeat == START + after(minutes=10)
    assert agent.applied.generation == 2


def test_crash_loop_reports_the_old_generation_as_just_applied() -> None:
    agent = AgentProcess(1, START)
    agent.behaviour = CRASH_LOOP
    agent.update(START)
    for minutes in range(1, 60):
        now = START + after(minutes=minutes)
        agent.advance(now)
        assert agent.applied.generation == 1
        assert agent.applied.time >= now - after(seconds=60)
        assert agent.heartbeat >= now - after(seconds=60)
    assert agent.starts > 50


def test_crash_loop_attempts_the_new_generation_between_its_starts() -> None:
    agent = AgentProcess(1, START)
    agent.behaviour = CRASH_LOOP
    agent.update(START)
    assert agent.attempt == Step(2, START)
    restart = START + after(seconds=30)
    agent.advance(restart)
    assert agent.attempt == agent.applied == Step(1, restart)
    agent.advance(restart + after(seconds=10))
    assert agent.attempt == Step(2, restart + after(seconds=10))


def test_mended_agent_applies_at_last() -> None:
    agent = AgentProcess(1, START)
    agent.behaviour = CRASH_LOOP
    agent.update(START)
    agent.advance(START + after(hours=1))
    agent.behaviour = HEALTHY
    agent.advance(START + after(hours=1, minutes=1))
    assert agent.applied.generation == 2


def test_stopped_agent_keeps_its_last_report_until_it_runs_again() -> None:
    agent = AgentProcess(1, START)
    agent.behaviour = STOPPED
    agent.update(START + after(minutes=5))
    agent.advance(START + after(hours=1))
    assert (agent.heartbeat, agent.applied.generation) == (START, 1)
    agent.behaviour = HEALTHY
    agent.advance(START + after(hours=1, minutes=1))
    assert agent.applied == Step(2, START + after(hours=1, seconds=5))
