"""Ports of a switch without a profile stay in NetBox, with nothing on them."""

from fabrics.inventory.model.existing import ExistingObject
from fabrics.inventory.model.planned import Model, Ref
from fabrics.inventory.plan.plan import Plan
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import SWITCH_PROFILE
from fabrics.resources.resource import Resource, resource_from_api
from tests.support.fabrics.objects import live
from tests.support.inventory.fake_netbox import FakeNetBox
from tests.support.inventory.plans import connection, plan, server, switch
from tests.support.inventory.small_fabric import FRAME, attachment, cable, vpc

CABLE = cable("c", "s-1/e1", "leaf-1/E1/5")
PORT = "Switch/default/leaf-1#E1/5"


def profile(breakout: str = "1x100G", other: str = "SFP28-25G") -> Resource:
    """Return the profile of the frame's switches, which has three ports."""
    spec: dict[str, Json] = {
        "ports": {
            "E1/5": {"profile": "QSFP28-100G"},
            "E1/6": {"profile": other},
            "M1": {"management": True},
        },
        "portProfiles": {
            "QSFP28-100G": {"breakout": {"default": breakout}},
            "SFP28-25G": {"speed": {"default": "25G"}},
        },
    }
    return resource_from_api(
        {"metadata": {"name": "vs", "namespace": "default"}, "spec": spec}, SWITCH_PROFILE
    )


def ports(netbox: FakeNetBox, device: str = "Switch/default/leaf-1") -> dict[str, ExistingObject]:
    rows = {row.key: row for row in netbox.rows.values() if row.id.model is Model.INTERFACE}
    return {key: row for key, row in rows.items() if key.startswith(f"{device}#")}


def sync_and_list_absent(netbox: FakeNetBox, planned: Plan) -> set[str]:
    """Sync to a plan, and return the `hh_key`s of the absent interfaces."""
    absent = netbox.sync(planned).absent
    assert netbox.sync(planned).total_writes == 0
    return {row.key for row in absent if row.id.model is Model.INTERFACE}


def test_port_stays_without_its_cable() -> None:
    netbox = FakeNetBox()
    attached = (vpc("v", 1001, "10.0.1.0/24"), attachment("v-c", "v/a", "c"))
    netbox.sync(plan(*FRAME, CABLE, *attached))
    assert ports(netbox)[PORT].values["tagged_vlans"]
    assert sync_and_list_absent(netbox, plan(*FRAME, attached[0])) == {"Server/default/s-1#e1"}
    assert not ports(netbox)[PORT].values["tagged_vlans"]
    assert ports(netbox)[PORT].values["mode"] is None


def test_port_without_its_external_connection_is_not_marked_connected() -> None:
    netbox = FakeNetBox()
    netbox.sync(plan(*FRAME, connection("x", "external", {"switch": "leaf-1/E1/5"})))
    assert ports(netbox)[PORT].values["mark_connected"]
    assert sync_and_list_absent(netbox, plan(*FRAME)) == set()
    assert not ports(netbox)[PORT].values["mark_connected"]


def test_ports_stay_without_their_lag() -> None:
    netbox = FakeNetBox()
    link = {"server": "s-1/e1", "switch": "leaf-1/E1/5"}
    netbox.sync(plan(*FRAME, connection("b", "bundled", link)))
    assert ports(netbox)[PORT].values["lag"]
    absent = sync_and_list_absent(netbox, plan(*FRAME))
    assert "Switch/default/leaf-1#lag:E1/5" in absent
    assert PORT not in absent
    assert ports(netbox)[PORT].values["lag"] is None


def test_divided_port_is_its_first_lane_and_joined_lanes_go() -> None:
    netbox = FakeNetBox()
    divided = switch("leaf-9", portBreakouts={"E1/5": "4x25G"})
    whole = switch("leaf-9", portBreakouts={"E1/5": "1x100G"})
    key = "Switch/default/leaf-9#E1/5"
    lanes = {f"{key}/{lane}" for lane in (2, 3, 4)}
    netbox.sync(plan(divided))
    before = ports(netbox, "Switch/default/leaf-9")
    assert before[key].values["type"] == "25gbase-x-sfp28"
    assert sync_and_list_absent(netbox, plan(whole)) == lanes
    joined = ports(netbox, "Switch/default/leaf-9")[key]
    assert joined.id == before[key].id
    assert (joined.values["type"], joined.values["speed"]) == ("100gbase-x-qsfp28", 100_000_000)
    assert sync_and_list_absent(netbox, plan(divided)) == set()
    two = switch("leaf-9", portBreakouts={"E1/5": "2x50G"})
    assert sync_and_list_absent(netbox, plan(two)) == {f"{key}/3", f"{key}/4"}


