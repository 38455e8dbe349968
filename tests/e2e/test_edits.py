"""People edit a record while it is synced: nothing of theirs is lost."""

import asyncio
import re
from dataclasses import dataclass

import requests

from tests.e2e.installation import SERVERS, Fabric, Installation, in_yaml, manifest

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
EDITS = 100


@dataclass
class Browser:
    """A person who is logged in to NetBox."""

    url: str
    session: requests.Session

    def open_form(self, record_id: int) -> dict[str, str]:
        """The fields of a record's form, as a browser would send them back."""
        page = self.session.get(f"{self.url}/virtualization/clusters/{record_id}/edit/", timeout=30)
        page.raise_for_status()
        return form_fields(page.text)

    def save(self, record_id: int, fields: dict[str, str]) -> str:
        """Send the form; what NetBox says against it, empty when it was saved."""
        url = f"{self.url}/virtualization/clusters/{record_id}/edit/"
        answer = self.session.post(
            url, data=fields, headers={"Referer": url}, allow_redirects=False, timeout=30
        )
        return "" if answer.status_code == 302 else answer.text


def log_in(url: str, user: str, password: str) -> Browser:
    """Log in as a person does."""
    session = requests.Session()
    page = session.get(f"{url}/login/", timeout=30)
    fields = form_fields(page.text) | {"username": user, "password": password}
    answer = session.post(f"{url}/login/", data=fields, headers={"Referer": url}, timeout=30)
    answer.raise_for_status()
    return Browser(url, session)
