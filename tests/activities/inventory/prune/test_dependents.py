"""What people put on a fabric's objects keeps these from being deleted: NetBox would delete it with them."""

from activities.inventory.netbox.endpoints import VM_INTERFACES
from activities.setup.fields import CUSTOM_FIELDS
from activities.setup.inventory_items import INVENTORY_GRANTS
from fabrics.drift import LiveState
from fabrics.inventory.model.planned import Model
from fabrics.inventory.prune.policy import MIN_ABSENT_SYNCS
from fabrics.inventory.report.report import Finding, FindingType, InventoryOutcome
from tests.support.fabrics.objects import live_state
from tests.support.inventory.small_fabric import FRAME, cable, vpc
from tests.support.netbox.fabric_inventory import FabricInventory, withdrawn

WIRED = (*FRAME, cable("c", "s-1/e1", "leaf-1/E1/1"), cable("d", "s-2/e1", "leaf-2/E1/1"))
SERVICES = "ipam/services"


def service(mirror: FabricInventory, server: str) -> int:
    """A service that a person puts on a server."""
    device = mirror.one(Model.DEVICE, f"Server/default/{server}")
    on = {"parent_object_type": Model.DEVICE, "parent_object_id": device["id"]}
    row = {"name": "DNS", "protocol": "udp", "ports": [53], **on}
    return int(mirror.admin.create(SERVICES, row)["id"])


def left(*gone: str) -> LiveState:
    """What the fabric then has."""
    some = (each for each in WIRED if each.name not in gone)
    return live_state(*some, served=("Server", "Connection", "VPC"))


def without(mirror: FabricInventory, *gone: str) -> InventoryOutcome:
    """What the sync says in which these objects may go."""
    for _ in range(MIN_ABSENT_SYNCS - 1):
        mirror.sync_live(left(*gone))
    return mirror.sync_live(left(*gone))


def test_a_service_on_a_server(mirror: FabricInventory) -> None:
    mirror.sync(*WIRED)
    number = service(mirror, "s-2")
    [finding] = without(mirror, "s-2", "d").report.findings
    why = "stays in NetBox: it still has service DNS"
    assert finding == Finding(problem=FindingType.CONFLICT, what="Server/default/s-2", why=why)
    mirror.admin.delete(SERVICES, number)
    assert mirror.sync_live(left("s-2", "d")).report.deleted == 1


def test_what_may_not_be_seen_is_not_lost(mirror: FabricInventory) -> None:
    mirror.sync(*WIRED)
    number = service(mirror, "s-2")
    [grant] = (grant for grant in INVENTORY_GRANTS if SERVICES in grant.models)
    with withdrawn(mirror.admin, grant):
        findings = without(mirror, "s-2", "d").report.findings
    assert [each.what for each in findings] == ["Server/default/s-2#e1", "Server/default/s-2"]
    for each in findings:
        assert each.why.startswith("stays in NetBox: NetBox at")
        assert each.why.endswith("Run `starter.py setup`.")
    device = mirror.one(Model.DEVICE, "Server/default/s-2")
    assert (device["status"]["value"], device["interface_count"]) == ("active", 1)
    mirror.admin.delete(SERVICES, number)


def test_a_refused_retirement_holds_up_nothing(mirror: FabricInventory) -> None:
    """NetBox refuses to change any device that lacks what somebody has made required."""
    mirror.sync(*WIRED)
    number = service(mirror, "s-2")
    new = {"name": "trial_needed", "type": "text", "object_types": ["dcim.device"]}
    field = mirror.admin.create(CUSTOM_FIELDS, new | {"required": True})
    try:
        outcome = without(mirror, "s-1", "c", "s-2", "d")
    finally:
        mirror.admin.delete(CUSTOM_FIELDS, field["id"])
    retirement, stays = outcome.report.findings
    assert retirement.what == stays.what == "Server/default/s-2"
    assert retirement.why.startswith("is not decommissioning: ")
    assert "trial_needed" in retirement.why
    names = {row["name"] for row in mirror.own(Model.DEVICE)}
    assert names == {"leaf-1", "leaf-2", "s-2"}
    mirror.admin.delete(SERVICES, number)