def test_ports_go_with_their_switch() -> None:
    netbox = FakeNetBox()
    netbox.sync(plan(*FRAME, CABLE))
    left = [resource for resource in FRAME if resource.name != "leaf-1"]
    assert PORT in sync_and_list_absent(netbox, plan(*left))


def test_unreadable_profile_takes_no_port_away() -> None:
    netbox = FakeNetBox()
    netbox.sync(plan(*FRAME, CABLE, profile()))
    before = ports(netbox)
    assert before["Switch/default/leaf-1#E1/6"].values["type"] == "25gbase-x-sfp28"
    assert sync_and_list_absent(netbox, plan(*FRAME, CABLE)) == set()
    assert ports(netbox) == before


def test_unreadable_profile_joins_no_lanes() -> None:
    netbox = FakeNetBox()
    link: Json = {"switch": {"port": "leaf-1/E1/6", "vlan": 30}}
    external = live("Connection", "x", {"staticExternal": {"link": link}})
    netbox.sync(plan(*FRAME, CABLE, external, profile("4x25G", "QSFP28-100G")))
    names = {key: row.values["name"] for key, row in ports(netbox).items()}
    assert {"E1/5/1", "E1/5/4", "E1/6/1"} <= set(names.values())
    subinterface = netbox.by_ref()[Ref(Model.INTERFACE, "Connection/default/x#vlan")]
    second = cable("d", "s-2/e1", "leaf-1/E1/5/2")
    for wired in ([CABLE], [CABLE, second], [second], []):
        absent = sync_and_list_absent(netbox, plan(*FRAME, external, *wired))
        assert not any("leaf-1" in key for key in absent)
        assert {key: row.values["name"] for key, row in ports(netbox).items()} == names
        assert netbox.rows[subinterface].values["name"] == "E1/6/1.30"
    renamed = live("Connection", "y", {"staticExternal": {"link": link}})
    assert not any("leaf-1" in key for key in sync_and_list_absent(netbox, plan(*FRAME, renamed)))
    row = netbox.rows[subinterface]
    assert (row.key, row.values["name"]) == ("Connection/default/y#vlan", "E1/6/1.30")
    whole = switch("leaf-1", portBreakouts={"E1/5": "1x100G"})
    assert sync_and_list_absent(netbox, plan(whole, *FRAME[1:], renamed, CABLE)) >= {
        f"{PORT}/{lane}" for lane in (2, 3, 4)
    }
    assert ports(netbox)[PORT].values["name"] == "E1/5"


def test_invalid_breakouts_join_no_lanes() -> None:
    """With its profile, the switch would have the port undivided."""
    netbox = FakeNetBox()
    divided = switch("leaf-1", portBreakouts={"E1/5": "4x25G"})
    netbox.sync(plan(divided, *FRAME[1:], CABLE, profile()))
    before = ports(netbox)
    assert {f"{PORT}/{lane}" for lane in (2, 3, 4)} <= before.keys()
    values: tuple[Json, ...] = (["4x25G"], {"E1/5": 4})
    for breakouts in values:
        odd = switch("leaf-1", portBreakouts=breakouts)
        assert sync_and_list_absent(netbox, plan(odd, *FRAME[1:], CABLE, profile())) == set()
        assert ports(netbox) == before


def test_port_missing_from_profile_is_deleted() -> None:
    netbox = FakeNetBox()
    netbox.sync(plan(*FRAME, cable("c", "s-1/e1", "leaf-1/E1/7")))
    assert sync_and_list_absent(netbox, plan(*FRAME, CABLE, profile())) == {
        "Switch/default/leaf-1#E1/7"
    }


def test_server_port_goes_with_its_connection() -> None:
    netbox = FakeNetBox()
    netbox.sync(plan(server("s-9"), switch("leaf-9"), cable("c", "s-9/e1", "leaf-9/E1/1")))
    assert sync_and_list_absent(netbox, plan(server("s-9"), switch("leaf-9"))) == {
        "Server/default/s-9#e1"
    }
    assert netbox.by_ref()[Ref(Model.INTERFACE, "Switch/default/leaf-9#E1/1")]
