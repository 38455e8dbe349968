"""Planned objects are matched by key, then by unique key, so that ids stay."""

from dataclasses import replace

import pytest

from fabrics.inventory.compare.changes import find_changes
from fabrics.inventory.model.existing import ExistingObject, RefsById
from fabrics.inventory.model.planned import Model, Ref, UniqueKey
from fabrics.resources.json_types import Json
from fabrics.resources.resource import Resource
from tests.support.fabrics.objects import live
from tests.support.inventory.fake_netbox import FakeNetBox
from tests.support.inventory.frame_sync import get_dhcp_range_ref, sync_frame
from tests.support.inventory.plans import connection, plan, switch
from tests.support.inventory.small_fabric import cable, external_ports, pair, pools, vpc

SUBINTERFACES = tuple(
    Ref(Model.INTERFACE, key)
    for key in ("ExternalAttachment/default/a", "Connection/default/y#vlan")
)
ADDRESSES = tuple(Ref(Model.IP_ADDRESS, ref.key) for ref in SUBINTERFACES)


def leaf(breakout: str, name: str = "leaf-9") -> Resource:
    """Return a switch with this breakout of its port E1/5."""
    return switch(name, portBreakouts={"E1/5": breakout})


def pool(subnet: str, first: int, last: int) -> Resource:
    """Return a VPC with a subnet whose DHCP range has the hosts `first` to `last`."""
    ends = {"start": f"10.0.1.{first}", "end": f"10.0.1.{last}"}
    spec: dict[str, Json] = {"subnet": "10.0.1.0/24", "dhcp": {"enable": True, "range": {**ends}}}
    return live("VPC", "v", {"subnets": {subnet: spec}})


def test_renamed_connection_keeps_cables_and_lags(netbox: FakeNetBox) -> None:
    link = {"server": "s-1/e1", "switch": "leaf-1/E1/1"}
    other = {"server": "s-1/e2", "switch": "leaf-1/E1/2"}
    sync_frame(netbox, connection("old", "bundled", link, other))
    ids = set(netbox.rows)
    _, writes = sync_frame(netbox, connection("new", "bundled", link, other))
    assert set(netbox.rows) == ids
    assert writes == 4  # two cables and two LAGs


def test_divided_port_becomes_its_first_lane(netbox: FakeNetBox) -> None:
    link = {"server": "s-1/e1", "switch": "leaf-9/E1/5"}
    routed = {"spine": "leaf-9/E1/6", "leaf": "leaf-8/E1/5"}
    wired = (connection("c", "bundled", link), connection("f", "fabric", routed))
    sync_frame(netbox, leaf("1x100G"), leaf("1x100G", "leaf-8"), *wired)
    ids = netbox.by_ref()
    for breakout, expected_writes in (("4x25G", 8), ("2x50G", 4), ("1x100G", 2)):
        before = netbox.by_ref()
        plan, writes = sync_frame(netbox, leaf(breakout), leaf(breakout, "leaf-8"), *wired)
        assert writes == expected_writes  # of both ports the name, and all other lanes
        assert ids.items() <= netbox.by_ref().items()
        assert before.keys() <= netbox.by_ref().keys()
        assert netbox.sync(plan).total_writes == 0


def test_first_lane_with_the_key_of_an_earlier_release_keeps_its_id(netbox: FakeNetBox) -> None:
    wired = cable("c", "s-1/e1", "leaf-9/E1/5")
    sync_frame(netbox, leaf("4x25G"), wired)
    ids = netbox.by_ref()
    lane = ids[Ref(Model.INTERFACE, "Switch/default/leaf-9#E1/5")]
    netbox.rows[lane] = replace(netbox.rows[lane], key="Switch/default/leaf-9#E1/5/1")
    # That release kept the port itself for a while after it was divided.
    whole_port = replace(
        netbox.rows[lane],
        id=lane._replace(number=10**6),
        key="Switch/default/leaf-9#E1/5",
        values={**netbox.rows[lane].values, "name": "E1/5"},
    )
    netbox.rows[whole_port.id] = whole_port
    plan, writes = sync_frame(netbox, leaf("4x25G"), wired)
    assert (writes, netbox.rows[lane].key) == (1, "Switch/default/leaf-9#E1/5")
    assert (netbox.sync(plan).total_writes, netbox.sync(plan).absent) == (0, (whole_port,))
    netbox.delete(whole_port)
    assert netbox.by_ref() == ids


def test_vlan_of_a_deleted_vpc_is_taken_over(netbox: FakeNetBox) -> None:
    sync_frame(netbox, vpc("v", 1001, "10.0.1.0/24"))
    [vlan] = [object_id for object_id in netbox.rows if object_id.model is Model.VLAN]
    sync_frame(netbox, vpc("w", 1001, "10.0.1.0/24"))
    assert [row.key for row in netbox.rows.values() if row.id == vlan] == ["VPC/default/w#a"]


def test_range_takes_over_an_absent_one_that_it_overlaps(netbox: FakeNetBox) -> None:
    sync_frame(netbox, pool("a", 10, 99))
    ids = netbox.by_ref()
    _, writes = sync_frame(netbox, pool("b", 50, 150))
    assert writes == 2  # the prefix and the range, each with another key
    assert netbox.by_ref()[get_dhcp_range_ref("b")] == ids[get_dhcp_range_ref("a")]


def test_range_of_a_larger_subnet_takes_over_the_former_one(netbox: FakeNetBox) -> None:
    sync_frame(netbox, pools(a="10.0.1.0/24"))
    before = netbox.by_ref()[get_dhcp_range_ref("a")]
    _, writes = sync_frame(netbox, pools(b="10.0.0.0/23"))
    assert writes == 2  # a new prefix, and the range
    assert netbox.by_ref()[get_dhcp_range_ref("b")] == before


