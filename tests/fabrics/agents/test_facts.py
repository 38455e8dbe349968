"""Facts of full Agents, and nothing of their specs."""

import json
import pickle
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from fabrics.agents.facts import (
    MAX_AGENTS,
    Interface,
    Neighbor,
    Transceiver,
    parse_facts_page,
)
from fabrics.resources.api_json import TooLargeError
from tests.support.agents.observed import make_agent, parse_agents

INTERFACE = {
    "enabled": True,
    "admin": "up",
    "oper": "down",
    "mac": "0c:20:12:fe:00:01",
    "counters": {"inb": 12345, "queues": {"UC0": {"p": 1}}},
    "lldpNeighbors": [{"sysName": "leaf-02", "portID": "Ethernet4", "sysDescr": "s3cret-descr"}],
}
OPTIC = {
    "vendor": "Acme Optics",
    "vendorPart": "QSFP28-SR4",
    "serial": "X123 ",
    "formFactor": "QSFP28",
    "present": "PRESENT",
    "temp": 31.5,
    "channels": {"1": {"in": -1.5}},
}


def page(*agents: dict[str, Any], token: str = "") -> bytes:
    body = {"kind": "AgentList", "metadata": {"continue": token}, "items": list(agents)}
    return json.dumps(body).encode()


def test_facts_in_use_are_read() -> None:
    agent = make_agent(
        "leaf-01",
        {"E1/1": INTERFACE},
        transceivers={"E1/1": OPTIC},
        breakouts={"E1/5": {"mode": "4x25G", "status": "Completed"}, "E1/6": {}},
        platform={"psus": {"PSU 1": {"presence": True}}},
    )
    read = parse_facts_page(page(agent, token="next"))
    [facts] = read.facts

    assert read.continue_token == "next"
    assert (facts.name, facts.serial_number, facts.software_version) == (
        "leaf-01",
        "SN-leaf-01",
        "4.5.0",
    )
    assert facts.interfaces == {
        "E1/1": Interface("up", "down", (Neighbor("leaf-02", "Ethernet4"),))
    }
    assert facts.transceivers == {
        "E1/1": Transceiver("Acme Optics", "QSFP28-SR4", "X123", "QSFP28", "PRESENT")
    }
    assert facts.breakouts == {"E1/5": "4x25G"}
    assert facts.is_applied


def parse_optic(**changes: str) -> Mapping[str, Transceiver] | None:
    """Return the transceivers of a switch that reports one with these values."""
    agent = make_agent("leaf-01", {}, transceivers={"E1/5": OPTIC | changes})
    return parse_agents([agent])["leaf-01"].transceivers


def test_agent_that_names_no_cage_says_nothing_of_transceivers() -> None:
    assert parse_agents([make_agent("leaf-01", {})])["leaf-01"].transceivers is None


@pytest.mark.parametrize(
    "present", ["NOT_PRESENT", "not present", "NotPresent", "Absent", "false", "False"]
)
def test_empty_cage_has_no_transceiver(present: str) -> None:
    assert parse_optic(present=present) == {}


@pytest.mark.parametrize("present", ["PRESENT", "Present", "true", ""])
def test_transceiver_is_there_unless_it_is_said_to_be_absent(present: str) -> None:
    optic = Transceiver("Acme Optics", "QSFP28-SR4", "X123", "QSFP28", present)
    assert parse_optic(present=present) == {"E1/5": optic}


@pytest.mark.parametrize("text", ["N/A", "n/a", "Unknown", "unknown"])
def test_placeholder_of_a_switch_is_no_value(text: str) -> None:
    optic = Transceiver("", "QSFP28-SR4", "", "QSFP28", "PRESENT")
    assert parse_optic(vendor=text, serial=text) == {"E1/5": optic}


def test_nothing_of_a_spec_is_kept() -> None:
    agents = [make_agent(f"leaf-{number}", {"E1/1": INTERFACE}) for number in range(3)]
    body = page(*agents)
    assert body.count(b"s3cret") == 12
    read = parse_facts_page(body)
    assert len(read.facts) == 3
    assert b"s3cret" not in pickle.dumps(read)
    assert "s3cret" not in repr(read)


