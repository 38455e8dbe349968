"""Cabling as observed: which Connections LLDP neighbors contradict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from fabrics.agents.cabling import (
    CablingFinding,
    CablingFindingType,
    confirm_findings,
    describe_cables,
    find_cabling_findings,
    keep_unjudged,
    limit_findings,
)
from fabrics.agents.table import AGENT
from fabrics.agents.wiring import Wiring
from tests.fabrics.agents.test_port_names import PROFILE
from tests.support.agents.observed import make_agent, parse_agents, simulate_agents
from tests.support.inventory.live_samples import parse_live_state


def item(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    group = {"Gateway": "gateway.githedgehog.com/v1alpha1"}.get(
        kind, "wiring.githedgehog.com/v1beta1"
    )
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": group, "kind": kind, "metadata": metadata, "spec": spec}


def link(**ports: str) -> dict[str, Any]:
    return {end: {"port": port} for end, port in ports.items()}


@dataclass
class Fabric:
    """Two spines, two leaves, a gateway and two servers, cabled as stated at first."""

    nos_type: str = "sonic-bcm-base"
    unread: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        ports = {
            f"E1/{number}": {"nos": f"Ethernet{number}", "profile": "fixed"}
            for number in range(1, 5)
        }
        self.profile = {
            **PROFILE,
            "nosType": self.nos_type,
            "ports": {**PROFILE["ports"], **ports},
        }
        switch = {"role": "server-leaf", "profile": "model", "portBreakouts": {"E1/5": "4x25G"}}
        fabric_links = {
            "spine-01--leaf-01": [
                link(spine="spine-01/E1/1", leaf="leaf-01/E1/1"),
                link(spine="spine-01/E1/2", leaf="leaf-01/E1/2"),
            ],
            "spine-02--leaf-01": [link(spine="spine-02/E1/1", leaf="leaf-01/E1/5/2")],
        }
        self.items = [
            item("SwitchProfile", "model", self.profile),
            *(
                item("Switch", name, switch)
                for name in ("spine-01", "spine-02", "leaf-01", "leaf-02")
            ),
            *(item("Server", name, {}) for name in ("server-1", "server-2")),
            item("Gateway", "gateway-1", {}),
            *(
                item(
                    "Connection",
                    name,
                    {"fabric": {"links": links}, "topology": {"fabric": "default"}},
                )
                for name, links in fabric_links.items()
            ),
            item(
                "Connection",
                "leaf-01--leaf-02",
                {"mesh": {"links": [link(leaf1="leaf-01/E1/6/1", leaf2="leaf-02/E1/6")]}},
            ),
            item(
                "Connection",
                "leaf-01--gateway-1",
                {"gateway": {"links": [link(switch="leaf-01/E1/3", gateway="gateway-1/enp2s1")]}},
            ),
            *(
                item(
                    "Connection",
                    f"server-{number}",
                    {"unbundled": {"link": link(server=f"server-{number}/eth0", switch=port)}},
                )
                for number, port in ((1, "leaf-01/E1/4"), (2, "leaf-02/E1/4"))
            ),
        ]
        self.agents = simulate_agents(self.items).list_items(AGENT)

    def port(self, name: str) -> dict[str, Any]:
        """Return what the agent reports of a port, `device/port`."""
        device, _, port = name.partition("/")
        [agent] = [entry for entry in self.agents if entry["metadata"]["name"] == device]
        interface: dict[str, Any] = agent["status"]["state"]["interfaces"][port]
        return interface

    def hear(self, port: str, *neighbors: tuple[str, str]) -> None:
        self.port(port)["lldpNeighbors"] = [
            {"sysName": system, "portID": port_id} for system, port_id in neighbors
        ]

    def find(self) -> tuple[CablingFinding, ...]:
        wiring = Wiring.from_resources(parse_live_state(self.items).resources)
        facts = parse_agents(self.agents)
        heard = {name: facts[name] for name in facts.keys() - self.unread}
        return find_cabling_findings(wiring, heard)

    def types(self) -> list[tuple[str, str]]:
        return [
            (finding.key.removeprefix("Connection/default/"), finding.type)
            for finding in self.find()
        ]


SPINE_LINK = "spine-01--leaf-01#spine-01/E1/1"
OTHER_SPINE_LINK = "spine-01--leaf-01#spine-01/E1/2"
GATEWAY_LINK = "leaf-01--gateway-1#leaf-01/E1/3"


def test_cabling_as_stated_has_no_finding() -> None:
    assert Fabric().find() == ()


@pytest.mark.parametrize(
    ("port", "neighbor", "key"),
    [
        ("spine-01/E1/1", ("leaf-02", "Ethernet1"), SPINE_LINK),
        ("spine-01/E1/1", ("leaf-01", "Ethernet3"), SPINE_LINK),
        ("spine-01/E1/1", ("leaf-01", "Ethernet17"), SPINE_LINK),
        ("spine-01/E1/1", ("sonic", "Ethernet1"), SPINE_LINK),
        ("spine-01/E1/1", ("server-1", "eth0"), SPINE_LINK),
        ("leaf-02/E1/6/1", ("leaf-01", "Ethernet16"), "leaf-01--leaf-02#leaf-01/E1/6/1"),
        ("leaf-01/E1/3", ("gateway-1", "enp2s2"), GATEWAY_LINK),
        ("leaf-01/E1/3", ("gateway-2", "enp2s1"), GATEWAY_LINK),
        ("leaf-01/E1/3", ("leaf-02", "Ethernet3"), GATEWAY_LINK),
        ("leaf-01/E1/4", ("server-2", "eth0"), "server-1"),
        ("leaf-01/E1/4", ("spine-01", "Ethernet3"), "server-1"),
    ],
)
def test_other_neighbor_than_stated_contradicts(
    port: str, neighbor: tuple[str, str], key: str
) -> None:
    fabric = Fabric()
    fabric.hear(port, neighbor)
    assert fabric.types() == [(key, CablingFindingType.WRONG_NEIGHBOR)]


def test_finding_names_what_is_heard_in_terms_of_the_api() -> None:
    fabric = Fabric()
    fabric.hear("spine-01/E1/1", ("leaf-01", "Ethernet17"))
    [finding] = fabric.find()
    assert finding.ends == ("spine-01/E1/1", "leaf-01/E1/1")
    assert finding.observed == "leaf-01/E1/5/2 at spine-01/E1/1"
    assert finding.text == (
        "It is cabled to something else: the switches see leaf-01/E1/5/2 at spine-01/E1/1."
    )


@pytest.mark.parametrize(
    ("port", "neighbor"),
    [
        ("spine-01/E1/1", ("leaf-01", "Eth1/1")),
        ("spine-01/E1/1", ("", "Ethernet3")),
        ("leaf-01/E1/4", ("unknown-host", "eth7")),
        ("leaf-01/E1/4", ("server-1", "0c:20:12:fe:00:99")),
        ("leaf-01/E1/4", ("", "0c:20:12:fe:00:99")),
    ],
)
def test_what_cannot_be_translated_or_known_is_not_judged(
    port: str, neighbor: tuple[str, str]
) -> None:
    fabric = Fabric()
    fabric.hear(port, neighbor)
    assert fabric.find() == ()


def test_port_of_a_switch_without_profile_is_not_judged() -> None:
    fabric = Fabric()
    fabric.items = [entry for entry in fabric.items if entry["kind"] != "SwitchProfile"]
    fabric.hear("spine-01/E1/1", ("leaf-01", "Ethernet3"))
    assert fabric.find() == ()


def test_finding_does_not_depend_on_the_order_of_neighbors() -> None:
    fabric, other = Fabric(), Fabric()
    neighbors = [("leaf-02", "Ethernet1"), ("card", "0c:20"), ("leaf-02", "Ethernet3")]
    fabric.hear("spine-01/E1/1", *neighbors)
    other.hear("spine-01/E1/1", *neighbors[::-1])
    assert fabric.find() == other.find()
    [finding] = fabric.find()
    assert finding.observed == "leaf-02/E1/1 at spine-01/E1/1"


@pytest.mark.parametrize("port", ["spine-01/E1/1", "leaf-01/E1/3", "leaf-01/E1/4"])
def test_any_matching_neighbor_satisfies(port: str) -> None:
    fabric = Fabric()
    [stated] = fabric.port(port)["lldpNeighbors"]
    fabric.port(port)["lldpNeighbors"] = [{"sysName": "leaf-02", "portID": "Ethernet1"}, stated]
    assert fabric.find() == ()


def test_descriptions_are_never_compared() -> None:
    fabric = Fabric()
    fabric.port("spine-01/E1/1")["lldpNeighbors"][0] |= {
        "sysDescr": "Hedgehog of somebody else",
        "portDescr": "leaf-02/E1/9",
    }
    assert fabric.find() == ()


@pytest.mark.parametrize(
    "type_", ["external", "staticExternal", "vpcLoopback", "mclagDomain", "management"]
)
def test_links_of_other_types_are_never_judged(type_: str) -> None:
    fabric = Fabric()
    ends = link(switch1="leaf-02/E1/1", switch2="leaf-02/E1/2")
    if type_.endswith("xternal"):
        ends = link(switch="leaf-02/E1/1")
    fabric.items.append(item("Connection", "other", {type_: {"link": ends, "links": [ends]}}))
    for port in ("E1/1", "E1/2"):
        state = {"oper": "up", "lldpNeighbors": [{"sysName": "spine-01", "portID": "Ethernet9"}]}
        fabric.agents[1]["status"]["state"]["interfaces"][port] = state
    assert fabric.find() == ()


@pytest.mark.parametrize(
    "spec",
    [
        {"fabric": 5},
        {"fabric": {"links": [{"spine": "spine-02/E1/2"}]}},
        {"fabric": {"links": [link(spine="spine-02/E1/2")]}},
        {
            "fabric": {
                "links": [link(spine="spine-02/E1/2", leaf="leaf-02/E1/1", third="leaf-01/E1/9")]
            }
        },
        {"fabric": {"links": [link(spine="spine-02/E1/2", leaf="leaf-02")]}},
        {"fabric": {"links": [link(spine="spine-08/E1/2", leaf="leaf-09/E1/1")]}},
        {"mesh": {"links": [link(leaf1="spine-02/E1/2", leaf="leaf-02/E1/1")]}},
    ],
)
def test_connection_that_cannot_be_read_hides_no_other(spec: dict[str, Any]) -> None:
    fabric = Fabric()
    fabric.items.append(item("Connection", "a-broken-one", spec))
    state = {"oper": "up", "lldpNeighbors": [{"sysName": "leaf-01", "portID": "Ethernet9"}]}
    fabric.agents[3]["status"]["state"]["interfaces"]["E1/2"] = state
    assert fabric.agents[3]["metadata"]["name"] == "spine-02"
    fabric.hear("spine-01/E1/1", ("leaf-02", "Ethernet1"))
    assert fabric.types() == [(SPINE_LINK, CablingFindingType.WRONG_NEIGHBOR)]


def test_profile_that_cannot_be_read_leaves_only_its_ports_unjudged() -> None:
    fabric = Fabric()
    broken = item("SwitchProfile", "broken", {"ports": 5})
    fabric.items = [broken, *fabric.items]
    leaf = next(entry for entry in fabric.items if entry["metadata"]["name"] == "leaf-02")
    leaf["spec"] = {**leaf["spec"], "profile": "broken"}
    fabric.hear("leaf-01/E1/6/1", ("leaf-02", "Ethernet16"))
    fabric.hear("spine-01/E1/1", ("leaf-01", "Ethernet3"))
    assert fabric.types() == [(SPINE_LINK, CablingFindingType.WRONG_NEIGHBOR)]


def test_link_without_any_neighbor_is_a_notice() -> None:
    fabric = Fabric()
    fabric.hear("spine-01/E1/1")
    assert fabric.find() == ()  # the other end hears what is stated
    fabric.hear("leaf-01/E1/1")
    fabric.hear("leaf-01/E1/3")
    fabric.hear("leaf-01/E1/4")
    assert fabric.types() == [
        (GATEWAY_LINK, CablingFindingType.NO_NEIGHBOR),
        (SPINE_LINK, CablingFindingType.NO_NEIGHBOR),
    ]
    assert all(finding.type.is_notice for finding in fabric.find())


@pytest.mark.parametrize("nos_type", ["sonic-bcm-base", "sonic-bcm-campus", "sonic-bcm-vs"])
def test_no_neighbor_is_said_on_each_nos_that_reports_lldp(nos_type: str) -> None:
    fabric = Fabric(nos_type)
    fabric.hear("leaf-01/E1/3")
    assert fabric.types() == [(GATEWAY_LINK, CablingFindingType.NO_NEIGHBOR)]


def test_no_neighbor_says_nothing_on_a_nos_that_does_not_report_lldp() -> None:
    fabric = Fabric("sonic-cls-plus-broadcom")
    for port in ("spine-01/E1/1", "leaf-01/E1/1", "leaf-01/E1/3"):
        fabric.hear(port)
    assert fabric.find() == ()


@pytest.mark.parametrize("state", ["", "testing", "unknown"])
def test_no_neighbor_says_nothing_unless_both_ends_are_up(state: str) -> None:
    fabric = Fabric()
    fabric.hear("spine-01/E1/1")
    fabric.hear("leaf-01/E1/1")
    fabric.port("leaf-01/E1/1")["oper"] = state
    assert fabric.find() == ()


@pytest.mark.parametrize("state", ["down", "lowerLayerDown", "notPresent"])
def test_link_that_is_down_is_just_that(state: str) -> None:
    fabric = Fabric()
    for port in ("spine-01/E1/1", "leaf-01/E1/3", "leaf-01/E1/4"):
        fabric.hear(port, ("leaf-02", "Ethernet1"))
        fabric.port(port)["oper"] = state
    assert fabric.types() == [
        (GATEWAY_LINK, CablingFindingType.LINK_DOWN),
        (SPINE_LINK, CablingFindingType.LINK_DOWN),
    ]


def test_wrong_neighbor_at_one_end_says_more_than_no_link_at_the_other() -> None:
    fabric = Fabric()
    fabric.port("spine-01/E1/1")["oper"] = "down"
    fabric.hear("leaf-01/E1/1", ("spine-02", "Ethernet4"))
    assert fabric.types() == [(SPINE_LINK, CablingFindingType.WRONG_NEIGHBOR)]


def test_only_switches_that_are_applied_and_heard_are_judged() -> None:
    fabric = Fabric()
    fabric.hear("spine-01/E1/1", ("leaf-02", "Ethernet1"))
    fabric.unread = {"spine-01"}
    assert fabric.find() == ()
    fabric.unread = set()
    fabric.agents[2]["status"]["lastAppliedGen"] = 0
    assert fabric.agents[2]["metadata"]["name"] == "spine-01"
    assert fabric.find() == ()


def test_ports_of_a_neighbor_that_is_behind_are_not_judged() -> None:
    """Its breakouts may not be those of the Switch yet, nor its ports' names."""
    fabric = Fabric()
    fabric.hear("spine-01/E1/1", ("leaf-01", "Ethernet3"))
    fabric.unread = {"leaf-01"}
    assert fabric.find() == ()


