"""From what NetBox holds to what is wanted: as few writes as can express it, and never two in one place."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fabrics.inventory.compare.changes import find_changes
from fabrics.inventory.model.existing import ExistingObject, ObjectId
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import Model, Ref
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.resources.json_types import Json
from fabrics.resources.resource import Resource
from tests.support.fabrics.objects import live, live_state
from tests.support.inventory.fake_netbox import FakeNetBox
from tests.support.inventory.live_samples import LiveSet, each_sample, live_of
from tests.support.inventory.plans import DC1, connection, plan, switch
from tests.support.inventory.small_fabric import FRAME, cable, outwards, pair, pools, vpc
from tests.support.inventory.strategies import fabrics

SHARED = FabricIdentity("dc1", "DC 1", shared_site="hall-2")
made_up = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture
def netbox() -> FakeNetBox:
    return FakeNetBox()


def synced(netbox: FakeNetBox, *resources: Resource) -> tuple[Plan, int]:
    """Bring it up to these and those of the frame; the plan, and how many writes that took."""
    before = netbox.writes
    made = plan(*FRAME, *resources)
    netbox.sync(made)
    return made, netbox.writes - before


def cabled_ports(netbox: FakeNetBox, key: str) -> set[str]:
    """The `hh_key`s of the interfaces that a cable joins."""
    [row] = [each for each in netbox.rows.values() if each.ref == Ref(Model.CABLE, key)]
    ends = (*row.values["a_terminations"], *row.values["b_terminations"])
    return {netbox.rows[end].key for end in ends}


@each_sample
def test_a_set_is_written_once(sample: LiveSet) -> None:
    for fabric in (DC1, SHARED):
        netbox, wanted = FakeNetBox(), make_plan(live_of(sample.items()), fabric)
        netbox.sync(wanted)
        assert len(netbox.rows) == sum(not each.SHARED for each in wanted.objects)
        again = netbox.sync(wanted)
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
        ids, wanted = netbox.by_ref(), make_plan(live_state(*resources), fabric)
        changes = netbox.sync(wanted)
        present = {each.ref for each in wanted.objects if not each.SHARED}
        assert present <= {row.ref for row in netbox.rows.values()}
        again = netbox.sync(wanted)
        assert again.total_writes == 0
        assert {each.id for each in again.absent} == {each.id for each in changes.absent}
        for ref, number in netbox.by_ref().items():
            if ref.model in (Model.DEVICE, Model.VRF, Model.VLAN_GROUP) and ref in ids:
                assert ids[ref] == number


def test_a_rewired_cable_stays_the_same(netbox: FakeNetBox) -> None:
    synced(netbox, cable("c", "s-1/e1", "leaf-1/E1/1"), cable("d", "s-2/e1", "leaf-1/E1/2"))
    ids = netbox.by_ref()
    _, writes = synced(
        netbox, cable("c", "s-1/e1", "leaf-2/E1/1"), cable("d", "s-2/e1", "leaf-1/E1/2")
    )
    assert writes == 2  # the new port, and the cable
    assert cabled_ports(netbox, "Connection/default/c") == {
        "Server/default/s-1#e1",
        "Switch/default/leaf-2#E1/1",
    }
    assert ids.items() <= netbox.by_ref().items()


def test_two_connections_that_swap_ends_keep_their_cables(netbox: FakeNetBox) -> None:
    synced(netbox, cable("c", "s-1/e1", "leaf-1/E1/1"), cable("d", "s-2/e1", "leaf-1/E1/2"))
    ids = netbox.by_ref()
    _, writes = synced(
        netbox, cable("c", "s-1/e1", "leaf-1/E1/2"), cable("d", "s-2/e1", "leaf-1/E1/1")
    )
    assert writes == 3  # one has to leave its ports before the other can take one
    assert "Switch/default/leaf-1#E1/2" in cabled_ports(netbox, "Connection/default/c")
    assert netbox.by_ref() == ids


def test_two_connections_that_swap_both_ends_swap_names(netbox: FakeNetBox) -> None:
    synced(netbox, cable("c", "s-1/e1", "leaf-1/E1/1"), cable("d", "s-2/e1", "leaf-1/E1/2"))
    ids = netbox.by_ref()
    swapped = (cable("d", "s-1/e1", "leaf-1/E1/1"), cable("c", "s-2/e1", "leaf-1/E1/2"))
    made, writes = synced(netbox, *swapped)
    assert writes == 2
    c, d = (Ref(Model.CABLE, f"Connection/default/{name}") for name in "cd")
    assert netbox.by_ref() == {**ids, c: ids[d], d: ids[c]}
    assert netbox.sync(made).total_writes == 0


def test_a_renamed_connection_keeps_cable_and_lag(netbox: FakeNetBox) -> None:
    link = {"server": "s-1/e1", "switch": "leaf-1/E1/1"}
    other = {"server": "s-1/e2", "switch": "leaf-1/E1/2"}
    synced(netbox, connection("old", "bundled", link, other))
    ids = set(netbox.rows)
    _, writes = synced(netbox, connection("new", "bundled", link, other))
    assert set(netbox.rows) == ids
    assert writes == 4  # two cables and two LAGs


def test_an_end_that_turned_round_is_no_change(netbox: FakeNetBox) -> None:
    synced(netbox, cable("c", "s-1/e1", "leaf-1/E1/1"))
    [row] = [each for each in netbox.rows.values() if each.id.model is Model.CABLE]
    ends = {
        "a_terminations": row.values["b_terminations"],
        "b_terminations": row.values["a_terminations"],
    }
    netbox.rows[row.id] = replace(row, values={**row.values, **ends})
    assert synced(netbox, cable("c", "s-1/e1", "leaf-1/E1/1"))[1] == 0


def leaf(breakout: str, name: str = "leaf-9") -> Resource:
    """A switch with one port that is divided, or is not."""
    return switch(name, portBreakouts={"E1/5": breakout})


def test_a_port_that_is_divided_is_its_first_lane(netbox: FakeNetBox) -> None:
    link = {"server": "s-1/e1", "switch": "leaf-9/E1/5"}
    routed = {"spine": "leaf-9/E1/6", "leaf": "leaf-8/E1/5"}
    wired = (connection("c", "bundled", link), connection("f", "fabric", routed))
    synced(netbox, leaf("1x100G"), leaf("1x100G", "leaf-8"), *wired)
    ids = netbox.by_ref()
    for breakout, writes in (("4x25G", 8), ("2x50G", 4), ("1x100G", 2)):
        before = netbox.by_ref()
        made, written = synced(netbox, leaf(breakout), leaf(breakout, "leaf-8"), *wired)
        assert written == writes  # of both ports the name, and all other lanes
        assert ids.items() <= netbox.by_ref().items()
        assert before.keys() <= netbox.by_ref().keys()
        assert netbox.sync(made).total_writes == 0


def test_a_first_lane_that_an_earlier_release_knew_as_such_stays_the_same(
    netbox: FakeNetBox,
) -> None:
    wired = cable("c", "s-1/e1", "leaf-9/E1/5")
    synced(netbox, leaf("4x25G"), wired)
    ids = netbox.by_ref()
    lane = ids[Ref(Model.INTERFACE, "Switch/default/leaf-9#E1/5")]
    netbox.rows[lane] = replace(netbox.rows[lane], key="Switch/default/leaf-9#E1/5/1")
    # That release kept the port itself for a while after it was divided.
    left = replace(
        netbox.rows[lane],
        id=lane._replace(number=10**6),
        key="Switch/default/leaf-9#E1/5",
        values={**netbox.rows[lane].values, "name": "E1/5"},
    )
    netbox.rows[left.id] = left
    made, writes = synced(netbox, leaf("4x25G"), wired)
    assert (writes, netbox.rows[lane].key) == (1, "Switch/default/leaf-9#E1/5")
    assert (netbox.sync(made).total_writes, netbox.sync(made).absent) == (0, (left,))
    netbox.delete(left)
    assert netbox.by_ref() == ids


def test_a_vlan_that_moves_stays_the_same(netbox: FakeNetBox) -> None:
    synced(netbox, vpc("v", 1001, "10.0.1.0/24"))
    ids = netbox.by_ref()
    _, writes = synced(netbox, vpc("v", 1002, "10.0.1.0/24"))
    assert (writes, netbox.by_ref()) == (1, ids)


def test_two_vlans_that_swap_numbers_stay_the_same(netbox: FakeNetBox) -> None:
    synced(netbox, vpc("v", 1001, "10.0.1.0/24"), vpc("w", 1002, "10.0.2.0/24"))
    ids = netbox.by_ref()
    _, writes = synced(netbox, vpc("v", 1002, "10.0.1.0/24"), vpc("w", 1001, "10.0.2.0/24"))
    assert (writes, netbox.by_ref()) == (3, ids)


def test_a_vlan_of_a_vpc_that_went_is_taken_over(netbox: FakeNetBox) -> None:
    synced(netbox, vpc("v", 1001, "10.0.1.0/24"))
    [vlan] = [each for each in netbox.rows if each.model is Model.VLAN]
    synced(netbox, vpc("w", 1001, "10.0.1.0/24"))
    assert [row.key for row in netbox.rows.values() if row.id == vlan] == ["VPC/default/w#a"]


def test_a_port_that_an_absent_cable_keeps_is_given_up(netbox: FakeNetBox) -> None:
    synced(netbox, cable("c", "s-1/e1", "leaf-1/E1/1"), cable("d", "s-2/e1", "leaf-1/E1/2"))
    synced(netbox, cable("d", "s-2/e1", "leaf-1/E1/1"))
    assert cabled_ports(netbox, "Connection/default/c") == set()
    assert "Switch/default/leaf-1#E1/1" in cabled_ports(netbox, "Connection/default/d")


def test_a_port_that_leads_outwards_loses_its_cable_first(netbox: FakeNetBox) -> None:
    synced(netbox, cable("c", "s-1/e1", "leaf-1/E1/1"), cable("d", "s-2/e1", "leaf-1/E1/2"))
    outward = connection("x", "external", {"switch": "leaf-1/E1/1"})
    synced(netbox, cable("c", "s-1/e1", "leaf-1/E1/3"), outward)
    assert "Switch/default/leaf-1#E1/3" in cabled_ports(netbox, "Connection/default/c")


def pool(subnet: str, first: int, last: int) -> Resource:
    """A VPC whose one subnet gives out the addresses from one host to another."""
    ends = {"start": f"10.0.1.{first}", "end": f"10.0.1.{last}"}
    spec: dict[str, Json] = {"subnet": "10.0.1.0/24", "dhcp": {"enable": True, "range": {**ends}}}
    return live("VPC", "v", {"subnets": {subnet: spec}})


def test_addresses_that_overlap_those_of_an_absent_range_take_it_over(netbox: FakeNetBox) -> None:
    synced(netbox, pool("a", 10, 99))
    ids = netbox.by_ref()
    _, writes = synced(netbox, pool("b", 50, 150))
    assert writes == 2  # the prefix and the range, each with another key
    old, new = (Ref(Model.IP_RANGE, f"VPC/default/v#{subnet}/dhcp") for subnet in "ab")
    assert netbox.by_ref()[new] == ids[old]


def range_of(netbox: FakeNetBox, subnet: str) -> ExistingObject:
    ref = Ref(Model.IP_RANGE, f"VPC/default/v#{subnet}/dhcp")
    return netbox.rows[netbox.by_ref()[ref]]


def test_a_larger_subnet_takes_over_the_addresses_of_the_one_before(netbox: FakeNetBox) -> None:
    synced(netbox, pools(a="10.0.1.0/24"))
    before = range_of(netbox, "a")
    _, writes = synced(netbox, pools(b="10.0.0.0/23"))
    assert writes == 2  # a new prefix, and the range
    assert range_of(netbox, "b").id == before.id


def test_of_two_ranges_in_the_way_one_is_taken_over_and_one_set_aside(netbox: FakeNetBox) -> None:
    synced(netbox, pools(a="10.0.0.0/24", b="10.0.1.0/24"))
    ids = {range_of(netbox, subnet).id for subnet in "ab"}
    made, writes = synced(netbox, pools(c="10.0.0.0/23"))
    assert writes == 3
    [aside] = ids - {range_of(netbox, "c").id}
    nowhere = f"0.0.0.{aside.number}/32"
    assert netbox.rows[aside].values["start_address"] == nowhere
    assert netbox.rows[aside].values["end_address"] == nowhere
    assert netbox.sync(made).total_writes == 0
    netbox.delete(netbox.rows[aside])
    assert netbox.sync(made).total_writes == 0


def test_a_range_that_somebody_gave_other_addresses_is_put_right(netbox: FakeNetBox) -> None:
    wanted, _ = synced(netbox, pools(a="10.0.0.0/24", b="10.0.1.0/24"))
    row = range_of(netbox, "a")
    edited = {"start_address": "2001:db8::1/64", "end_address": "2001:db8::9/64"}
    netbox.rows[row.id] = replace(row, values={**row.values, **edited})
    assert find_changes(wanted, netbox.stored).total_writes == 1


def test_a_range_that_grows_waits_for_those_that_move_away(netbox: FakeNetBox) -> None:
    synced(netbox, pools(a="10.0.0.0/24", b="10.0.1.0/24"))
    ids = netbox.by_ref()
    _, writes = synced(netbox, pools(a="10.0.0.0/23", b="10.0.5.0/24"))
    assert (writes, netbox.by_ref()) == (4, ids)


def test_ranges_that_swap_networks_swap_names(netbox: FakeNetBox) -> None:
    synced(netbox, pools(a="10.0.0.0/24", b="10.0.1.0/24"))
    ids = netbox.by_ref()
    _, writes = synced(netbox, pools(b="10.0.0.0/24", a="10.0.1.0/24"))
    assert (writes, set(netbox.by_ref().values())) == (4, set(ids.values()))


@pytest.mark.parametrize("apart", [(1, 2), (2, 1)])
def test_switches_come_to_share_an_address_and_no_longer_do(
    netbox: FakeNetBox, apart: tuple[int, int]
) -> None:
    synced(netbox, *pair("eslag", *apart))
    ids = netbox.by_ref()
    for group, hosts in (("mclag", (1, 1)), ("eslag", apart)):
        _, writes = synced(netbox, *pair(group, *hosts))
        assert (writes, netbox.by_ref()) == (4, ids)  # of each the device and the address


def test_an_address_that_a_switch_shared_with_one_that_went_is_its_own(netbox: FakeNetBox) -> None:
    synced(netbox, *pair("mclag", 1, 1))
    ids = netbox.by_ref()
    made, writes = synced(netbox, *pair("eslag", 1))
    assert (writes, netbox.by_ref()) == (3, ids)
    assert netbox.sync(made).total_writes == 0


def test_the_address_of_a_switch_goes_to_the_one_in_its_place(netbox: FakeNetBox) -> None:
    synced(netbox, switch("old", ip="172.30.0.9/21"))
    ids = netbox.by_ref()
    old, new = (Ref(Model.IP_ADDRESS, f"Switch/default/{name}#M1") for name in ("old", "new"))
    made, _ = synced(netbox, switch("new", ip="172.30.0.9/21"))
    assert netbox.by_ref()[new] == ids[old]
    devices = {row.key: row.values for row in netbox.rows.values() if row.id.model is Model.DEVICE}
    assert devices["Switch/default/new"]["primary_ip4"] == ids[old]
    assert devices["Switch/default/old"]["primary_ip4"] is None
    assert netbox.sync(made).total_writes == 0


def test_a_subinterface_on_another_switch_is_another_with_the_same_address(
    netbox: FakeNetBox,
) -> None:
    synced(netbox, *outwards("leaf-1"))
    left = {ref: netbox.by_ref()[ref] for ref in (*SUBINTERFACES, *ADDRESSES)}
    made, _ = synced(netbox, *outwards("leaf-2"))
    again = netbox.sync(made)
    assert (again.total_writes, {each.id for each in again.absent} & set(netbox.rows)) == (
        0,
        {left[ref] for ref in SUBINTERFACES},
    )
    for address, subinterface in zip(ADDRESSES, SUBINTERFACES, strict=True):
        row = netbox.rows[left[address]]
        assert (
            row.values["assigned_object"] == again.existing_ids[subinterface] != left[subinterface]
        )
    back, _ = synced(netbox, *outwards("leaf-1"))  # before the first ones are gone
    found = netbox.sync(back)
    assert {ref: found.existing_ids[ref] for ref in left} == left
    netbox.delete(*found.absent)
    assert netbox.sync(back).total_writes == 0


SUBINTERFACES = tuple(
    Ref(Model.INTERFACE, key)
    for key in ("ExternalAttachment/default/a", "Connection/default/y#vlan")
)
ADDRESSES = tuple(Ref(Model.IP_ADDRESS, ref.key) for ref in SUBINTERFACES)


def test_an_interface_on_a_device_that_is_no_longer_ours_is_left_alone(netbox: FakeNetBox) -> None:
    """Somebody has removed the device's tag: nothing follows from that for what is in it."""
    made, _ = synced(netbox, *outwards("leaf-1"))
    device = netbox.by_ref()[Ref(Model.DEVICE, "Switch/default/leaf-1")]
    netbox.delete(netbox.rows[device])
    assert find_changes(made, netbox.stored).absent == ()


