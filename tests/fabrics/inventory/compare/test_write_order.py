"""No object takes a unique key before the one that has it gives it up."""

from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrics.inventory.compare.changes import find_changes
from fabrics.inventory.compare.write_order import WriteOrder, find_cycles
from fabrics.inventory.model.planned import Model, PlannedObject, Ref
from fabrics.resources.resource import Resource
from tests.support.inventory.fake_netbox import FakeNetBox
from tests.support.inventory.frame_sync import get_cabled_ports, get_dhcp_range_ref, sync_frame
from tests.support.inventory.plans import connection, switch
from tests.support.inventory.plans import plan as make_plan
from tests.support.inventory.small_fabric import cable, external_ports, pair, pools, vpc


def test_connections_that_swap_one_end_keep_their_cables(netbox: FakeNetBox) -> None:
    sync_frame(netbox, cable("c", "s-1/e1", "leaf-1/E1/1"), cable("d", "s-2/e1", "leaf-1/E1/2"))
    ids = netbox.by_ref()
    _, writes = sync_frame(
        netbox, cable("c", "s-1/e1", "leaf-1/E1/2"), cable("d", "s-2/e1", "leaf-1/E1/1")
    )
    assert writes == 3  # one has to leave its ports before the other can take one
    assert "Switch/default/leaf-1#E1/2" in get_cabled_ports(netbox, "Connection/default/c")
    assert netbox.by_ref() == ids


def test_connections_that_swap_both_ends_swap_cables(netbox: FakeNetBox) -> None:
    sync_frame(netbox, cable("c", "s-1/e1", "leaf-1/E1/1"), cable("d", "s-2/e1", "leaf-1/E1/2"))
    ids = netbox.by_ref()
    swapped = (cable("d", "s-1/e1", "leaf-1/E1/1"), cable("c", "s-2/e1", "leaf-1/E1/2"))
    plan, writes = sync_frame(netbox, *swapped)
    assert writes == 2
    c, d = (Ref(Model.CABLE, f"Connection/default/{name}") for name in "cd")
    assert netbox.by_ref() == {**ids, c: ids[d], d: ids[c]}
    assert netbox.sync(plan).total_writes == 0


def test_absent_cable_releases_a_port_that_another_needs(netbox: FakeNetBox) -> None:
    sync_frame(netbox, cable("c", "s-1/e1", "leaf-1/E1/1"), cable("d", "s-2/e1", "leaf-1/E1/2"))
    sync_frame(netbox, cable("d", "s-2/e1", "leaf-1/E1/1"))
    assert get_cabled_ports(netbox, "Connection/default/c") == set()
    assert "Switch/default/leaf-1#E1/1" in get_cabled_ports(netbox, "Connection/default/d")


def test_port_loses_its_cable_before_it_is_marked_connected(netbox: FakeNetBox) -> None:
    sync_frame(netbox, cable("c", "s-1/e1", "leaf-1/E1/1"), cable("d", "s-2/e1", "leaf-1/E1/2"))
    external = connection("x", "external", {"switch": "leaf-1/E1/1"})
    sync_frame(netbox, cable("c", "s-1/e1", "leaf-1/E1/3"), external)
    assert "Switch/default/leaf-1#E1/3" in get_cabled_ports(netbox, "Connection/default/c")


def test_vlans_that_swap_numbers_keep_their_ids(netbox: FakeNetBox) -> None:
    sync_frame(netbox, vpc("v", 1001, "10.0.1.0/24"), vpc("w", 1002, "10.0.2.0/24"))
    ids = netbox.by_ref()
    _, writes = sync_frame(netbox, vpc("v", 1002, "10.0.1.0/24"), vpc("w", 1001, "10.0.2.0/24"))
    assert (writes, netbox.by_ref()) == (3, ids)


def test_copy_releases_the_unique_key_that_another_needs(netbox: FakeNetBox) -> None:
    sync_frame(netbox, vpc("v", 1001, "10.0.1.0/24"), vpc("w", 1005, "10.0.5.0/24"))
    kept = netbox.rows[netbox.by_ref()[Ref(Model.VLAN, "VPC/default/v#a")]]
    values = {**kept.values, "vid": 1002, "name": "copy"}
    copy = replace(kept, id=kept.id._replace(number=10**6), values=values)
    netbox.rows[copy.id] = copy
    plan, writes = sync_frame(netbox, vpc("v", 1001, "10.0.1.0/24"), vpc("w", 1002, "10.0.5.0/24"))
    assert writes == 2
    assert netbox.rows[kept.id] == kept
    assert netbox.rows[copy.id].values["group"] is None
    again = netbox.sync(plan)
    assert (again.total_writes, [row.id for row in again.absent]) == (0, [copy.id])