def test_agent_without_switch_is_not_judged() -> None:
    fabric = Fabric()
    fabric.agents.append(make_agent("elsewhere", {"E1/1": {"oper": "down"}}))
    assert fabric.find() == ()


def swap(fabric: Fabric, one: str, two: str) -> None:
    """Swap the plugs in two ports of switches, and what their far ends hear."""
    first, second = fabric.port(one)["lldpNeighbors"], fabric.port(two)["lldpNeighbors"]
    fabric.port(one)["lldpNeighbors"], fabric.port(two)["lldpNeighbors"] = second, first


def test_swapped_pair_of_uplinks_is_one_finding_named_as_such() -> None:
    fabric = Fabric()
    swap(fabric, "leaf-01/E1/1", "leaf-01/E1/5/2")
    swap(fabric, "spine-01/E1/1", "spine-02/E1/1")
    [finding] = fabric.find()
    assert finding == CablingFinding(
        key="Connection/default/spine-01--leaf-01#spine-01/E1/1",
        type=CablingFindingType.SWAPPED,
        ends=("spine-01/E1/1", "leaf-01/E1/1"),
        observed="leaf-01/E1/5/2 at spine-01/E1/1, spine-02/E1/1 at leaf-01/E1/1",
        other_key="Connection/default/spine-02--leaf-01#spine-02/E1/1",
    )