def test_devices_whose_names_somebody_swapped_get_them_back(netbox: FakeNetBox) -> None:
    made, _ = synced(netbox, *outwards("leaf-1"))
    rows = dict(netbox.rows)
    names = {"leaf-1": "leaf-2", "leaf-2": "leaf-1"}
    for row in rows.values():
        if row.values.get("name") in names:
            swapped = {**row.values, "name": names[row.values["name"]]}
            netbox.rows[row.id] = replace(row, values=swapped)
    assert netbox.sync(made).total_writes == 3  # one has to be without a name for a while
    assert netbox.rows == rows


def test_two_switches_swap_addresses(netbox: FakeNetBox) -> None:
    def pair(one: str, other: str) -> tuple[Resource, Resource]:
        return switch("one", ip=f"172.30.0.{one}/21"), switch("other", ip=f"172.30.0.{other}/21")

    synced(netbox, *pair("8", "9"))
    ids = netbox.by_ref()
    # Somebody makes them their out-of-band addresses, too.
    for number, row in dict(netbox.rows).items():
        if number.model is Model.DEVICE:
            out_of_band = {**row.values, "oob_ip": row.values["primary_ip4"]}
            netbox.rows[number] = replace(row, values=out_of_band)
    made, _ = synced(netbox, *pair("9", "8"))
    assert set(netbox.by_ref().values()) == set(ids.values())
    for device in ("one", "other"):
        [row] = [
            r
            for r in netbox.rows.values()
            if r.key == f"Switch/default/{device}" and r.id.model is Model.DEVICE
        ]
        assert netbox.rows[row.values["primary_ip4"]].key == f"Switch/default/{device}#M1"
        assert row.values["oob_ip"] is None
    assert netbox.sync(made).total_writes == 0


