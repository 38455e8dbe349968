"""Cabling as observed: which Connections the switches' LLDP neighbors contradict.

What is judged, and how:

- Links between switches (`fabric`, `mesh`): a neighbor has the name of the other switch and the NOS name of its port,
  which the profile and the breakouts of that switch translate. What cannot be translated is not judged.
- Links to gateways: a neighbor has the gateway's name and the port as the Connection states it.
- Links to servers: only a neighbor that is another known device contradicts, and its port never does, since network
  cards tell MAC addresses and names of their own.
- Links that leave the fabric, links between MCLAG peers, loopbacks and management ports are never judged.

Any matching neighbor satisfies, since network cards speak too. That a link has no neighbor at all is a notice, only
where both ends are up and report LLDP, and a link that is down is just that. Only switches that are applied and heard
are judged, and only what two readings agree on is a finding. Hedgehog itself calls LLDP unreliable on some platforms:
so nothing here makes a fabric degraded.
"""

import json
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import chain
from typing import Final, NamedTuple

from fabrics.agents.facts import AgentFacts
from fabrics.agents.neighbors import HeardNeighbor, Neighborhood
from fabrics.agents.wiring import SERVER_TYPES, DevicePort, Link, Wiring
from fabrics.resources import spellings

LLDP_NOS_TYPES: Final = frozenset({"sonic-bcm-base", "sonic-bcm-campus", "sonic-bcm-vs"})
"""The NOS types whose agents report neighbors (`pkg/agent/dozer/bcm` of githedgehog/fabric); others report none."""


class CablingFindingType(StrEnum):
    """What is wrong with a link; the last two are notices."""

    SWAPPED = "swapped"
    WRONG_NEIGHBOR = "wrong_neighbor"
    LINK_DOWN = "link_down"
    NO_NEIGHBOR = "no_neighbor"

    @property
    def is_notice(self) -> bool:
        """True if this does not contradict the Connection."""
        return self in (CablingFindingType.LINK_DOWN, CablingFindingType.NO_NEIGHBOR)


class CablingFinding(NamedTuple):
    """One finding about a link.

    `key` is that of the link's cable in the inventory; `other_key` is the link with which it is swapped. The ends are
    printed as `device/port`, as in the Connection; `observed` is what the ends hear, as `device/port` at `end`.
    """

    key: str
    type: CablingFindingType
    ends: tuple[str, str]
    observed: str = ""
    other_key: str = ""

    @property
    def text(self) -> str:
        """The finding as a sentence."""
        match self.type:
            case CablingFindingType.SWAPPED:
                return f"It is swapped with {self.other_key}: the switches see {self.observed}."
            case CablingFindingType.WRONG_NEIGHBOR:
                return f"It is cabled to something else: the switches see {self.observed}."
            case CablingFindingType.LINK_DOWN:
                return "The link is down."
            case CablingFindingType.NO_NEIGHBOR:
                return "The link is up, but neither end sees a neighbor by LLDP."


def find_cabling_findings(
    wiring: Wiring, facts: Mapping[str, AgentFacts]
) -> tuple[CablingFinding, ...]:
    """Return what one reading shows, sorted by key.

    There is at most one finding for each link. `facts` are by name, of the switches that are heard.
    """
    judged = {name: fact for name, fact in facts.items() if fact.is_applied}
    return tuple(_Inspection(wiring, Neighborhood(wiring, judged)).find())


def confirm_findings(
    previous: Iterable[CablingFinding], current: Iterable[CablingFinding]
) -> tuple[CablingFinding, ...]:
    """Return the findings that two readings agree on."""
    known = {(finding.key, finding.type, finding.other_key) for finding in previous}
    return tuple(
        finding for finding in current if (finding.key, finding.type, finding.other_key) in known
    )


def keep_unjudged(
    previous: Iterable[CablingFinding], current: Iterable[CablingFinding], unjudged: Container[str]
) -> tuple[CablingFinding, ...]:
    """Return the current findings, and previous ones on links that nobody judges now.

    `unjudged` are the switches that are not applied, or not heard.
    """
    found = tuple(current)
    keys = {finding.key for finding in found}
    kept = (finding for finding in previous if finding.key not in keys)
    return (*found, *(finding for finding in kept if _has_end_in(finding, unjudged)))


def limit_findings(
    findings: Iterable[CablingFinding], max_bytes: int
) -> tuple[CablingFinding, ...]:
    """Return the first findings that fit as JSON, contradictions before notices.

    The API does not limit the names of ports, so a finding that does not fit hides no others.
    """
    kept: list[CablingFinding] = []
    for finding in sorted(findings, key=lambda finding: (finding.type.is_notice, finding.key)):
        size = len(json.dumps(finding, ensure_ascii=False).encode())
        if size <= max_bytes:
            kept.append(finding)
            max_bytes -= size
    return tuple(kept)


def _has_end_in(finding: CablingFinding, devices: Container[str]) -> bool:
    return any(end.partition("/")[0] in devices for end in finding.ends)


def describe_cables(findings: Iterable[CablingFinding]) -> dict[str, str]:
    """Return sentences by the cable's key, without notices and states of ports."""
    sentences: dict[str, str] = {}
    for finding in findings:
        if not finding.type.is_notice:
            sentences[finding.key] = finding.text
        if finding.other_key:
            swapped = finding._replace(key=finding.other_key, other_key=finding.key)
            sentences[finding.other_key] = swapped.text
    return sentences


