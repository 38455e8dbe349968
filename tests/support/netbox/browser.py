"""NetBox's pages, as people see them."""

from http import HTTPStatus

import mechanicalsoup

from activities.netbox.client import Row
from stack.stack import Stack


class Browser:
    """NetBox's pages, for its superuser after logging in."""

    def __init__(self, stack: Stack) -> None:
        self._netbox = stack.netbox
        self._browser = mechanicalsoup.StatefulBrowser(raise_on_404=True)
        self.page("/login/")
        self._browser.select_form("form[action='/login/']")
        self._browser["username"] = self._netbox.user
        self._browser["password"] = self._netbox.password
        self._browser.submit_selected()

    def close(self) -> None:
        self._browser.close()

    def page(self, path: str) -> str:
        """Open a page and return its source."""
        return str(self._browser.open(f"{self._netbox.url}{path}").text)

    def open_form(self, record: Row) -> str:
        """Open the form of a record and return its source."""
        source = self.page(f"{cluster_page(record)}edit/")
        self._browser.select_form("form[enctype]")
        return source

    def save(self, branch: str, **forged: str) -> bool:
        """Save the open form with another Git branch; False if somebody saved before.

        `forged` are values for fields that the form lacks or shows read-only.
        """
        self._browser["cf_hh_git_branch"] = branch
        for name, value in forged.items():
            self._browser.new_control("text", f"cf_{name}", value)
        response = self._browser.submit_selected(allow_redirects=False)
        return bool(response.status_code == HTTPStatus.FOUND)

    def configure(self, **parameters: object) -> None:
        """Save a revision of NetBox's own configuration that changes only these values."""
        self.page("/core/config-revisions/add/")
        self._browser.select_form("form[enctype]")
        for name, value in parameters.items():
            self._browser[name] = str(value)
        response = self._browser.submit_selected(allow_redirects=False)
        assert response.status_code == HTTPStatus.FOUND

    def delete(self, record: Row) -> str:
        """Delete a record; return the confirmation page, which lists what goes with it."""
        confirmation = self.page(f"{cluster_page(record)}delete/")
        self._browser.select_form("form:has(input[name=confirm])")
        self._browser.submit_selected()
        return confirmation


def cluster_page(record: Row) -> str:
    return f"/virtualization/clusters/{record['id']}/"
