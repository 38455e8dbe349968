"""Ports whose breakout is not the one that their Switch states.

Hedgehog cannot always change a breakout, for instance while the switch has RoCE enabled, and then applies the rest.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from fabrics.agents.facts import AgentFacts
from fabrics.agents.wiring import SwitchSpec
from fabrics.resources import spellings

_MODE = re.compile(r"(?P<lanes>\d{1,2})x(SPEED_)?(?P<speed>\d{1,4})G(B)?(\[.*\])?", re.IGNORECASE)


class BreakoutMismatch(NamedTuple):
    """A port with another breakout than is stated, such as `4x25G`."""

    switch: str
    port: str
    stated: str
    reported: str


def find_breakout_mismatches(
    switches: Mapping[str, SwitchSpec], facts: Mapping[str, AgentFacts]
) -> tuple[BreakoutMismatch, ...]:
    """Return the mismatches of switches that have applied their last change, sorted.

    Ports without a stated or a reported breakout, and modes in an unknown spelling, are not judged.
    """
    return tuple(
        mismatch
        for name in sorted(switches.keys() & facts.keys())
        if facts[name].is_applied
        for mismatch in sorted(_find_mismatches(name, switches[name], facts[name]))
    )


def _find_mismatches(
    name: str, switch: SwitchSpec, facts: AgentFacts
) -> Iterator[BreakoutMismatch]:
    reported = dict(_canonicalize(facts.breakouts.items()))
    for port, stated in _canonicalize(switch.port_breakouts.items()):
        if (mode := reported.get(port, stated)) != stated:
            yield BreakoutMismatch(name, port, stated, mode)


def _canonicalize(modes: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for port, mode in modes:
        if match := _MODE.fullmatch(mode):
            yield spellings.canonicalize_port(port), f"{match['lanes']}x{match['speed']}G"