def test_one_overlapping_range_is_taken_over_and_the_other_moved(
    netbox: FakeNetBox,
) -> None:
    sync_frame(netbox, pools(a="10.0.0.0/24", b="10.0.1.0/24"))
    ids = {netbox.by_ref()[get_dhcp_range_ref(subnet)] for subnet in "ab"}
    plan, writes = sync_frame(netbox, pools(c="10.0.0.0/23"))
    assert writes == 3
    [moved_away] = ids - {netbox.by_ref()[get_dhcp_range_ref("c")]}
    unused_address = f"0.0.0.{moved_away.number}/32"
    assert netbox.rows[moved_away].values["start_address"] == unused_address
    assert netbox.rows[moved_away].values["end_address"] == unused_address
    assert netbox.sync(plan).total_writes == 0
    netbox.delete(netbox.rows[moved_away])
    assert netbox.sync(plan).total_writes == 0


def test_growing_range_waits_until_another_has_moved(netbox: FakeNetBox) -> None:
    sync_frame(netbox, pools(a="10.0.0.0/24", b="10.0.1.0/24"))
    ids = netbox.by_ref()
    _, writes = sync_frame(netbox, pools(a="10.0.0.0/23", b="10.0.5.0/24"))
    assert (writes, netbox.by_ref()) == (4, ids)


def test_ranges_that_swap_networks_swap_ids(netbox: FakeNetBox) -> None:
    sync_frame(netbox, pools(a="10.0.0.0/24", b="10.0.1.0/24"))
    ids = netbox.by_ref()
    _, writes = sync_frame(netbox, pools(b="10.0.0.0/24", a="10.0.1.0/24"))
    assert (writes, set(netbox.by_ref().values())) == (4, set(ids.values()))


@pytest.mark.parametrize("apart", [(1, 2), (2, 1)])
def test_start_and_end_of_address_sharing_keep_ids(
    netbox: FakeNetBox, apart: tuple[int, int]
) -> None:
    sync_frame(netbox, *pair("eslag", *apart))
    ids = netbox.by_ref()
    for group, hosts in (("mclag", (1, 1)), ("eslag", apart)):
        _, writes = sync_frame(netbox, *pair(group, *hosts))
        assert (writes, netbox.by_ref()) == (4, ids)  # of each the device and the address


def test_switches_that_swap_addresses_lose_the_old_ones_first(netbox: FakeNetBox) -> None:
    def switches(one: str, other: str) -> tuple[Resource, Resource]:
        return switch("one", ip=f"172.30.0.{one}/21"), switch("other", ip=f"172.30.0.{other}/21")

    sync_frame(netbox, *switches("8", "9"))
    ids = netbox.by_ref()
    # Somebody makes them their out-of-band addresses, too.
    for object_id, row in dict(netbox.rows).items():
        if object_id.model is Model.DEVICE:
            out_of_band = {**row.values, "oob_ip": row.values["primary_ip4"]}
            netbox.rows[object_id] = replace(row, values=out_of_band)
    plan, _ = sync_frame(netbox, *switches("9", "8"))
    assert set(netbox.by_ref().values()) == set(ids.values())
    for device in ("one", "other"):
        ref = Ref(Model.DEVICE, f"Switch/default/{device}")
        [row] = [row for row in netbox.rows.values() if row.ref == ref]
        assert netbox.rows[row.values["primary_ip4"]].key == f"Switch/default/{device}#M1"
        assert row.values["oob_ip"] is None
    assert netbox.sync(plan).total_writes == 0


def test_swapped_device_names_are_restored(netbox: FakeNetBox) -> None:
    plan, _ = sync_frame(netbox, *external_ports("leaf-1"))
    rows = dict(netbox.rows)
    names = {"leaf-1": "leaf-2", "leaf-2": "leaf-1"}
    for row in rows.values():
        if row.values.get("name") in names:
            swapped = {**row.values, "name": names[row.values["name"]]}
            netbox.rows[row.id] = replace(row, values=swapped)
    assert netbox.sync(plan).total_writes == 3  # one has to be without a name for a while
    assert netbox.rows == rows


def test_many_pairs_that_swap_addresses_are_ordered_together(
    netbox: FakeNetBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, calls, find_dependencies = 40, [0], WriteOrder._find_dependencies

    def count(order: WriteOrder, planned: PlannedObject) -> set[Ref]:
        calls[0] += 1
        return find_dependencies(order, planned)

    def loopbacks(swap: int) -> list[Resource]:
        hosts = (host ^ swap for host in range(number))
        return [switch(f"s-{n}", protocolIP=f"10.0.1.{host}/32") for n, host in enumerate(hosts)]

    netbox.sync(make_plan(*loopbacks(swap=0)))
    swapped = make_plan(*loopbacks(swap=1))
    monkeypatch.setattr(WriteOrder, "_find_dependencies", count)
    netbox.sync(swapped)
    assert calls[0] < 3 * len(swapped.objects)
    assert find_changes(swapped, netbox.existing).total_writes == 0


@given(st.dictionaries(st.integers(0, 9), st.sets(st.integers(0, 9), max_size=3)))
def test_cycles_are_found_if_there_are_any(graph: dict[int, set[int]]) -> None:
    cycles = list(find_cycles(graph))
    for cycle in cycles:
        for item, following in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
            assert item in graph[following]
    in_cycles = [item for cycle in cycles for item in cycle]
    assert len(in_cycles) == len(set(in_cycles))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        assert cycles
    else:
        assert not cycles
