"""What a sync would write, for people: each object once, by name and number."""

from fabrics.inventory.compare.changes import find_changes
from fabrics.inventory.plan.plan import Plan
from fabrics.inventory.report.preview import (
    InventoryPreview,
    PlannedWrite,
    WriteAction,
    build_preview,
)
from tests.support.inventory.fake_netbox import FakeNetBox
from tests.support.inventory.plans import plan
from tests.support.inventory.small_fabric import FRAME, vpc


def preview(netbox: FakeNetBox, wanted: Plan) -> InventoryPreview:
    """What a sync would write there."""
    changes = find_changes(wanted, netbox.stored)
    return build_preview(wanted, changes, changes.absent)


def test_a_first_load_creates_every_object_once() -> None:
    netbox, wanted = FakeNetBox(), plan(*FRAME, vpc("vpc-1", 1001, "10.0.1.0/24"))
    netbox.add_site(wanted)
    seen = preview(netbox, wanted)
    created = [f"{each.MODEL} {each.key}" for each in wanted.objects]
    assert sorted(each.what for each in seen.writes) == sorted(created)
    assert seen.counts == {
        WriteAction.CREATE: len(created),
        WriteAction.UPDATE: 0,
        WriteAction.DELETE: 0,
    }
    assert (seen.unchanged, seen.skipped) == (0, len(wanted.skipped))


def test_what_changes_is_named_with_its_fields_and_what_is_absent_as_deleted() -> None:
    netbox = FakeNetBox()
    netbox.sync(plan(*FRAME, vpc("vpc-1", 1001, "10.0.1.0/24"), vpc("vpc-2", 1002, "10.0.2.0/24")))
    seen = preview(netbox, plan(*FRAME, vpc("vpc-1", 1005, "10.0.1.0/24")))
    vlan = "ipam.vlan VPC/default/vpc-1#a"
    assert PlannedWrite(doing=WriteAction.UPDATE, what=vlan, fields=("vid",)) in seen.writes
    deleted = {each.what for each in seen.writes if each.doing is WriteAction.DELETE}
    assert {"ipam.vrf VPC/default/vpc-2", "ipam.vlan VPC/default/vpc-2#a"} <= deleted
    assert sum(seen.counts.values()) == len(seen.writes)
    assert seen.unchanged > 0