def test_swapped_pair_between_the_same_two_switches_is_one_finding() -> None:
    fabric = Fabric()
    swap(fabric, "leaf-01/E1/1", "leaf-01/E1/2")
    swap(fabric, "spine-01/E1/1", "spine-01/E1/2")
    [finding] = fabric.find()
    assert finding.text.startswith(f"It is swapped with Connection/default/{OTHER_SPINE_LINK}: ")
    assert (finding.type, finding.other_key.endswith(OTHER_SPINE_LINK)) == ("swapped", True)


def test_swapped_servers_are_one_finding() -> None:
    fabric = Fabric()
    swap(fabric, "leaf-01/E1/4", "leaf-02/E1/4")
    assert fabric.types() == [("server-1", CablingFindingType.SWAPPED)]


def test_server_swapped_with_an_uplink_is_one_finding() -> None:
    fabric = Fabric()
    swap(fabric, "leaf-01/E1/1", "leaf-01/E1/4")
    fabric.hear("spine-01/E1/1", ("leaf-01", "Ethernet4"))
    assert [finding.type for finding in fabric.find()] == [CablingFindingType.SWAPPED]


def test_swapped_pair_is_found_where_only_one_switch_is_judged() -> None:
    fabric = Fabric()
    swap(fabric, "leaf-01/E1/1", "leaf-01/E1/5/2")
    swap(fabric, "spine-01/E1/1", "spine-02/E1/1")
    fabric.hear("spine-01/E1/1")
    fabric.hear("spine-02/E1/1")
    assert [finding.type for finding in fabric.find()] == [CablingFindingType.SWAPPED]


