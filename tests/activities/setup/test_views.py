"""Fabrics in NetBox's pages: the link, the filters, the table and the forms."""

import re

import pytest

from activities.netbox.client import NetBox, Row
from activities.record import RecordActivities, RecordUpdate
from fabrics.record.sync_status import LastKnownState
from tests.support.netbox.browser import Browser, cluster_page
from tests.support.netbox.records import LAST_KNOWN, fabric_id


def test_only_fabrics_link_to_workflow(browser: Browser, record: Row, foreign_cluster: Row) -> None:
    link = f"/workflows/fabric-sync%2F{fabric_id(record)}"
    assert link in browser.page(cluster_page(record))
    assert "Temporal workflow" not in browser.page(cluster_page(foreign_cluster))


def test_page_shows_status_and_hides_empty_fields(
    browser: Browser, activities: RecordActivities, record: Row, foreign_cluster: Row
) -> None:
    assert "Sync status" not in browser.page(cluster_page(record))
    activities.record_result(RecordUpdate(fabric_id=fabric_id(record), last_known=LAST_KNOWN))
    page = browser.page(cluster_page(record))
    assert "Out of sync" in page
    assert "Sync error" not in page
    assert "Hedgehog sync" not in browser.page(cluster_page(foreign_cluster))


@pytest.mark.parametrize(
    ("slug", "last_known"),
    [
        ("fabrics-with-drift", LAST_KNOWN),
        ("fabrics-in-error", LastKnownState(last_sync=LAST_KNOWN.last_sync, error="Git is gone.")),
    ],
)
def test_saved_filters_find_matching_fabrics(  # noqa: PLR0917  fixtures
    browser: Browser,
    admin: NetBox,
    activities: RecordActivities,
    record: Row,
    slug: str,
    last_known: LastKnownState,
) -> None:
    saved = next(row for row in admin.list_rows("extras/saved-filters") if row["slug"] == slug)
    path = f"/virtualization/clusters/?filter_id={saved['id']}"
    assert cluster_page(record) not in browser.page(path)
    activities.record_result(RecordUpdate(fabric_id=fabric_id(record), last_known=last_known))
    assert cluster_page(record) in browser.page(path)


def test_table_has_status_columns(browser: Browser, admin: NetBox, record: Row) -> None:
    config = next(admin.list_rows("extras/table-configs", name="Hedgehog fabrics"))
    page = browser.page(f"/virtualization/clusters/?tableconfig_id={config['id']}")
    headings = re.findall(r"<th[^>]*>\s*<a[^>]*>\s*([^<]+?)\s*<", page)
    assert headings[:5] == ["Sync status", "Health", "Drift", "Last sync", "Sync error"]


def test_form_has_config_and_no_status(browser: Browser, record: Row) -> None:
    fields = set(re.findall(r'name="cf_(hh_\w+)"', browser.open_form(record)))
    assert {"hh_sync_enabled", "hh_git_repository", "hh_managed_kinds", "hh_site"} <= fields
    assert not fields & {"hh_sync_status", "hh_last_sync", "hh_drift", "hh_instance"}


def test_open_form_can_be_saved_while_nothing_changes(
    browser: Browser, activities: RecordActivities, netbox: NetBox, record: Row
) -> None:
    update = RecordUpdate(fabric_id=fabric_id(record), last_known=LAST_KNOWN)
    activities.record_result(update)
    browser.open_form(record)
    for _ in range(3):
        activities.record_result(update)
    assert browser.save("stable")
    fields = netbox.get_record(record["id"])[0]["custom_fields"]
    assert fields["hh_git_branch"] == "stable"
    assert fields["hh_sync_status"]["value"] == "out_of_sync"
    assert fields["hh_drift"][0]["name"] == "prod"


def test_stale_form_does_not_overwrite_status(
    browser: Browser, activities: RecordActivities, netbox: NetBox, record: Row
) -> None:
    browser.open_form(record)
    activities.record_result(RecordUpdate(fabric_id=fabric_id(record), last_known=LAST_KNOWN))
    assert not browser.save("stable")
    fields = netbox.get_record(record["id"])[0]["custom_fields"]
    assert fields["hh_git_branch"] is None
    assert fields["hh_sync_status"]["value"] == "out_of_sync"