def test_what_people_fill_in_stays(netbox: FakeNetBox) -> None:
    wanted, _ = synced(netbox, *CONNECTED)
    netbox.rows = {
        number: replace(row, values={**row.values, **_filled_in(row)})
        for number, row in netbox.rows.items()
    }
    assert netbox.sync(wanted).total_writes == 0


CONNECTED = (
    live("Gateway", "gw-1", {"protocolIP": "172.30.8.9/32"}),
    connection("c", "bundled", {"server": "s-1/e1", "switch": "leaf-1/E1/1"}),
    connection("g", "gateway", {"switch": "leaf-2/E1/1", "gateway": "gw-1/e1"}),
    vpc("v", 1001, "10.0.1.0/24", dhcp={"static": {"0c:20:12:fe:01:02": {"ip": "10.0.1.9"}}}),
)


def _filled_in(row: ExistingObject) -> dict[str, object]:
    """Values for what the fabric does not know."""
    kind, filled = row.key.partition("/")[0], dict[str, object]()
    if row.id.model in (Model.DEVICE, Model.CABLE):
        filled |= {"description": "Rack 7"}
    if row.id.model is Model.DEVICE and kind != "Switch":
        filled |= {"device_type": OTHERS, "serial": "CN7", "platform": 7}
    if row.id.model is Model.INTERFACE and row.values["type"] == "other":
        filled |= {"type": "25gbase-x-sfp28", "mtu": row.values["mtu"] or 1500}
    if row.id.model is Model.INTERFACE and (kind != "Switch" or row.values["mgmt_only"]):
        vlans = {"untagged_vlan": OTHERS, "tagged_vlans": (OTHERS,), "mode": "tagged"}
        filled |= {"vrf": OTHERS, "mgmt_only": True, **vlans}
    if row.id.model is Model.IP_ADDRESS and row.values["assigned_object"]:
        filled |= {"description": "Reached from the jump host"}
    if row.id.model is Model.IP_ADDRESS and row.values["status"] == "dhcp":
        filled |= {"assigned_object": OTHERS}
    if row.id.model is Model.PREFIX and kind == "IPv4Namespace":
        filled |= {"vlan": OTHERS}
    return filled | ({"status": "staging"} if row.id.model is Model.SITE else {})


