"""Breakouts that are not what the Switch states."""

import pytest

from fabrics.agents.breakouts import BreakoutMismatch, find_breakout_mismatches
from fabrics.agents.facts import AgentFacts
from fabrics.agents.wiring import SwitchSpec


def mismatches(stated: dict[str, str], reported: dict[str, str]) -> tuple[BreakoutMismatch, ...]:
    facts = AgentFacts("leaf-01", breakouts=reported)
    return find_breakout_mismatches(
        {"leaf-01": SwitchSpec(port_breakouts=stated), "leaf-02": SwitchSpec()}, {"leaf-01": facts}
    )


def test_other_breakout_than_stated_is_a_mismatch() -> None:
    stated = {"E1/6": "4x25G", "E1/5": "4x25G", "E1/7": "2x100G"}
    reported = {"E1/5": "1x100G", "E1/6": "1x40G", "E1/7": "2x100G"}
    assert mismatches(stated, reported) == (
        BreakoutMismatch("leaf-01", "E1/5", "4x25G", "1x100G"),
        BreakoutMismatch("leaf-01", "E1/6", "4x25G", "1x40G"),
    )


@pytest.mark.parametrize(
    ("stated", "reported"),
    [
        ({"E1/5": "4x25G"}, {"E1/5/1": "4x25G"}),
        ({"E1/5": "4xSPEED_25G"}, {"E1/5": "4x25GB"}),
        ({"E1/5": "1x100G"}, {"E1/5": "1x100G[40G]"}),
        ({}, {"E1/5": "4x25G"}),
        ({"E1/5": "4x25G"}, {}),
        ({"E1/5": "4x25G"}, {"E1/5": "unknown"}),
    ],
)
def test_spelling_and_what_is_not_stated_or_reported_do_not_matter(
    stated: dict[str, str], reported: dict[str, str]
) -> None:
    assert mismatches(stated, reported) == ()


def test_switch_that_is_behind_is_not_judged() -> None:
    behind = AgentFacts("leaf-01", 2, 1, breakouts={"E1/5": "1x100G"})
    switches = {"leaf-01": SwitchSpec(port_breakouts={"E1/5": "4x25G"})}
    assert find_breakout_mismatches(switches, {"leaf-01": behind}) == ()
