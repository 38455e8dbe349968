"""Details stay in NetBox while what states them cannot be read."""

from fabrics.inventory.compare.uncertain_details import keep_unread_details
from fabrics.inventory.model.planned import Model
from fabrics.inventory.plan.builder import MAX_DETAILS_BYTES
from fabrics.inventory.plan.plan import make_plan
from fabrics.resources.json_types import Json
from fabrics.resources.resource import Resource
from tests.support.fabrics.objects import live, live_state
from tests.support.inventory.fake_netbox import FakeNetBox
from tests.support.inventory.plans import DC1

VPCS = tuple(live("VPC", name) for name in ("a", "b", "c"))
GOOD: Json = [{"a": {}, "b": {}}]
BAD: Json = [{"a": {"subnets": 7}}]


def peering(name: str, permit: Json) -> Resource:
    """Return a peering of VPCs."""
    return live("VPCPeering", name, {"permit": permit})


def list_peerings(netbox: FakeNetBox, vpc: str) -> list[str]:
    """Return the keys of the peerings that NetBox shows at a VPC."""
    [row] = [
        row
        for row in netbox.rows.values()
        if row.ref.model is Model.VRF and row.key == f"VPC/default/{vpc}"
    ]
    return [entry["key"] for entry in row.values["details"].get("peerings", [])]


def test_peering_that_cannot_be_read_stays_at_its_vpcs(netbox: FakeNetBox) -> None:
    others: Json = [{"b": {}, "c": {}}]
    netbox.sync(make_plan(live_state(*VPCS, peering("p", GOOD), peering("q", others)), DC1))
    plan = make_plan(live_state(*VPCS, peering("p", BAD), peering("q", others)), DC1)
    netbox.sync(plan)
    assert "VPCPeering/default/p" in plan.incomplete
    assert sorted(list_peerings(netbox, "b")) == ["VPCPeering/default/p", "VPCPeering/default/q"]
    assert netbox.sync(plan).total_writes == 0
    netbox.sync(make_plan(live_state(*VPCS, peering("q", others)), DC1))
    assert list_peerings(netbox, "a") == []
    assert list_peerings(netbox, "b") == ["VPCPeering/default/q"]


def test_object_that_is_not_complete_keeps_what_the_plan_does_not_state() -> None:
    existing: dict[str, Json] = {"asn": 65_000, "groups": ["old"]}
    planned: dict[str, Json] = {"groups": ["new"]}
    for is_complete, expected in ((True, planned), (False, {"asn": 65_000, "groups": ["new"]})):
        kept = keep_unread_details(planned, existing, is_complete=is_complete, incomplete=set())
        assert kept == expected


def test_details_that_would_become_too_long_are_as_planned() -> None:
    planned: dict[str, Json] = {"text": "x" * (MAX_DETAILS_BYTES - 20)}
    existing: dict[str, Json] = {"peerings": [{"key": "VPCPeering/default/p"}, "edited by people"]}
    incomplete = {"VPCPeering/default/p"}
    assert (
        keep_unread_details(planned, existing, is_complete=True, incomplete=incomplete) == planned
    )
    assert keep_unread_details({}, existing, is_complete=True, incomplete=incomplete) == {
        "peerings": [{"key": "VPCPeering/default/p"}]
    }
