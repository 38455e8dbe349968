"""What the size of a plan and of its texts is limited to."""

from collections import Counter

import pytest

from fabrics.inventory.model.dcim import Interface
from fabrics.inventory.model.ipam import VRF
from fabrics.inventory.model.planned import PlannedObject
from fabrics.inventory.plan import builder, ports
from fabrics.inventory.plan.builder import MAX_DETAILS_BYTES, PlanBuilder, TooManyObjectsError
from fabrics.inventory.specs.values import MAX_TEXT_CHARS
from fabrics.resources import spellings
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import SWITCH_PROFILE
from fabrics.resources.resource import resource_from_api
from tests.support.fabrics.objects import live
from tests.support.inventory.plans import connection, keys, one, plan, server, skipped, switch
from tests.support.inventory.small_fabric import attachment, vpc

TEXT = "x" * MAX_TEXT_CHARS


def test_plan_with_too_many_objects_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "MAX_OBJECTS", len(plan(server("a")).objects))
    plan(server("a"))
    with pytest.raises(
        TooManyObjectsError, match=r"^The fabric needs more than \d objects in NetBox"
    ):
        plan(server("a"), server("b"))


def test_object_with_too_long_details_is_skipped_and_not_deleted() -> None:
    permit: list[Json] = [[TEXT]] * (MAX_DETAILS_BYTES // MAX_TEXT_CHARS)
    made = plan(
        live("VPC", "long", {"permit": permit}), live("VPC", "short", {"permit": permit[:9]})
    )
    [(key, reason)] = skipped(made).items()
    assert key == "VPC/default/long"
    assert reason.startswith("needs 66,")
    assert reason.endswith(" bytes of details, more than 65,536")
    assert made.incomplete == {key}
    assert keys(made, VRF) == ["Fabric/default/dc1#underlay", "VPC/default/short"]


def test_peering_that_makes_details_too_long_is_skipped_alone() -> None:
    vpcs = [live("VPC", name) for name in ("a", "b")]
    permit: Json = [{"a": {"subnets": [TEXT] * 60}, "b": {}}]
    peerings = [live("VPCPeering", f"p-{number}", {"permit": permit}) for number in range(3)]
    made = plan(*vpcs, *peerings)
    assert skipped(made).keys() == {"VPCPeering/default/p-2"}
    assert len(keys(made, VRF)) == 3


def test_longer_text_is_not_understood() -> None:
    made = plan(live("External", "a", {"inboundCommunity": TEXT, "outboundCommunity": f"{TEXT}x"}))
    assert skipped(made) == {
        "External/default/a#outboundCommunity": "spec.outboundCommunity: has more than"
        f" {MAX_TEXT_CHARS} characters"
    }


def test_port_has_at_most_16_lanes() -> None:
    """A connection may name a lane of any number."""
    ports: Json = {"E1/1": {}, "E1/2": {}, "E1/3": {}}
    profile = resource_from_api(
        {"metadata": {"name": "vs"}, "spec": {"ports": ports}}, SWITCH_PROFILE
    )
    made = plan(
        profile,
        switch("leaf-1", portBreakouts={"E1/2": "16x1G", "E1/3": "17x1G"}),
        server("s-1"),
        connection("c", "unbundled", {"server": "s-1/e1", "switch": "leaf-1/E1/1/4000"}),
    )
    names = {port.name for port in made.objects if isinstance(port, Interface)}
    assert names == {"M1", "E1/1", *(f"E1/2/{lane}" for lane in range(1, 17)), "E1/3", "e1"}
    assert skipped(made) == {
        "Connection/default/c": "refers to the port leaf-1/E1/1/4000, which does not exist"
    }


def count_updates(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often objects are added to a plan or changed in it, by key."""
    counts, update = Counter[str](), PlanBuilder.update

    def count(self: PlanBuilder, planned: PlannedObject) -> None:
        counts[planned.key] += 1
        update(self, planned)

    monkeypatch.setattr(PlanBuilder, "update", count)
    return counts


def test_port_with_many_vlans_is_changed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    number, counts = 50, count_updates(monkeypatch)
    made = plan(
        live("VLANNamespace", "default", {"ranges": [{"from": 1, "to": 99}]}),
        switch("leaf-1"),
        server("s-1"),
        connection("c", "unbundled", {"server": "s-1/e1", "switch": "leaf-1/E1/1"}),
        *(vpc(f"v-{n}", n, f"10.0.{n}.0/24") for n in range(1, number + 1)),
        *(attachment(f"a-{n}", f"v-{n}/a", "c") for n in range(1, number + 1)),
    )
    port = one(made, Interface, "Switch/default/leaf-1#E1/1")
    assert len(port.tagged_vlans) == number
    assert counts[port.key] <= 3


def test_vrf_with_many_peerings_is_changed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    number, counts = 50, count_updates(monkeypatch)
    permit: Json = [{"a": {}, "b": {}}]
    peerings = [live("VPCPeering", f"p-{n}", {"permit": permit}) for n in range(number)]
    made = plan(live("VPC", "a"), live("VPC", "b"), *peerings)
    for name in ("a", "b"):
        listed = one(made, VRF, f"VPC/default/{name}").details["peerings"]
        assert isinstance(listed, list)
        assert len(listed) == number
        assert counts[f"VPC/default/{name}"] == 2


def test_names_of_ports_are_read_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    calls, canonicalize, split_lane = [0], spellings.canonicalize_port, ports._split_lane

    def count_canonicalized(name: str) -> str:
        calls[0] += 1
        return canonicalize(name)

    def count_split(name: str) -> tuple[str, int]:
        calls[0] += 1
        return split_lane(name)

    monkeypatch.setattr(spellings, "canonicalize_port", count_canonicalized)
    monkeypatch.setattr(ports, "_split_lane", count_split)
    breakouts: Json = {f"E1/{number}": "4x25G" for number in range(1, 101)}
    links = [{"server": f"s-1/e{n}", "switch": f"leaf-1/E2/{n}"} for n in range(1, 101)]
    made = plan(
        switch("leaf-1", portBreakouts=breakouts, portSpeeds={"E2/1": "10G"}),
        server("s-1"),
        connection("c", "bundled", *links),
    )
    assert calls[0] < 20 * len(made.objects)