type _Contradictions = Mapping[DevicePort, HeardNeighbor]
"""What the ends of a link hear instead of each other."""


@dataclass(frozen=True)
class _Inspection:
    """One look at all links, and at what their ends hear."""

    wiring: Wiring
    neighbors: Neighborhood

    def find(self) -> Iterator[CablingFinding]:
        """Yield the findings; of two links that are swapped the first has one for both."""
        wrong = {link: found for link in self.wiring.links if (found := self._contradict(link))}
        open_links = dict.fromkeys(wrong)
        for link in self.wiring.links:
            if link in open_links:
                del open_links[link]
                other = self._find_swapped(link, wrong[link], open_links)
                if other:
                    del open_links[other]
                yield _describe(link, wrong[link], other)
            elif link not in wrong and (notice := self._find_notice(link)):
                yield CablingFinding(link.key, notice, _print_ends(link))

    def _contradict(self, link: Link) -> _Contradictions:
        """Return the ends that hear only what the link does not state."""
        first, second = link.ends
        found = {
            end: self._hear_wrong(link, end, far) for end, far in ((first, second), (second, first))
        }
        return {end: heard for end, heard in found.items() if heard}

    def _hear_wrong(self, link: Link, end: DevicePort, far_end: DevicePort) -> HeardNeighbor | None:
        """Return the neighbor that contradicts the link at one end."""
        all_heard = self.neighbors.heard[end]
        port_matters = link.type not in SERVER_TYPES
        if any(heard.is_at(far_end, port_matters=port_matters) for heard in all_heard):
            return None
        if any(heard.device == far_end.device and heard.port is None for heard in all_heard):
            return None
        known = [heard for heard in all_heard if heard.device in self.wiring.devices]
        others = all_heard if port_matters else ()
        return min(known or others, key=str, default=None)  # agents list neighbors in any order

    def _find_notice(self, link: Link) -> CablingFindingType | None:
        if link.type in SERVER_TYPES:
            return None
        ends = [end for end in link.ends if end.device in self.wiring.switches]
        interfaces = [self.neighbors.find_interface(end) for end in ends]
        if any(interface and interface.is_down for interface in interfaces):
            return CablingFindingType.LINK_DOWN
        is_quiet = all(
            interface and interface.is_up and not interface.neighbors for interface in interfaces
        )
        if ends and is_quiet and all(self._reports_lldp(end.device) for end in ends):
            return CablingFindingType.NO_NEIGHBOR
        return None

    def _reports_lldp(self, switch: str) -> bool:
        profile = self.wiring.profiles.get(self.wiring.switches[switch].profile)
        return profile is not None and profile.nos_type in LLDP_NOS_TYPES

    def _find_swapped(
        self, link: Link, wrong: _Contradictions, others: Container[Link]
    ) -> Link | None:
        """Return which of the others is swapped with this link."""
        places = [(item.device, port) for item in wrong.values() for port in (item.port, None)]
        candidates = chain.from_iterable(self._links_by_place.get(place, ()) for place in places)
        swapped = (
            other for other in candidates if other in others and self._are_swapped(link, other)
        )
        return next(swapped, None)

    @cached_property
    def _links_by_place(self) -> Mapping[tuple[str, str | None], list[Link]]:
        """The links by device and port of their ends; a server has no port here."""
        found: defaultdict[tuple[str, str | None], list[Link]] = defaultdict(list)
        for link in self.wiring.links:
            for end in link.ends:
                is_server = end in self._server_ends
                port = None if is_server else spellings.canonicalize_port(end.port)
                found[end.device, port].append(link)
        return found

    def _are_swapped(self, link: Link, other: Link) -> bool:
        (a, b), (c, d) = link.ends, other.ends
        return (self._are_cabled(a, c) and self._are_cabled(b, d)) or (
            self._are_cabled(a, d) and self._are_cabled(b, c)
        )

    def _are_cabled(self, one: DevicePort, two: DevicePort) -> bool:
        """True if either port hears the other; of a server, only the name counts."""
        return self._hears(one, two) or self._hears(two, one)

    def _hears(self, end: DevicePort, far_end: DevicePort) -> bool:
        is_server = far_end in self._server_ends
        return any(
            heard.is_at(far_end, port_matters=not is_server) for heard in self.neighbors.heard[end]
        )

    @cached_property
    def _server_ends(self) -> AbstractSet[DevicePort]:
        return {link.ends[0] for link in self.wiring.links if link.type in SERVER_TYPES}


def _describe(link: Link, wrong: _Contradictions, other: Link | None) -> CablingFinding:
    observed = ", ".join(f"{heard} at {end}" for end, heard in wrong.items())
    if other:
        kind = CablingFindingType.SWAPPED
        return CablingFinding(link.key, kind, _print_ends(link), observed, other.key)
    return CablingFinding(link.key, CablingFindingType.WRONG_NEIGHBOR, _print_ends(link), observed)


def _print_ends(link: Link) -> tuple[str, str]:
    return str(link.ends[0]), str(link.ends[1])
