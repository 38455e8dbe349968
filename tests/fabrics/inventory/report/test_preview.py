"""A preview lists each object once, by name, and counts all writes."""

from fabrics.inventory.compare.changes import find_changes
from fabrics.inventory.plan.plan import Plan
from fabrics.inventory.report.preview import (
    MAX_LISTED_WRITES,
    InventoryPreview,
    PlannedWrite,
    WriteAction,
    build_preview,
)
from tests.support.inventory.fake_netbox import FakeNetBox
from tests.support.inventory.plans import plan, server
from tests.support.inventory.small_fabric import FRAME, vpc


def preview_sync(netbox: FakeNetBox, planned: Plan) -> InventoryPreview:
    """Return the preview of a sync to this plan."""
    changes = find_changes(planned, netbox.existing)
    return build_preview(planned, changes, changes.absent)


def test_first_sync_creates_every_object_once() -> None:
    netbox, planned = FakeNetBox(), plan(*FRAME, vpc("vpc-1", 1001, "10.0.1.0/24"))
    netbox.add_site(planned)
    preview = preview_sync(netbox, planned)
    created = [f"{item.MODEL} {item.key}" for item in planned.objects]
    assert sorted(write.what for write in preview.writes) == sorted(created)
    assert preview.counts == {
        WriteAction.CREATE: len(created),
        WriteAction.UPDATE: 0,
        WriteAction.DELETE: 0,
    }
    assert (preview.unchanged, preview.skipped) == (0, len(planned.skipped))


def test_updates_name_their_fields_and_absent_objects_are_deletes() -> None:
    netbox = FakeNetBox()
    netbox.sync(plan(*FRAME, vpc("vpc-1", 1001, "10.0.1.0/24"), vpc("vpc-2", 1002, "10.0.2.0/24")))
    preview = preview_sync(netbox, plan(*FRAME, vpc("vpc-1", 1005, "10.0.1.0/24")))
    vlan = "ipam.vlan VPC/default/vpc-1#a"
    assert PlannedWrite(doing=WriteAction.UPDATE, what=vlan, fields=("vid",)) in preview.writes
    deleted = {write.what for write in preview.writes if write.doing is WriteAction.DELETE}
    assert {"ipam.vrf VPC/default/vpc-2", "ipam.vlan VPC/default/vpc-2#a"} <= deleted
    assert sum(preview.counts.values()) == len(preview.writes)
    assert preview.unchanged > 0


def test_writes_that_are_not_listed_are_counted() -> None:
    netbox = FakeNetBox()
    planned = plan(*FRAME, *(server(f"s-{number}") for number in range(MAX_LISTED_WRITES)))
    netbox.add_site(planned)
    preview = preview_sync(netbox, planned)
    assert len(preview.writes) == MAX_LISTED_WRITES
    assert preview.counts[WriteAction.CREATE] == len(planned.objects) > MAX_LISTED_WRITES


def test_preview_of_long_names_is_a_small_message() -> None:
    name = "n" * 253
    planned = plan(*FRAME, *(server(f"{name[:-3]}{number}") for number in range(100, 500)))
    netbox = FakeNetBox()
    netbox.add_site(planned)
    preview = preview_sync(netbox, planned)
    assert len(preview.writes) > 100
    assert len(preview.model_dump_json().encode()) < 48 * 1024
    assert sum(preview.counts.values()) == len(planned.objects)
