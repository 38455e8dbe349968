"""Changes turn any existing inventory into any plan, with few writes."""

from dataclasses import replace
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fabrics.inventory.compare.changes import find_changes
from fabrics.inventory.model.existing import ExistingObject, ObjectId
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import Model
from fabrics.inventory.plan.plan import make_plan
from fabrics.resources.resource import Resource
from tests.support.fabrics.objects import live, live_state
from tests.support.inventory.fake_netbox import FakeNetBox
from tests.support.inventory.frame_sync import get_cabled_ports, get_dhcp_range_ref, sync_frame
from tests.support.inventory.live_samples import LiveSet, each_sample, parse_live_state
from tests.support.inventory.plans import DC1, connection
from tests.support.inventory.small_fabric import cable, pools, vpc
from tests.support.inventory.strategies import fabrics

SHARED = FabricIdentity("dc1", "DC 1", shared_site="hall-2")
made_up = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])


@each_sample
def test_second_sync_writes_nothing(sample: LiveSet) -> None:
    for fabric in (DC1, SHARED):
        netbox, plan = FakeNetBox(), make_plan(parse_live_state(sample.items()), fabric)
        netbox.sync(plan)
        assert len(netbox.rows) == sum(not planned.SHARED for planned in plan.objects)
        again = netbox.sync(plan)
        assert (again.total_writes, again.unchanged, again.absent) == (0, len(netbox.rows), ())


@made_up
@given(fabrics(), fabrics(), fabrics(), st.sampled_from((DC1, SHARED)), st.integers())
def test_any_fabric_becomes_any_other(
    before: list[Resource],
    after: list[Resource],
    later: list[Resource],
    fabric: FabricIdentity,
    seed: int,
) -> None:
    netbox = FakeNetBox(random=Random(seed))
    netbox.sync(make_plan(live_state(*before), fabric))
    for resources in (after, later):
        ids, plan = netbox.by_ref(), make_plan(live_state(*resources), fabric)
        changes = netbox.sync(plan)
        planned_refs = {planned.ref for planned in plan.objects if not planned.SHARED}
        assert planned_refs <= {row.ref for row in netbox.rows.values()}
        again = netbox.sync(plan)
        assert again.total_writes == 0
        assert {row.id for row in again.absent} == {row.id for row in changes.absent}
        for ref, object_id in netbox.by_ref().items():
            if ref.model in (Model.DEVICE, Model.VRF, Model.VLAN_GROUP) and ref in ids:
                assert ids[ref] == object_id


def test_rewired_cable_keeps_its_id(netbox: FakeNetBox) -> None:
    sync_frame(netbox, cable("c", "s-1/e1", "leaf-1/E1/1"), cable("d", "s-2/e1", "leaf-1/E1/2"))
    ids = netbox.by_ref()
    _, writes = sync_frame(
        netbox, cable("c", "s-1/e1", "leaf-2/E1/1"), cable("d", "s-2/e1", "leaf-1/E1/2")
    )
    assert writes == 2  # the new port, and the cable
    assert get_cabled_ports(netbox, "Connection/default/c") == {
        "Server/default/s-1#e1",
        "Switch/default/leaf-2#E1/1",
    }
    assert ids.items() <= netbox.by_ref().items()


def test_cable_with_swapped_ends_is_unchanged(netbox: FakeNetBox) -> None:
    sync_frame(netbox, cable("c", "s-1/e1", "leaf-1/E1/1"))
    [row] = [row for row in netbox.rows.values() if row.id.model is Model.CABLE]
    ends = {
        "a_terminations": row.values["b_terminations"],
        "b_terminations": row.values["a_terminations"],
    }
    netbox.rows[row.id] = replace(row, values={**row.values, **ends})
    assert sync_frame(netbox, cable("c", "s-1/e1", "leaf-1/E1/1"))[1] == 0