def test_agent_without_status_has_no_facts_and_is_not_applied() -> None:
    [facts] = parse_facts_page(page({"metadata": {"name": "leaf-01", "generation": 1}})).facts
    assert (facts.serial_number, facts.interfaces, facts.is_applied) == ("", {}, False)


@pytest.mark.parametrize(
    "status", [7, {"state": []}, {"state": {"interfaces": {"E1/1": "up"}}}, {"lastAppliedGen": "x"}]
)
def test_unexpected_status_of_one_agent_hides_no_other(status: Any) -> None:  # noqa: ANN401
    broken = {"metadata": {"name": "leaf-01"}, "spec": {"password": "s3cret"}, "status": status}
    read = parse_facts_page(page(broken, make_agent("leaf-02", {})))
    assert [facts.name for facts in read.facts] == ["leaf-02"]


def test_text_of_strangers_is_short_and_printable() -> None:
    neighbor = {"sysName": "evil\x1b[31m" + "x" * 1000, "portID": "a\nb"}
    interfaces = {
        "E1/1": {"lldpNeighbors": [neighbor] * 1000},
        "E1/\x1b2": INTERFACE,
        "E" * 101: INTERFACE,
        **{f"E9/{number}": INTERFACE for number in range(2500)},
    }
    [facts] = parse_facts_page(page(make_agent("leaf-01", interfaces))).facts
    heard = facts.interfaces["E1/1"].neighbors
    assert len(heard) == 16
    assert (heard[0].system_name[:9], len(heard[0].system_name)) == ("evil?[31m", 100)
    assert heard[0].port_id == "a?b"
    assert not {"E1/\x1b2", "E" * 101} & facts.interfaces.keys()
    assert len(facts.interfaces) < 2048


def test_invented_states_of_ports_are_not_kept() -> None:
    def read_many(round_: int) -> None:
        interfaces = {
            f"E1/{port}": {"admin": f"{round_} {port}", "oper": f"-{round_} {port}"}
            for port in range(2_000)
        }
        for number in range(5):
            parse_facts_page(page(make_agent(f"leaf-{number}", interfaces)))

    read_many(0)
    before = sys.getallocatedblocks()
    for round_ in range(1, 6):
        read_many(round_)
    assert sys.getallocatedblocks() - before < 5_000


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"kind": "Table", "metadata": {}, "items": []}', b'{"kind": "AgentList"}'],
)
def test_anything_else_is_no_list_of_agents(body: bytes) -> None:
    with pytest.raises(ValueError, match="not a list of Agents"):
        parse_facts_page(body)


def test_error_repeats_nothing_of_a_list() -> None:
    body = page(make_agent("leaf-01", {}))[:-30]
    with pytest.raises(ValueError, match="not a list") as caught:
        parse_facts_page(body)
    assert "s3cret" not in repr(caught.getrepr(chain=True))


def test_number_of_agents_on_a_page_is_bounded() -> None:
    agent = {"metadata": {"name": "leaf-01"}}
    with pytest.raises(TooLargeError):
        parse_facts_page(page(*[agent] * (MAX_AGENTS + 1)))


def test_size_of_a_page_grows_with_what_is_kept() -> None:
    few, many = ({f"E1/{number}": INTERFACE for number in range(count)} for count in (1, 100))
    sizes = [parse_facts_page(page(make_agent("leaf-01", ports))).size for ports in (few, many)]
    assert sizes[1] - sizes[0] == 99 * 2 * 600


def test_agent_with_an_impossible_name_is_left_out() -> None:
    assert parse_facts_page(page({"metadata": {"name": "x" * 254}})).facts == ()


def test_unknown_states_of_ports_are_kept_as_they_are() -> None:
    [facts] = parse_facts_page(page(make_agent("leaf-01", {"E1/1": {"oper": "odd\n"}}))).facts
    assert facts.interfaces["E1/1"] == Interface("", "odd?", ())


def test_agent_that_is_too_large_is_refused_before_it_is_decoded() -> None:
    ports: dict[str, dict[str, str]] = {f"E1/{number}": {} for number in range(150_000)}
    with pytest.raises(TooLargeError):
        parse_facts_page(page(make_agent("leaf-01", ports)))
