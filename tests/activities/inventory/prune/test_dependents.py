"""Objects that people have put something on stay: NetBox would delete both."""

from activities.inventory.netbox.endpoints import VM_INTERFACES
from activities.setup.fields import CUSTOM_FIELDS
from activities.setup.inventory_items import INVENTORY_GRANTS
from fabrics.drift.model import LiveState
from fabrics.inventory.model.planned import Model
from fabrics.inventory.report.report import Finding, FindingType, InventoryOutcome
from fabrics.resources.resource import Resource
from tests.support.fabrics.objects import live_state
from tests.support.inventory.plans import server, switch
from tests.support.inventory.small_fabric import NAMESPACES, RACK, cable, vpc
from tests.support.netbox.fabric_inventory import FabricInventory, grant_disabled

WIRED = (*RACK, cable("c", "s-1/e1", "leaf-1/E1/1"), cable("d", "s-2/e1", "leaf-2/E1/1"))
NETWORKS = (server("s-1"), *NAMESPACES)
SERVICES = "ipam/services"


def create_service(inventory: FabricInventory, server: str) -> int:
    """Create a service on a server, as a person does, and return its id."""
    device = inventory.get(Model.DEVICE, f"Server/default/{server}")
    on = {"parent_object_type": Model.DEVICE, "parent_object_id": device["id"]}
    row = {"name": "DNS", "protocol": "udp", "ports": [53], **on}
    return int(inventory.admin.create(SERVICES, row)["id"])


def live_without(*removed: str, given: tuple[Resource, ...] = WIRED) -> LiveState:
    """Return the live state without these objects."""
    resources = (resource for resource in given if resource.name not in removed)
    return live_state(*resources, served=("Server", "Connection", "VPC"))


def sync_without(inventory: FabricInventory, *removed: str) -> InventoryOutcome:
    """Return the outcome of the sync that may delete these objects."""
    return inventory.sync_to_deletion(live_without(*removed))


def test_device_with_service_stays(inventory: FabricInventory) -> None:
    inventory.sync(*WIRED)
    service_id = create_service(inventory, "s-2")
    [finding] = sync_without(inventory, "s-2", "d").report.findings
    why = "stays in NetBox: it still has service DNS"
    assert finding == Finding(problem=FindingType.CONFLICT, what="Server/default/s-2", why=why)
    inventory.admin.delete(SERVICES, service_id)
    assert inventory.sync_live(live_without("s-2", "d")).report.deleted == 1


def test_device_with_device_bay_stays(inventory: FabricInventory) -> None:
    inventory.sync(server("s-1"), switch("leaf-1", profile=f"chassis-{inventory.fabric_id}"))
    admin, device = inventory.admin, inventory.get(Model.DEVICE, "Switch/default/leaf-1")
    admin.update("dcim/device-types", device["device_type"]["id"], {"subdevice_role": "parent"})
    bay = admin.create("dcim/device-bays", {"device": device["id"], "name": "Bay 1"})
    without = live_state(server("s-1"), served=("Switch",))
    [finding] = inventory.sync_to_deletion(without).report.findings
    assert finding.why == "stays in NetBox: it still has device bay Bay 1"
    admin.delete("dcim/device-bays", bay["id"])
    assert inventory.sync_live(without).report.deleted == 1


def test_device_with_invisible_dependents_stays(inventory: FabricInventory) -> None:
    inventory.sync(*WIRED)
    service_id = create_service(inventory, "s-2")
    [grant] = (grant for grant in INVENTORY_GRANTS if SERVICES in grant.models)
    with grant_disabled(inventory.admin, grant):
        findings = sync_without(inventory, "s-2", "d").report.findings
    assert [finding.what for finding in findings] == ["Server/default/s-2#e1", "Server/default/s-2"]
    for finding in findings:
        assert finding.why.startswith("stays in NetBox: NetBox at")
        assert finding.why.endswith("Run `starter.py setup`.")
    device = inventory.get(Model.DEVICE, "Server/default/s-2")
    assert (device["status"]["value"], device["interface_count"]) == ("active", 1)
    inventory.admin.delete(SERVICES, service_id)


def test_refused_decommissioning_delays_nothing(inventory: FabricInventory) -> None:
    """NetBox refuses any change of a device without a value for a required field."""
    inventory.sync(*WIRED)
    service_id = create_service(inventory, "s-2")
    new = {"name": "trial_needed", "type": "text", "object_types": ["dcim.device"]}
    field = inventory.admin.create(CUSTOM_FIELDS, new | {"required": True})
    try:
        outcome = sync_without(inventory, "s-1", "c", "s-2", "d")
    finally:
        inventory.admin.delete(CUSTOM_FIELDS, field["id"])
    retirement, stays = outcome.report.findings
    assert retirement.what == stays.what == "Server/default/s-2"
    assert retirement.why.startswith("could not be set to decommissioning: ")
    assert "trial_needed" in retirement.why
    names = {row["name"] for row in inventory.objects(Model.DEVICE)}
    assert names == {"leaf-1", "leaf-2", "s-2"}
    inventory.admin.delete(SERVICES, service_id)