def test_vlan_with_new_number_keeps_its_id(netbox: FakeNetBox) -> None:
    sync_frame(netbox, vpc("v", 1001, "10.0.1.0/24"))
    ids = netbox.by_ref()
    _, writes = sync_frame(netbox, vpc("v", 1002, "10.0.1.0/24"))
    assert (writes, netbox.by_ref()) == (1, ids)


def test_range_with_edited_addresses_is_restored(netbox: FakeNetBox) -> None:
    plan, _ = sync_frame(netbox, pools(a="10.0.0.0/24", b="10.0.1.0/24"))
    row = netbox.rows[netbox.by_ref()[get_dhcp_range_ref("a")]]
    edited = {"start_address": "2001:db8::1/64", "end_address": "2001:db8::9/64"}
    netbox.rows[row.id] = replace(row, values={**row.values, **edited})
    assert find_changes(plan, netbox.existing).total_writes == 1


def test_edited_values_of_known_fields_are_restored(netbox: FakeNetBox) -> None:
    plan, _ = sync_frame(netbox, vpc("v", 1001, "10.0.1.0/24"))
    [row] = [row for row in netbox.rows.values() if row.id.model is Model.VLAN]
    netbox.rows[row.id] = replace(row, values={**row.values, "name": "mine"})
    changes = netbox.sync(plan)
    assert [write.fields for stage in changes.stages for write in stage] == [{"name": "v/a"}]


def test_edited_values_unknown_to_the_fabric_are_kept(netbox: FakeNetBox) -> None:
    plan, _ = sync_frame(netbox, *CONNECTED)
    netbox.rows = {
        object_id: replace(row, values={**row.values, **_make_edits(row)})
        for object_id, row in netbox.rows.items()
    }
    assert netbox.sync(plan).total_writes == 0


CONNECTED = (
    live("Gateway", "gw-1", {"protocolIP": "172.30.8.9/32"}),
    connection("c", "bundled", {"server": "s-1/e1", "switch": "leaf-1/E1/1"}),
    connection("g", "gateway", {"switch": "leaf-2/E1/1", "gateway": "gw-1/e1"}),
    vpc("v", 1001, "10.0.1.0/24", dhcp={"static": {"0c:20:12:fe:01:02": {"ip": "10.0.1.9"}}}),
)


def _make_edits(row: ExistingObject) -> dict[str, object]:
    """Return values for the fields whose true values the fabric does not know."""
    kind, edits = row.key.partition("/")[0], dict[str, object]()
    if row.id.model in (Model.DEVICE, Model.CABLE):
        edits |= {"description": "Rack 7"}
    if row.id.model is Model.DEVICE and kind != "Switch":
        edits |= {"device_type": FOREIGN_ID, "serial": "CN7", "platform": 7}
    if row.id.model is Model.INTERFACE and row.values["type"] == "other":
        edits |= {"type": "25gbase-x-sfp28", "mtu": row.values["mtu"] or 1500}
    if row.id.model is Model.INTERFACE and (kind != "Switch" or row.values["mgmt_only"]):
        vlans = {"untagged_vlan": FOREIGN_ID, "tagged_vlans": (FOREIGN_ID,), "mode": "tagged"}
        edits |= {"vrf": FOREIGN_ID, "mgmt_only": True, **vlans}
    if row.id.model is Model.IP_ADDRESS and row.values["assigned_object"]:
        edits |= {"description": "Reached from the jump host"}
    if row.id.model is Model.IP_ADDRESS and row.values["status"] == "dhcp":
        edits |= {"assigned_object": FOREIGN_ID}
    if row.id.model is Model.PREFIX and kind == "IPv4Namespace":
        edits |= {"vlan": FOREIGN_ID}
    return edits | ({"status": "staging"} if row.id.model is Model.SITE else {})


FOREIGN_ID = ObjectId(Model.VLAN, 10**6)
"""The id of an object that does not belong to the fabric."""
