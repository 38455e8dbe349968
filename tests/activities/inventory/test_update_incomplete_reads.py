"""What NetBox or the fabric does not show has not gone: nothing is made twice, and nothing is deleted."""

from collections import Counter

import pytest

from activities.errors import PermanentError, TransientError
from activities.inventory.netbox.client import InventoryNetBox
from activities.netbox.client import Row
from activities.setup.access import Grant
from activities.setup.inventory_items import INVENTORY_GRANTS
from fabrics.inventory.model.planned import Model
from fabrics.inventory.prune.policy import MIN_ABSENT_SYNCS
from fabrics.inventory.report.report import FindingType
from tests.support.fabrics.objects import live_state
from tests.support.inventory.plans import switch
from tests.support.inventory.small_fabric import FRAME, attachment, cable, vpc
from tests.support.netbox.fabric_inventory import FabricInventory, withdrawn

WIRED = (*FRAME, cable("c", "s-1/e1", "leaf-1/E1/1"))
WHOLE = (*WIRED, vpc("v", 1001, "10.0.1.0/24"), attachment("v-c", "v/a", "c"))


def tagged(mirror: FabricInventory) -> list[int]:
    """The VLANs on the switch's port."""
    port = mirror.one(Model.INTERFACE, "Switch/default/leaf-1#E1/1")
    return [vlan["vid"] for vlan in port["tagged_vlans"]]


@pytest.mark.parametrize(
    "grant",
    [
        grant
        for grant in INVENTORY_GRANTS
        if "view" in grant.actions and not grant.constraints  # what is read in every sync
    ],
    ids=lambda grant: grant.name,
)
def test_what_may_not_be_read_is_an_error_and_nothing_is_written(
    mirror: FabricInventory, grant: Grant
) -> None:
    mirror.sync(*WHOLE)
    before = mirror.latest()
    with withdrawn(mirror.admin, grant), pytest.raises(PermanentError, match=r"starter\.py setup"):
        mirror.sync(*WIRED)
    assert mirror.changelog(before) == []
    assert not mirror.sync(*WHOLE).report.has_changes


def test_what_may_not_be_changed_ends_the_sync_and_the_next_does_the_rest(
    mirror: FabricInventory,
) -> None:
    mirror.sync(*WHOLE)
    [grant] = [grant for grant in INVENTORY_GRANTS if "delete" in grant.actions]
    moved = (*WIRED, vpc("v", 1003, "10.0.1.0/24"), attachment("v-c", "v/a", "c"))
    refused = pytest.raises(PermanentError, match="does not allow this user to change ipam/vlans")
    with withdrawn(mirror.admin, grant), refused:
        mirror.sync(*moved)
    assert [row["vid"] for row in mirror.own(Model.VLAN)] == [1001]
    assert mirror.sync(*moved).report.problems == {}
    assert [row["vid"] for row in mirror.own(Model.VLAN)] == [1003]


def test_a_reading_that_breaks_off_in_the_middle_leads_to_nothing(
    mirror: FabricInventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.sync(*WHOLE)
    before = mirror.latest()
    answer = InventoryNetBox.graphql

    def breaks_off(netbox: InventoryNetBox, query: str) -> dict[str, list[Row]]:
        if "interface_list" in query:
            raise TransientError("NetBox did not answer.")
        return answer(netbox, query)

    monkeypatch.setattr(InventoryNetBox, "graphql", breaks_off)
    with pytest.raises(TransientError):
        mirror.sync(*WIRED)
    assert mirror.changelog(before) == []


def test_a_kind_that_the_fabric_no_longer_serves_holds_everything_back(
    mirror: FabricInventory,
) -> None:
    mirror.sync(*WHOLE)
    before = mirror.latest()
    counts = Counter(each.kind.name for each in WHOLE)
    for lost in ("VPCAttachment", "Connection"):
        left = (each for each in WHOLE if each.kind.name != lost)
        outcome = mirror.sync_live(live_state(*left), counts=counts)
        assert f"no longer has any {lost}:" in outcome.withheld
    assert mirror.changelog(before) == []
    assert tagged(mirror) == [1001]


def test_a_kind_whose_end_was_accepted_keeps_what_it_has(mirror: FabricInventory) -> None:
    mirror.sync(*WHOLE)
    before = mirror.ids()
    for _ in range(MIN_ABSENT_SYNCS + 1):
        outcome = mirror.sync_live(live_state(*WIRED))
        assert outcome.report.deleted == 0
        assert outcome.absence_counts == {}
    assert mirror.ids() == before
    assert tagged(mirror) == []


def test_what_is_there_but_cannot_be_read_keeps_what_it_has(mirror: FabricInventory) -> None:
    mirror.sync(*WHOLE)
    before = mirror.ids()
    others = [each for each in WHOLE if each.name != "leaf-1"]
    for _ in range(MIN_ABSENT_SYNCS):
        outcome = mirror.sync(switch("leaf-1", asn="65101"), *others)
        assert (outcome.report.deleted, outcome.absence_counts) == (0, {})
        assert outcome.report.problems == {FindingType.SKIPPED: 3}, (
            "the switch, its cable, its VLAN"
        )
    outcome = mirror.sync(switch("leaf-1", boot={"serial": "CN 1"}), *others)
    assert outcome.report.problems == {FindingType.SKIPPED: 1}, "the serial number"
    assert mirror.one(Model.DEVICE, "Switch/default/leaf-1")["serial"] == "CN1"
    assert tagged(mirror) == [1001]
    assert mirror.ids() == before


def test_what_is_back_after_two_syncs_was_never_gone(mirror: FabricInventory) -> None:
    mirror.sync(*WHOLE)
    before = mirror.ids()
    listed = live_state(*WIRED, served=("VPC", "VPCAttachment"))
    for _ in range(2):
        for _ in range(MIN_ABSENT_SYNCS - 1):
            assert mirror.sync_live(listed).report.deleted == 0
        assert mirror.sync(*WHOLE).absence_counts == {}
    assert mirror.ids() == before