def test_port_with_terminations_or_items_stays(inventory: FabricInventory) -> None:
    inventory.sync(*WIRED)
    admin, port = inventory.admin, inventory.get(Model.INTERFACE, "Server/default/s-2#e1")["id"]
    created: list[tuple[str, int]] = []

    def create(path: str, **row: object) -> int:
        created.append((path, admin.create(path, row)["id"]))
        return created[-1][1]

    group = create("ipam/fhrp-groups", protocol="vrrp2", group_id=7)
    create(
        "ipam/fhrp-group-assignments",
        group=group,
        interface_type=Model.INTERFACE,
        interface_id=port,
        priority=10,
    )
    l2vpn = create("vpn/l2vpns", name="Trial", slug="trial", type="vxlan")
    at = {"assigned_object_type": Model.INTERFACE, "assigned_object_id": port}
    create("vpn/l2vpn-terminations", l2vpn=l2vpn, **at)
    tunnel = create("vpn/tunnels", name="T1", status="active", encapsulation="gre")
    at = {"termination_type": Model.INTERFACE, "termination_id": port}
    create("vpn/tunnel-terminations", tunnel=tunnel, role="peer", **at)
    device = inventory.get(Model.DEVICE, "Server/default/s-2")["id"]
    at = {"component_type": Model.INTERFACE, "component_id": port}
    create("dcim/inventory-items", device=device, name="Optic", **at)

    provider = create("circuits/providers", name="Trial", slug="trial")
    network = create("circuits/provider-networks", name="Trial", provider=provider)
    type_ = create("circuits/virtual-circuit-types", name="Trial", slug="trial")
    circuit = create("circuits/virtual-circuits", cid="V1", provider_network=network, type=type_)
    admin.delete("dcim/cables", inventory.get(Model.CABLE, "Connection/default/d")["id"])
    admin.update("dcim/interfaces", port, {"type": "virtual"})
    create("circuits/virtual-circuit-terminations", virtual_circuit=circuit, interface=port)

    [finding] = sync_without(inventory, "d").report.findings
    assert finding.what == "Server/default/s-2#e1"
    kinds = "FHRP group, L2VPN, inventory item Optic, tunnel T1, virtual circuit V1"
    assert finding.why == f"stays in NetBox: it still has {kinds}"
    for path, object_id in reversed(created):
        admin.delete(path, object_id)
    assert inventory.sync_live(live_without("d")).report.deleted == 1


def test_networks_of_foreign_interfaces_stay(inventory: FabricInventory) -> None:
    """NetBox would silently remove the networks from the interfaces."""
    inventory.sync(*NETWORKS, vpc("v", 1001, "10.0.1.0/24"))
    admin, server = inventory.admin, inventory.get(Model.DEVICE, "Server/default/s-1")
    vlan, vrf = (
        inventory.get(model, key)["id"]
        for model, key in ((Model.VLAN, "VPC/default/v#a"), (Model.VRF, "VPC/default/v"))
    )
    like = {name: server[name]["id"] for name in ("site", "role", "device_type")}
    host = admin.create("dcim/devices", {"name": f"{inventory.fabric_id}-host", **like})
    port = {"device": host["id"], "name": "eth7", "type": "other", "vrf": vrf}
    admin.create("dcim/interfaces", port | {"mode": "tagged", "tagged_vlans": [vlan]})
    machine = admin.create("virtualization/virtual-machines", {"name": "vm", "site": like["site"]})
    port = {"virtual_machine": machine["id"], "name": "eth0", "vrf": vrf}
    admin.create(VM_INTERFACES, port | {"mode": "access", "untagged_vlan": vlan})

    on_both = f"interface eth7 of {inventory.fabric_id}-host, interface eth0 of vm"
    [grant] = (grant for grant in INVENTORY_GRANTS if VM_INTERFACES in grant.models)
    without_vpc = live_without(given=NETWORKS)
    inventory.sync_to_deletion(without_vpc)
    for path, object_id, remaining in (
        ("dcim/devices", host["id"], on_both),
        ("virtualization/virtual-machines", machine["id"], "interface eth0 of vm"),
    ):
        findings = inventory.sync_live(without_vpc).report.findings
        assert [finding.what for finding in findings] == ["VPC/default/v#a", "VPC/default/v"]
        assert {finding.why for finding in findings} == {
            f"stays in NetBox: it still has {remaining}"
        }
        admin.delete(path, object_id)
    with grant_disabled(admin, grant):
        findings = inventory.sync_live(without_vpc).report.findings
    assert len(findings) == 2
    assert all(finding.why.endswith("Run `starter.py setup`.") for finding in findings)
    assert inventory.sync_live(without_vpc).report.deleted == 2


def test_vlan_in_l2vpn_stays(inventory: FabricInventory) -> None:
    inventory.sync(*NETWORKS, vpc("v", 1001, "10.0.1.0/24"))
    vlan = inventory.get(Model.VLAN, "VPC/default/v#a")["id"]
    row = {"name": "Trial", "slug": "trial", "type": "vxlan"}
    l2vpn = inventory.admin.create("vpn/l2vpns", row)["id"]
    at = {"assigned_object_type": Model.VLAN, "assigned_object_id": vlan}
    inventory.admin.create("vpn/l2vpn-terminations", {"l2vpn": l2vpn, **at})
    without_vpc = live_without(given=NETWORKS)
    [finding] = inventory.sync_to_deletion(without_vpc).report.findings
    assert finding.why == "stays in NetBox: it still has L2VPN"
    inventory.admin.delete("vpn/l2vpns", l2vpn)
    assert inventory.sync_live(without_vpc).report.deleted == 1
