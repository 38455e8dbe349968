"""Facts that agents of switches observe.

These are serial numbers, software, optics, neighbors and breakouts.

A full Agent is some hundred kilobytes, and its spec holds password hashes and credentials. Only the fields in use
are decoded, one agent at a time; the decoder skips the rest, so that not one byte of a spec is kept. Nothing here
changes by itself, as counters, temperatures and heartbeats do, except for the state of ports.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Annotated, Final

import msgspec

from fabrics.resources.api_json import (
    LIST_LIMITS,
    PARTIAL_LIMITS,
    ApiDecoder,
    ListMetadata,
    TooLargeError,
)
from fabrics.texts import replace_unprintable

MAX_AGENTS_PER_PAGE: Final = 5
"""Agents to ask for at once: each may be some hundred kilobytes, and a page is in memory as a whole."""

MAX_AGENTS: Final = 2000
"""Switches of one fabric."""

_MAX_NAME_CHARS: Final = 253
"""Kubernetes allows no longer names."""

_MAX_PORTS: Final = 2048
_MAX_NEIGHBORS: Final = 16
_MAX_CHARS: Final = 100

_AGENT_BYTES: Final = 2000
_ENTRY_BYTES: Final = 600
"""About the memory of the facts of an agent, and of each of its ports, neighbors, optics and breakouts."""

_ABSENT: Final = frozenset({"absent", "false", "not present", "not_present", "notpresent"})
"""The words of switches for a cage without an optic."""

_STATES: Final = {
    state: state
    for state in ("up", "down", "testing", "unknown", "dormant", "notPresent", "lowerLayerDown")
}
"""The states of RFC 2863, each kept once for the thousands of ports of a fabric. What else a switch says is not
interned: Python 3.12 would never forget it."""

_PLACEHOLDERS: Final = frozenset({"n/a", "unknown"})


class Neighbor(msgspec.Struct, frozen=True, rename={"system_name": "sysName", "port_id": "portID"}):
    """A neighbour that a port hears by LLDP."""

    system_name: str = ""
    port_id: str = ""


class Interface(
    msgspec.Struct,
    frozen=True,
    rename={"admin_state": "admin", "oper_state": "oper", "neighbors": "lldpNeighbors"},
):
    """A port as the switch reports it; states are `up`, `down` and others."""

    admin_state: str = ""
    oper_state: str = ""
    neighbors: tuple[Neighbor, ...] = ()

    @property
    def is_up(self) -> bool:
        """True if the port has a link."""
        return self.oper_state == "up"

    @property
    def is_down(self) -> bool:
        """True if the port has no link; a state such as `testing` is neither."""
        return self.oper_state in ("down", "lowerLayerDown", "notPresent")


class Transceiver(
    msgspec.Struct,
    frozen=True,
    rename={"part_number": "vendorPart", "serial_number": "serial", "form_factor": "formFactor"},
):
    """An optic or a cable with a memory; unknown texts are empty.

    `present` is in the switch's words.
    """

    vendor: str = ""
    part_number: str = ""
    serial_number: str = ""
    form_factor: str = ""
    present: str = ""


class AgentFacts(msgspec.Struct, frozen=True):
    """What one switch reports, by the API's names of its ports (`E1/5/1`).

    `transceivers` are those that are plugged in; None if it names none, present or not. Breakouts are modes such as
    `4x25G`.
    """

    name: str = ""
    generation: int = 0
    applied_generation: int = 0
    serial_number: str = ""
    software_version: str = ""
    interfaces: Mapping[str, Interface] = {}
    transceivers: Mapping[str, Transceiver] | None = None
    breakouts: Mapping[str, str] = {}

    @property
    def is_applied(self) -> bool:
        """True if the switch has applied what the API holds."""
        return self.applied_generation >= self.generation


type FactsBySwitch = Mapping[str, AgentFacts]
"""Facts by the name of the switch, if they are known now."""

NO_FACTS: Final = AgentFacts()
"""The facts of a switch of which nothing is known now."""


class FactsPage(msgspec.Struct, frozen=True):
    """The facts on one page of a list, and the token of the next page ("" if last)."""

    facts: tuple[AgentFacts, ...]
    continue_token: str

    @property
    def size(self) -> int:
        """About how much memory it takes, in bytes."""
        entries = sum(map(_count_entries, self.facts))
        return _AGENT_BYTES * len(self.facts) + _ENTRY_BYTES * entries


class _NOS(msgspec.Struct, rename="camel"):
    serial_number: str = ""
    software_version: str = ""


class _Breakout(msgspec.Struct):
    mode: str = ""


class _State(msgspec.Struct):
    nos: _NOS = msgspec.field(default_factory=_NOS)
    interfaces: dict[str, Interface] = {}
    transceivers: dict[str, Transceiver] = {}
    breakouts: dict[str, _Breakout] = {}


class _Status(msgspec.Struct, rename={"applied_generation": "lastAppliedGen"}):
    state: _State = msgspec.field(default_factory=_State)
    applied_generation: int = 0


class _Metadata(msgspec.Struct):
    name: Annotated[str, msgspec.Meta(max_length=_MAX_NAME_CHARS)]
    generation: int = 0


class _Agent(msgspec.Struct):
    metadata: _Metadata
    status: _Status = msgspec.field(default_factory=_Status)


class _AgentList(msgspec.Struct):
    kind: str
    metadata: ListMetadata
    items: list[msgspec.Raw]


_LIST_DECODER = ApiDecoder(_AgentList, "a list of Agents", LIST_LIMITS)
_AGENT_DECODER = ApiDecoder(_Agent, "an Agent", PARTIAL_LIMITS)


def parse_facts_page(body: bytes) -> FactsPage:
    """Parse a page of Agents; those whose status nobody expects are left out.

    Raises `ValueError`, without any of its content, for anything else, and `TooLargeError`.
    """
    page = _LIST_DECODER.decode(body)
    if page.kind != "AgentList":
        raise ValueError("This is not a list of Agents.")
    if len(page.items) > MAX_AGENTS:
        raise TooLargeError
    return FactsPage(tuple(_parse_agents(page.items)), page.metadata.continue_token)


def _parse_agents(items: list[msgspec.Raw]) -> Iterator[AgentFacts]:
    for item in items:
        try:
            yield _to_facts(_AGENT_DECODER.decode(item))
        except ValueError:
            continue


def _to_facts(agent: _Agent) -> AgentFacts:
    state = agent.status.state
    return AgentFacts(
        name=agent.metadata.name,
        generation=agent.metadata.generation,
        applied_generation=agent.status.applied_generation,
        serial_number=_to_text(state.nos.serial_number),
        software_version=_to_text(state.nos.software_version),
        interfaces={port: _clean_interface(item) for port, item in _limit(state.interfaces)},
        transceivers=_select_present(state.transceivers),
        breakouts={
            port: _to_text(item.mode) for port, item in _limit(state.breakouts) if item.mode
        },
    )


def _count_entries(facts: AgentFacts) -> int:
    neighbors = sum(len(interface.neighbors) for interface in facts.interfaces.values())
    others = (facts.interfaces, facts.transceivers or (), facts.breakouts)
    return neighbors + sum(map(len, others))


def _limit[T](by_port: Mapping[str, T]) -> Iterator[tuple[str, T]]:
    """Yield the entries with a printable name, no more than any switch has ports."""
    for port, item in islice(by_port.items(), _MAX_PORTS):
        if port.isprintable() and len(port) <= _MAX_CHARS:
            yield port, item


def _clean_interface(interface: Interface) -> Interface:
    neighbors = tuple(
        Neighbor(_to_text(neighbor.system_name), _to_text(neighbor.port_id))
        for neighbor in interface.neighbors[:_MAX_NEIGHBORS]
    )
    admin_state, oper_state = (
        _STATES.get(state) or _to_text(state)
        for state in (interface.admin_state, interface.oper_state)
    )
    return Interface(admin_state, oper_state, neighbors)


def _select_present(transceivers: Mapping[str, Transceiver]) -> dict[str, Transceiver] | None:
    """Return the transceivers that are plugged in; None if no cage is named."""
    cleaned = {port: _clean_transceiver(item) for port, item in _limit(transceivers)}
    present = {port: item for port, item in cleaned.items() if item.present.lower() not in _ABSENT}
    return present if cleaned else None


def _clean_transceiver(transceiver: Transceiver) -> Transceiver:
    """Return a transceiver without what a switch says of one that it cannot read."""
    texts = map(_to_text, msgspec.structs.astuple(transceiver))
    return Transceiver(*("" if text.lower() in _PLACEHOLDERS else text for text in texts))


def _to_text(text: str) -> str:
    """Return text from a switch or its neighbors on one printable line."""
    return replace_unprintable(text)[:_MAX_CHARS].strip()