def test_address_shared_with_a_removed_switch_is_kept(netbox: FakeNetBox) -> None:
    sync_frame(netbox, *pair("mclag", 1, 1))
    ids = netbox.by_ref()
    plan, writes = sync_frame(netbox, *pair("eslag", 1))
    assert (writes, netbox.by_ref()) == (3, ids)
    assert netbox.sync(plan).total_writes == 0


def test_address_of_a_replaced_switch_moves_to_the_new_one(netbox: FakeNetBox) -> None:
    sync_frame(netbox, switch("old", ip="172.30.0.9/21"))
    ids = netbox.by_ref()
    old, new = (Ref(Model.IP_ADDRESS, f"Switch/default/{name}#M1") for name in ("old", "new"))
    plan, _ = sync_frame(netbox, switch("new", ip="172.30.0.9/21"))
    assert netbox.by_ref()[new] == ids[old]
    devices = {row.key: row.values for row in netbox.rows.values() if row.id.model is Model.DEVICE}
    assert devices["Switch/default/new"]["primary_ip4"] == ids[old]
    assert devices["Switch/default/old"]["primary_ip4"] is None
    assert netbox.sync(plan).total_writes == 0


def test_subinterface_on_another_switch_is_new_and_keeps_its_address(netbox: FakeNetBox) -> None:
    sync_frame(netbox, *external_ports("leaf-1"))
    former = {ref: netbox.by_ref()[ref] for ref in (*SUBINTERFACES, *ADDRESSES)}
    plan, _ = sync_frame(netbox, *external_ports("leaf-2"))
    again = netbox.sync(plan)
    assert (again.total_writes, {row.id for row in again.absent} & set(netbox.rows)) == (
        0,
        {former[ref] for ref in SUBINTERFACES},
    )
    for address, subinterface in zip(ADDRESSES, SUBINTERFACES, strict=True):
        assigned = netbox.rows[former[address]].values["assigned_object"]
        assert assigned == again.existing_ids[subinterface] != former[subinterface]
    restored, _ = sync_frame(netbox, *external_ports("leaf-1"))  # before the first ones are deleted
    changes = netbox.sync(restored)
    assert {ref: changes.existing_ids[ref] for ref in former} == former
    netbox.delete(*changes.absent)
    assert netbox.sync(restored).total_writes == 0


def test_interfaces_of_untagged_device_are_not_changed(netbox: FakeNetBox) -> None:
    """Somebody has removed the tag of the device, but not those of its interfaces."""
    plan, _ = sync_frame(netbox, *external_ports("leaf-1"))
    device = netbox.by_ref()[Ref(Model.DEVICE, "Switch/default/leaf-1")]
    netbox.delete(netbox.rows[device])
    assert find_changes(plan, netbox.existing).absent == ()


def test_copy_in_right_place_is_kept(netbox: FakeNetBox) -> None:
    plan, _ = sync_frame(netbox, vpc("v", 1001, "10.0.1.0/24"))
    vlans = {row.id: row for row in netbox.rows.values() if row.id.model is Model.VLAN}
    [(object_id, row)] = vlans.items()
    copy = replace(
        row,
        id=object_id._replace(number=10**6),
        values={**row.values, "vid": 1500, "name": "copy"},
    )
    netbox.rows[copy.id] = copy
    changes = netbox.sync(plan)
    assert (changes.total_writes, changes.absent) == (0, (copy,))


def test_references_to_a_copy_move_to_the_kept_object(netbox: FakeNetBox) -> None:
    """NetBox allows two VRFs of one name, so two workers may have created one each."""
    plan, _ = sync_frame(netbox, vpc("v", 1001, "10.0.1.0/24"))
    vrfs = {row.key: row for row in netbox.rows.values() if row.id.model is Model.VRF}
    kept = vrfs["VPC/default/v"]
    copy = replace(kept, id=kept.id._replace(number=10**6))
    netbox.rows[copy.id] = copy
    [prefix] = [
        row
        for row in netbox.rows.values()
        if row.values.get("vrf") == kept.id and row.id.model is Model.PREFIX
    ]
    netbox.rows[prefix.id] = replace(prefix, values={**prefix.values, "vrf": copy.id})
    changes = netbox.sync(plan)
    assert [write.fields for stage in changes.stages for write in stage] == [{"vrf": kept.ref}]
    assert changes.absent == (copy,)
    assert netbox.rows[prefix.id].values["vrf"] == kept.id


def loopbacks(first: int, number: int) -> list[Resource]:
    """Return switches with loopback addresses in a row, from this one on."""
    return [
        switch(f"leaf-{place:03}", protocolIP=f"172.30.1.{first + place}/32")
        for place in range(number)
    ]


def test_renumbered_fabric_keeps_addresses_and_looks_at_each_few_times(
    netbox: FakeNetBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each switch gets the address of the next one, the last one that of a lost one."""
    number, calls, unique_keys = 60, [0], ExistingObject.unique_keys

    def count(row: ExistingObject, refs: RefsById) -> tuple[UniqueKey, ...]:
        calls[0] += 1
        return unique_keys(row, refs)

    netbox.sync(plan(*loopbacks(1, number + 1)))
    ids = {
        row.values["address"]: id_ for id_, row in netbox.rows.items() if "address" in row.values
    }
    renumbered = plan(*loopbacks(2, number))
    monkeypatch.setattr(ExistingObject, "unique_keys", count)
    changes = find_changes(renumbered, netbox.existing)
    assert calls[0] < 12 * len(netbox.rows)
    monkeypatch.undo()
    netbox.apply(changes)
    for row in netbox.rows.values():
        if row.id.model is Model.IP_ADDRESS and row.id not in {old.id for old in changes.absent}:
            assert ids[row.values["address"]] == row.id