def test_what_ends_at_a_port_or_is_part_of_it(mirror: FabricInventory) -> None:
    mirror.sync(*WIRED)
    admin, port = mirror.admin, mirror.one(Model.INTERFACE, "Server/default/s-2#e1")["id"]
    made: list[tuple[str, int]] = []

    def make(path: str, **row: object) -> int:
        made.append((path, admin.create(path, row)["id"]))
        return made[-1][1]

    group = make("ipam/fhrp-groups", protocol="vrrp2", group_id=7)
    make(
        "ipam/fhrp-group-assignments",
        group=group,
        interface_type=Model.INTERFACE,
        interface_id=port,
        priority=10,
    )
    l2vpn = make("vpn/l2vpns", name="Trial", slug="trial", type="vxlan")
    at = {"assigned_object_type": Model.INTERFACE, "assigned_object_id": port}
    make("vpn/l2vpn-terminations", l2vpn=l2vpn, **at)
    tunnel = make("vpn/tunnels", name="T1", status="active", encapsulation="gre")
    at = {"termination_type": Model.INTERFACE, "termination_id": port}
    make("vpn/tunnel-terminations", tunnel=tunnel, role="peer", **at)
    device = mirror.one(Model.DEVICE, "Server/default/s-2")["id"]
    at = {"component_type": Model.INTERFACE, "component_id": port}
    make("dcim/inventory-items", device=device, name="Optic", **at)

    provider = make("circuits/providers", name="Trial", slug="trial")
    network = make("circuits/provider-networks", name="Trial", provider=provider)
    type_ = make("circuits/virtual-circuit-types", name="Trial", slug="trial")
    circuit = make("circuits/virtual-circuits", cid="V1", provider_network=network, type=type_)
    admin.delete("dcim/cables", mirror.one(Model.CABLE, "Connection/default/d")["id"])
    admin.update("dcim/interfaces", port, {"type": "virtual"})
    make("circuits/virtual-circuit-terminations", virtual_circuit=circuit, interface=port)

    [finding] = without(mirror, "d").report.findings
    assert finding.what == "Server/default/s-2#e1"
    kinds = "FHRP group, L2VPN, inventory item Optic, tunnel T1, virtual circuit V1"
    assert finding.why == f"stays in NetBox: it still has {kinds}"
    for path, number in reversed(made):
        admin.delete(path, number)
    assert mirror.sync_live(left("d")).report.deleted == 1


def test_networks_of_somebodys_interfaces(mirror: FabricInventory) -> None:
    """NetBox would take them from these without a word."""
    mirror.sync(*WIRED, vpc("v", 1001, "10.0.1.0/24"))
    admin, server = mirror.admin, mirror.one(Model.DEVICE, "Server/default/s-1")
    vlan, vrf = (
        mirror.one(model, key)["id"]
        for model, key in ((Model.VLAN, "VPC/default/v#a"), (Model.VRF, "VPC/default/v"))
    )
    like = {name: server[name]["id"] for name in ("site", "role", "device_type")}
    host = admin.create("dcim/devices", {"name": f"{mirror.fabric_id}-host", **like})
    port = {"device": host["id"], "name": "eth7", "type": "other", "vrf": vrf}
    admin.create("dcim/interfaces", port | {"mode": "tagged", "tagged_vlans": [vlan]})
    machine = admin.create("virtualization/virtual-machines", {"name": "vm", "site": like["site"]})
    port = {"virtual_machine": machine["id"], "name": "eth0", "vrf": vrf}
    admin.create(VM_INTERFACES, port | {"mode": "access", "untagged_vlan": vlan})

    on_both = f"interface eth7 of {mirror.fabric_id}-host, interface eth0 of vm"
    [grant] = (grant for grant in INVENTORY_GRANTS if VM_INTERFACES in grant.models)
    without(mirror)
    for path, number, left_on in (
        ("dcim/devices", host["id"], on_both),
        ("virtualization/virtual-machines", machine["id"], "interface eth0 of vm"),
    ):
        findings = mirror.sync_live(left()).report.findings
        assert [each.what for each in findings] == ["VPC/default/v#a", "VPC/default/v"]
        assert {each.why for each in findings} == {f"stays in NetBox: it still has {left_on}"}
        admin.delete(path, number)
    with withdrawn(admin, grant):
        findings = mirror.sync_live(left()).report.findings
    assert len(findings) == 2
    assert all(each.why.endswith("Run `starter.py setup`.") for each in findings)
    assert mirror.sync_live(left()).report.deleted == 2


def test_a_vlan_of_somebodys_l2vpn(mirror: FabricInventory) -> None:
    mirror.sync(*WIRED, vpc("v", 1001, "10.0.1.0/24"))
    vlan = mirror.one(Model.VLAN, "VPC/default/v#a")["id"]
    row = {"name": "Trial", "slug": "trial", "type": "vxlan"}
    l2vpn = mirror.admin.create("vpn/l2vpns", row)["id"]
    at = {"assigned_object_type": Model.VLAN, "assigned_object_id": vlan}
    mirror.admin.create("vpn/l2vpn-terminations", {"l2vpn": l2vpn, **at})
    [finding] = without(mirror).report.findings
    assert finding.why == "stays in NetBox: it still has L2VPN"
    mirror.admin.delete("vpn/l2vpns", l2vpn)
    assert mirror.sync_live(left()).report.deleted == 1
