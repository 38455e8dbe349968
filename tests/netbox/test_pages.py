"""What people see in NetBox's pages: the link, the filters, the table and the forms."""

import re
from collections.abc import Iterator
from html import unescape

import pytest
import requests

from activities.netbox import NetBox, Row
from activities.record import RecordActivities, RecordUpdate
from fabrics.status import Facts
from stack.stack import Stack
from tests.netbox.test_record_activities import FACTS, fabric_id


class Browser:
    """NetBox's pages as its superuser sees them."""

    def __init__(self, stack: Stack) -> None:
        self._url = stack.netbox.url
        self._session = requests.Session()
        login = {"username": stack.netbox.user, "password": stack.netbox.password}
        answer = self.submit("/login/", self.form("/login/") | login)
        assert answer.url != f"{self._url}/login/"

    def close(self) -> None:
        self._session.close()

    def page(self, path: str) -> str:
        answer = self._session.get(f"{self._url}{path}", timeout=60)
        answer.raise_for_status()
        return answer.text

    def form(self, path: str) -> dict[str, str]:
        """The hidden fields and the values of a page's text fields."""
        inputs = [dict(_ATTRIBUTE.findall(tag)) for tag in _INPUT.findall(self.page(path))]
        return {tag["name"]: unescape(tag.get("value", "")) for tag in inputs if "name" in tag}

    def submit(self, path: str, values: dict[str, str]) -> requests.Response:
        headers = {"Referer": f"{self._url}{path}"}
        answer = self._session.post(f"{self._url}{path}", values, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer


_INPUT = re.compile(r"<input\b[^>]*>")
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')


@pytest.fixture(scope="module")
def browser(stack: Stack) -> Iterator[Browser]:
    browser = Browser(stack)
    yield browser
    browser.close()


def cluster_page(record: Row) -> str:
    return f"/virtualization/clusters/{record['id']}/"


def edit_form(browser: Browser, record: Row) -> dict[str, str]:
    """The form of a record, opened now, with a new branch filled in."""
    values = browser.form(f"{cluster_page(record)}edit/")
    selected = {"type": str(record["type"]["id"]), "status": "active", "cf_hh_sync_enabled": "true"}
    return values | selected | {"cf_hh_git_branch": "stable"}


def save(browser: Browser, record: Row, values: dict[str, str]) -> requests.Response:
    return browser.submit(f"{cluster_page(record)}edit/", values)


def test_fabrics_alone_link_to_their_workflow(
    browser: Browser, record: Row, foreign_cluster: Row
) -> None:
    link = f"/workflows/fabric-sync%2F{fabric_id(record)}"
    assert link in browser.page(cluster_page(record))
    assert "Temporal workflow" not in browser.page(cluster_page(foreign_cluster))


def test_a_page_shows_the_status_and_hides_what_is_empty(
    browser: Browser, activities: RecordActivities, record: Row, foreign_cluster: Row
) -> None:
    assert "Sync status" not in browser.page(cluster_page(record))
    activities.record_result(RecordUpdate(fabric_id=fabric_id(record), facts=FACTS))
    page = browser.page(cluster_page(record))
    assert "Out of sync" in page
    assert "Sync error" not in page
    assert "Hedgehog sync" not in browser.page(cluster_page(foreign_cluster))


@pytest.mark.parametrize(
    ("slug", "facts"),
    [
        ("fabrics-with-drift", FACTS),
        ("fabrics-in-error", Facts(last_sync=FACTS.last_sync, error="Git is gone.")),
    ],
)
def test_the_saved_filters_find_what_they_say(  # noqa: PLR0917  fixtures
    browser: Browser,
    admin: NetBox,
    activities: RecordActivities,
    record: Row,
    slug: str,
    facts: Facts,
) -> None:
    saved = next(row for row in admin.rows("extras/saved-filters") if row["slug"] == slug)
    path = f"/virtualization/clusters/?filter_id={saved['id']}"
    assert cluster_page(record) not in browser.page(path)
    activities.record_result(RecordUpdate(fabric_id=fabric_id(record), facts=facts))
    assert cluster_page(record) in browser.page(path)


def test_the_table_has_the_columns_that_matter(
    browser: Browser, admin: NetBox, record: Row
) -> None:
    config = next(admin.rows("extras/table-configs", name="Hedgehog fabrics"))
    page = browser.page(f"/virtualization/clusters/?tableconfig_id={config['id']}")
    headings = re.findall(r"<th[^>]*>\s*<a[^>]*>\s*([^<]+?)\s*<", page)
    assert headings[:4] == ["Sync status", "Drift", "Last sync", "Sync error"]


def test_a_form_has_the_configuration_and_no_status(browser: Browser, record: Row) -> None:
    page = browser.page(f"{cluster_page(record)}edit/")
    fields = set(re.findall(r'name="cf_(hh_\w+)"', page))
    assert {"hh_sync_enabled", "hh_git_repository", "hh_managed_kinds", "hh_site"} <= fields
    assert not fields & {"hh_sync_status", "hh_last_sync", "hh_drift", "hh_instance"}


def test_an_open_form_can_be_saved_while_nothing_changes(
    browser: Browser, activities: RecordActivities, netbox: NetBox, record: Row
) -> None:
    update = RecordUpdate(fabric_id=fabric_id(record), facts=FACTS)
    activities.record_result(update)
    form = edit_form(browser, record)
    for _ in range(3):
        activities.record_result(update)
    save(browser, record, form)
    fields = netbox.record(record["id"])[0]["custom_fields"]
    assert fields["hh_git_branch"] == "stable"
    assert fields["hh_sync_status"]["value"] == "out_of_sync"
    assert fields["hh_drift"][0]["name"] == "prod"


def test_a_form_does_not_overwrite_a_status_it_never_saw(
    browser: Browser, activities: RecordActivities, netbox: NetBox, record: Row
) -> None:
    form = edit_form(browser, record)
    activities.record_result(RecordUpdate(fabric_id=fabric_id(record), facts=FACTS))
    assert "modified since" in save(browser, record, form).text
    assert netbox.record(record["id"])[0]["custom_fields"]["hh_git_branch"] is None