@pytest.mark.parametrize(
    ("port", "neighbor"),
    [
        ("leaf-01/E1/1", ("spine-02", "Ethernet1")),
        ("spine-01/E1/1", ("spine-02", "Ethernet1")),
        ("spine-01/E1/1", ("leaf-01", "Ethernet17")),
        ("leaf-01/E1/1", ("leaf-01", "Ethernet17")),
    ],
)
def test_half_of_a_swapped_pair_is_no_pair(port: str, neighbor: tuple[str, str]) -> None:
    fabric = Fabric()
    for end in ("spine-01/E1/1", "leaf-01/E1/1", "spine-02/E1/1"):
        fabric.hear(end)
    fabric.hear(port, neighbor)
    fabric.hear("leaf-01/E1/5/2", ("leaf-02", "Ethernet3"))
    assert [finding.type for finding in fabric.find()] == [CablingFindingType.WRONG_NEIGHBOR] * 2


def test_three_cables_in_a_circle_are_three_findings() -> None:
    fabric = Fabric()
    swap(fabric, "leaf-01/E1/1", "leaf-01/E1/2")
    swap(fabric, "leaf-01/E1/2", "leaf-01/E1/5/2")
    for port in ("spine-01/E1/1", "spine-01/E1/2", "spine-02/E1/1"):
        fabric.hear(port)
    assert [finding.type for finding in fabric.find()] == [CablingFindingType.WRONG_NEIGHBOR] * 3


