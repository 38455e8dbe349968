"""What the size of a plan and of its texts is limited to."""

import pytest

from fabrics.inventory.model.dcim import Interface
from fabrics.inventory.model.ipam import VRF
from fabrics.inventory.plan import builder
from fabrics.inventory.plan.builder import MAX_DETAILS_BYTES, TooManyObjectsError
from fabrics.inventory.specs.values import MAX_TEXT_CHARS
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import SWITCH_PROFILE
from fabrics.resources.resource import resource_from_api
from tests.support.fabrics.objects import live
from tests.support.inventory.plans import connection, keys, plan, server, skipped, switch

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