OTHERS = ObjectId(Model.VLAN, 10**6)
"""Something that is not ours."""


def test_what_people_change_of_ours_is_put_right(netbox: FakeNetBox) -> None:
    wanted, _ = synced(netbox, vpc("v", 1001, "10.0.1.0/24"))
    [row] = [each for each in netbox.rows.values() if each.id.model is Model.VLAN]
    netbox.rows[row.id] = replace(row, values={**row.values, "name": "mine"})
    changes = netbox.sync(wanted)
    assert [write.fields for stage in changes.stages for write in stage] == [{"name": "v/a"}]


def test_of_two_copies_the_one_in_place_is_kept(netbox: FakeNetBox) -> None:
    wanted, _ = synced(netbox, vpc("v", 1001, "10.0.1.0/24"))
    vlans = {each.id: each for each in netbox.rows.values() if each.id.model is Model.VLAN}
    [(number, row)] = vlans.items()
    copy = replace(
        row,
        id=number._replace(number=10**6),
        values={**row.values, "vid": 1500, "name": "copy"},
    )
    netbox.rows[copy.id] = copy
    changes = netbox.sync(wanted)
    assert (changes.total_writes, changes.absent) == (0, (copy,))


def test_a_copy_gives_up_the_place_that_another_needs(netbox: FakeNetBox) -> None:
    synced(netbox, vpc("v", 1001, "10.0.1.0/24"), vpc("w", 1005, "10.0.5.0/24"))
    ref = Ref(Model.VLAN, "VPC/default/v#a")
    kept = netbox.rows[netbox.by_ref()[ref]]
    values = {**kept.values, "vid": 1002, "name": "copy"}
    copy = replace(kept, id=kept.id._replace(number=10**6), values=values)
    netbox.rows[copy.id] = copy
    wanted, writes = synced(netbox, vpc("v", 1001, "10.0.1.0/24"), vpc("w", 1002, "10.0.5.0/24"))
    assert writes == 2
    assert netbox.rows[kept.id] == kept
    assert netbox.rows[copy.id].values["group"] is None
    again = netbox.sync(wanted)
    assert (again.total_writes, [each.id for each in again.absent]) == (0, [copy.id])


def test_what_is_on_a_copy_moves_to_the_one_that_is_kept(netbox: FakeNetBox) -> None:
    """NetBox takes two VRFs of one name: two workers may have made one each."""
    wanted, _ = synced(netbox, vpc("v", 1001, "10.0.1.0/24"))
    rows = {each.key: each for each in netbox.rows.values() if each.id.model is Model.VRF}
    kept = rows["VPC/default/v"]
    copy = replace(kept, id=kept.id._replace(number=10**6))
    netbox.rows[copy.id] = copy
    [prefix] = [
        each
        for each in netbox.rows.values()
        if each.values.get("vrf") == kept.id and each.id.model is Model.PREFIX
    ]
    netbox.rows[prefix.id] = replace(prefix, values={**prefix.values, "vrf": copy.id})
    changes = netbox.sync(wanted)
    assert [write.fields for stage in changes.stages for write in stage] == [{"vrf": kept.ref}]
    assert changes.absent == (copy,)
    assert netbox.rows[prefix.id].values["vrf"] == kept.id