def test_finding_needs_two_readings() -> None:
    fabric = Fabric()
    fabric.hear("spine-01/E1/1", ("leaf-02", "Ethernet1"))
    once = fabric.find()
    assert confirm_findings((), once) == ()
    assert confirm_findings(once, fabric.find()) == once
    assert confirm_findings(once, Fabric().find()) == ()
    [finding] = once
    for other in (
        finding._replace(type=CablingFindingType.LINK_DOWN),
        finding._replace(other_key="Connection/default/another"),
    ):
        assert confirm_findings([other], once) == ()
    assert confirm_findings([finding._replace(observed="something else")], once) == once


def test_findings_of_switches_that_nobody_judges_now_stay() -> None:
    fabric = Fabric()
    fabric.hear("spine-01/E1/1", ("leaf-02", "Ethernet1"))
    known = fabric.find()
    for unjudged in ({"spine-01"}, {"leaf-01"}):
        assert keep_unjudged(known, (), unjudged) == known
    assert keep_unjudged(known, (), {"leaf-02", "spine-02"}) == ()
    [finding] = known
    later = finding._replace(type=CablingFindingType.LINK_DOWN)
    assert keep_unjudged(known, [later], {"spine-01"}) == (later,)


def test_contradictions_are_kept_before_notices() -> None:
    fabric = Fabric()
    fabric.port("leaf-01/E1/3")["oper"] = "down"
    fabric.hear("spine-01/E1/1", ("leaf-02", "Ethernet1"))
    down, wrong = fabric.find()
    assert limit_findings([down, wrong], 1_000) == (wrong, down)
    assert limit_findings([down, wrong], 200) == (wrong,)
    assert limit_findings([down, wrong], 10) == ()


def test_finding_with_long_names_hides_no_others() -> None:
    long = CablingFinding("a", CablingFindingType.WRONG_NEIGHBOR, ("x" * 9000, "y"))
    short = CablingFinding("b", CablingFindingType.WRONG_NEIGHBOR, ("x", "y"))
    assert limit_findings([long, short], 1000) == (short,)


def test_notices_and_links_that_are_down_are_no_details_of_cables() -> None:
    fabric = Fabric()
    fabric.port("leaf-01/E1/3")["oper"] = "down"
    for port in ("spine-01/E1/1", "leaf-01/E1/1"):
        fabric.hear(port)
    assert len(fabric.find()) == 2
    assert describe_cables(fabric.find()) == {}
