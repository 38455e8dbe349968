"""A fabric's fields in NetBox's pages: order, help texts, colours, editing."""

import re
from itertools import zip_longest

import pytest
from bs4 import BeautifulSoup, Tag

from activities.netbox.client import NetBox, Row
from activities.setup.choice_sets import STATUS_COLORS
from activities.setup.fields import CONFIG_FIELD_NAMES, FIELD_GROUP, FIELD_ITEMS
from fabrics.record.config import DEFAULT_INTERVAL_SECONDS
from fabrics.record.config_fields import DEFAULT_BRANCH, DEFAULT_DIRECTORY, DEFAULT_NAMESPACE
from fabrics.record.sync_status import ConnectionStatus, SyncStatus
from tests.support.netbox.browser import Browser, cluster_page
from tests.support.netbox.records import MakeRecord

HIDDEN = ("hh_drift", "hh_counts")
LABELS = {
    item.key["name"]: item.defaults["label"]
    for item in FIELD_ITEMS
    if item.key["name"] not in HIDDEN
}
STATUS_FIELDS = [
    item.key["name"] for item in FIELD_ITEMS if item.key["name"] not in CONFIG_FIELD_NAMES
]


def inputs(source: str) -> dict[str, Tag]:
    """Return the inputs of our fields in a form, in its order."""
    fields = BeautifulSoup(source, "html.parser").select("[name^=cf_hh_]")
    return {str(field["name"]).removeprefix("cf_"): field for field in fields}


@pytest.fixture(scope="module")
def form(browser: Browser, make_shared_record: MakeRecord) -> str:
    """The source of the form of a record."""
    return browser.page(f"{cluster_page(make_shared_record())}edit/")


def test_form_shows_config_fields_in_order(browser: Browser, form: str) -> None:
    for source in (form, browser.page("/virtualization/clusters/add/")):
        assert list(inputs(source)) == list(CONFIG_FIELD_NAMES)
        headings = [heading.text.strip() for heading in BeautifulSoup(source, "html.parser")("h3")]
        assert headings.count(FIELD_GROUP) == 1


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("hh_sync_enabled", "no"),
        ("hh_sync_interval", DEFAULT_INTERVAL_SECONDS),
        ("hh_paused", "no"),
        ("hh_paused_until", "by hand"),
        ("hh_kubernetes_namespace", DEFAULT_NAMESPACE),
        ("hh_fabric_name", "all that it holds"),
        ("hh_credentials", "the fabric ID"),
        ("hh_site", "the site of the cluster's scope, else a new one"),
        ("hh_git_repository", "only the inventory is kept"),
        ("hh_git_branch", DEFAULT_BRANCH),
        ("hh_git_directory", DEFAULT_DIRECTORY),
        ("hh_managed_kinds", "the kinds that Git has"),
        ("hh_task_queue", "the default queue"),
    ],
)
def test_help_text_names_default_of_empty_field(form: str, name: str, default: object) -> None:
    row = inputs(form)[name].find_parent(class_="row")
    assert row is not None
    assert f"Empty: {default}" in row.text


def test_page_shows_config_before_status(
    browser: Browser, admin: NetBox, make_record: MakeRecord
) -> None:
    values = {
        "hh_sync_interval": 60,
        "hh_paused": True,
        "hh_pause_reason": "work",
        "hh_paused_until": "2099-12-24T08:00:00Z",
        "hh_task_queue": "north",
        "hh_sync_status": "error",
        "hh_last_sync": "2026-11-22T01:00:00Z",
        "hh_sync_error": "Git is gone.",
        "hh_connection_status": "connected",
        "hh_drift_count": 0,
        "hh_objects": "3 Switch",
    }
    record = make_record(**values)
    filled = {name for name, value in record["custom_fields"].items() if value is not None}
    page = BeautifulSoup(browser.page(cluster_page(record)), "html.parser")
    labels = [cell.text.strip() for cell in page.select("th")]
    assert [label for label in labels if label in LABELS.values()] == [
        label for name, label in LABELS.items() if name in filled
    ]
    assert filled >= values.keys()


def test_page_hides_what_only_programs_read(browser: Browser, make_record: MakeRecord) -> None:
    record = make_record(hh_counts={"Zebra": 3}, hh_drift=[{"name": "giraffe"}])
    page = browser.page(cluster_page(record))
    assert "Zebra" not in page
    assert "giraffe" not in page


@pytest.fixture(scope="module")
def pages(browser: Browser, make_shared_record: MakeRecord) -> dict[tuple[str, str], str]:
    """A page of a record with each status; most of the records have two."""
    pages = dict[tuple[str, str], str]()
    for sync, connection in zip_longest(SyncStatus, ConnectionStatus):
        values = {"hh_sync_status": sync, "hh_connection_status": connection}
        page = browser.page(cluster_page(make_shared_record(**values)))
        pages |= dict.fromkeys(values.items(), page)
    return pages


def has_badge(page: str, status: str) -> bool:
    label = status.replace("_", " ").capitalize()
    badge = rf'class="badge text-bg-{STATUS_COLORS[status]}">\s*{label}\s*<'
    return re.search(badge, page) is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("hh_sync_status", str(status)) for status in SyncStatus),
        *(("hh_connection_status", str(status)) for status in ConnectionStatus),
    ],
)
def test_status_has_its_colour(pages: dict[tuple[str, str], str], name: str, value: str) -> None:
    assert has_badge(pages[name, value], value)


@pytest.mark.usefixtures("pages")
def test_statuses_have_their_colours_in_table(browser: Browser, admin: NetBox) -> None:
    config = next(admin.list_rows("extras/table-configs", name="Hedgehog fabrics"))
    table = browser.page(f"/virtualization/clusters/?tableconfig_id={config['id']}")
    assert [status for status in SyncStatus if not has_badge(table, status)] == []


def test_fabric_id_is_read_only_in_form(browser: Browser, admin: NetBox, record: Row) -> None:
    fabric_id = record["custom_fields"]["hh_fabric_id"]
    field = inputs(browser.open_form(record))["hh_fabric_id"]
    assert field["value"] == fabric_id
    assert field.has_attr("disabled")
    assert browser.save("stable", hh_fabric_id="another")
    (saved,) = (row for row in admin.list_records() if row["id"] == record["id"])
    assert saved["custom_fields"]["hh_git_branch"] == "stable"
    assert saved["custom_fields"]["hh_fabric_id"] == fabric_id


def test_status_cannot_be_forged_in_form(browser: Browser, admin: NetBox, record: Row) -> None:
    browser.open_form(record)
    assert browser.save("stable", hh_sync_status="in_sync", hh_commit="abc")
    (saved,) = (row for row in admin.list_records() if row["id"] == record["id"])
    assert {saved["custom_fields"][name] for name in STATUS_FIELDS} == {None}
