"""Fabrics in NetBox's pages: links, filters, tables, reports and forms."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from bs4 import BeautifulSoup, Tag

from activities.netbox.client import NetBox, Row
from activities.record import RecordActivities, RecordUpdate
from fabrics.drift.model import Author
from fabrics.drift.summary import SummaryEntry, SummaryField
from fabrics.inventory.model.registry import MODELS_WITH_DRIFT
from fabrics.record.sync_status import LastKnownState
from tests.support.netbox.browser import Browser, cluster_page
from tests.support.netbox.records import DRIFT, LAST_KNOWN, fabric_id


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


def show_report(
    browser: Browser, activities: RecordActivities, record: Row, *drift: SummaryEntry
) -> Tag:
    """Write these drifted objects to a record and return the report on its page."""
    last_known = LAST_KNOWN.model_copy(update={"drift": drift, "drift_count": len(drift)})
    activities.record_result(RecordUpdate(fabric_id=fabric_id(record), last_known=last_known))
    page = BeautifulSoup(browser.page(cluster_page(record)), "html.parser")
    report = page.select_one(".rendered-markdown:has(dl)")
    assert report is not None
    return report


def list_lines(report: Tag) -> list[str]:
    return [line.text.strip() for line in report.select(":scope > dl > *")]


def test_page_shows_drift_as_a_list(
    browser: Browser, activities: RecordActivities, record: Row
) -> None:
    since = datetime(2026, 11, 24, 14, 5, tzinfo=UTC)
    report = show_report(browser, activities, record, replace(DRIFT, since=since))
    assert list_lines(report) == [
        "changed: VPC prod, since 2026-11-24 14:05 UTC",
        'Field spec.subnets: in Git {"a": 1}, live absent; by whom: unknown',
    ]
    ending = report.select("p")[-1]
    assert ending.text == f"starter.py diff {fabric_id(record)} shows all differences."


HOSTILE = (
    *("![](http://x)", "[renew](https://evil.example)", "<img src='http://x'>", "<http://x>"),
    *(
        "a | b",
        "`a` **b** __c__ ~~d~~",
        "&lt;b&gt; &amp;",
        "\\| \\` \\[x](http://x)",
        "| --- |",
        "# a",
    ),
    *("[x]: http://x", "![a][b]", "_a_ *b*", "{.c}", "http://x"),
    *("- a", "1. a", ": a", "---", "==="),
)


@pytest.mark.parametrize("words", HOSTILE)
def test_words_of_git_and_of_the_api_are_shown_as_they_are(
    browser: Browser, activities: RecordActivities, record: Row, words: str
) -> None:
    author = Author(words, datetime(2026, 11, 24, 14, 2, tzinfo=UTC))
    field = SummaryField(words, words, words, author)
    entry = SummaryEntry(words, "default", words, words, (field,))
    report = show_report(browser, activities, record, entry)
    assert list_lines(report) == [
        f"{words}: {words} {words}, since unknown",
        f"Field {words}: in Git {words}, live {words}; by whom: {words}, 2026-11-24 14:02 UTC",
    ]
    assert {tag.name for tag in report.select("*")} == {"dl", "dt", "strong", "dd", "p", "code"}


def test_line_break_in_a_value_adds_no_line(
    browser: Browser, activities: RecordActivities, record: Row
) -> None:
    report = show_report(
        browser, activities, record, SummaryEntry("VPC", "default", "a\n:   b\n\n# c", "extra")
    )
    assert list_lines(report) == [
        "extra: VPC a?:   b??# c, since unknown",
        "Object: in Git absent, live present; by whom: unknown",
    ]


def test_saved_filter_finds_objects_that_have_drifted(browser: Browser, admin: NetBox) -> None:
    saved = next(
        row for row in admin.list_rows("extras/saved-filters") if row["slug"] == "drifted-objects"
    )
    assert set(saved["object_types"]) == set(MODELS_WITH_DRIFT)
    vrfs = [
        admin.create("ipam/vrfs", {"name": f"drift-{said}", "custom_fields": {"hh_drifted": said}})
        for said in ("Differs from Git.", None)
    ]
    try:
        page = browser.page(f"/ipam/vrfs/?filter_id={saved['id']}")
    finally:
        for vrf in vrfs:
            admin.delete("ipam/vrfs", vrf["id"])
    drifted, in_sync = vrfs
    assert f"/ipam/vrfs/{drifted['id']}/" in page
    assert f"/ipam/vrfs/{in_sync['id']}/" not in page


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
