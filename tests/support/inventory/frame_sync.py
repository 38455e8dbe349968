"""Syncs of a small fabric into a NetBox in memory."""

from fabrics.inventory.model.planned import Model, Ref
from fabrics.inventory.plan.plan import Plan
from fabrics.resources.resource import Resource
from tests.support.inventory.fake_netbox import FakeNetBox
from tests.support.inventory.plans import plan
from tests.support.inventory.small_fabric import FRAME


def sync_frame(netbox: FakeNetBox, *resources: Resource) -> tuple[Plan, int]:
    """Sync the frame and these resources; return the plan and the number of writes."""
    writes_before = netbox.writes
    synced = plan(*FRAME, *resources)
    netbox.sync(synced)
    return synced, netbox.writes - writes_before


def get_cabled_ports(netbox: FakeNetBox, key: str) -> set[str]:
    """Return the `hh_key`s of the interfaces at both ends of this cable."""
    [row] = [row for row in netbox.rows.values() if row.ref == Ref(Model.CABLE, key)]
    ends = (*row.values["a_terminations"], *row.values["b_terminations"])
    return {netbox.rows[end].key for end in ends}


def get_dhcp_range_ref(subnet: str) -> Ref:
    """Return the ref of the range of a subnet of VPC `v`."""
    return Ref(Model.IP_RANGE, f"VPC/default/v#{subnet}/dhcp")
