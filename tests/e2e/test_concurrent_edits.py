"""Edits of a record in the form and through the API are not lost during syncs."""

import asyncio
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

import mechanicalsoup
import pytest

from activities.netbox.client import Row
from cli.temporal.loop_client import LoopClient
from fabrics.loop.active_sync import SyncRequest
from stack.services.netbox import NetBoxServer
from tests.support.system.installation import (
    INVENTORY,
    SERVERS,
    Fabric,
    Installation,
    in_yaml,
    wait_until,
)

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
ROUNDS = 10
"""Each with a sync and an edit of each field."""

API_FIELDS = ("hh_pause_reason", "hh_credentials", "hh_kubernetes_namespace")


@dataclass
class Form:
    """A record's form that is open in a browser."""

    browser: mechanicalsoup.StatefulBrowser
    url: str

    def save(self, description: str) -> bool:
        """Change the description and save; return False if the record was modified since."""
        self.browser["description"] = description
        response = self.browser.submit_selected(allow_redirects=False)
        refused = "modified since" in response.text
        assert refused or response.status_code == HTTPStatus.FOUND, response.text[:2000]
        return not refused


def open_form(netbox: NetBoxServer, record_id: int) -> Form:
    """Log in as a person does, and open the form."""
    browser = mechanicalsoup.StatefulBrowser()
    browser.open(f"{netbox.url}/login/")
    browser.select_form("form[action='/login/']")
    browser["username"], browser["password"] = netbox.user, netbox.password
    browser.submit_selected()
    return reopen(Form(browser, f"{netbox.url}/virtualization/clusters/{record_id}/edit/"))


def reopen(form: Form) -> Form:
    """Load the form again."""
    form.browser.open(form.url)
    form.browser.select_form("form.object-edit, form[enctype]")
    return form


def edit(installation: Installation, fabric: Fabric, form: Form, number: int) -> None:
    """Edit one field in the form, and three others through the API."""
    while not reopen(form).save(f"edit-{number}"):
        pass
    for name in API_FIELDS:
        installation.admin.update_record(fabric.record_id, partial(change, name, f"edit-{number}"))


def change(name: str, value: str, _: Row) -> Row:
    """Return the fields of one edit."""
    return {name: value}


def has_edits(installation: Installation, fabric: Fabric, number: int) -> bool:
    """Return whether the record has all edits with this number."""
    row, _ = installation.admin.get_record(fabric.record_id)
    values = {row["description"], *(row["custom_fields"][name] for name in API_FIELDS)}
    return values == {f"edit-{number}"}


async def sync(installation: Installation, fabric: Fabric) -> Row:
    """Sync now, and return the record."""
    loops = LoopClient(installation.client, installation.queue)
    await loops.sync(fabric.fabric_id, SyncRequest())
    return await fabric.record()


async def test_edits_survive_syncs_that_write_the_record(
    installation: Installation,
) -> None:
    # With this heartbeat, half of the interval, each sync writes the record.
    installation.overrides = {"FABRIC_SYNC_NETBOX_HEARTBEAT": "5"}
    async with installation.worker():
        fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=10)
        await installation.start(fabric)
        await fabric.wait_for_status("in_sync")
        form = await asyncio.to_thread(open_form, installation.stack.netbox, fabric.record_id)
        for number in range(1, ROUNDS + 1):
            await asyncio.gather(
                asyncio.to_thread(edit, installation, fabric, form, number),
                sync(installation, fabric),
            )
            assert await asyncio.to_thread(has_edits, installation, fabric, number)
        written = (await fabric.record())["last_sync"]
        await wait_until(
            partial(sync, installation, fabric), lambda record: record["last_sync"] > written
        )
        assert await asyncio.to_thread(has_edits, installation, fabric, ROUNDS)


@pytest.mark.parametrize("syncs", [4, pytest.param(12, marks=pytest.mark.soak)])
async def test_form_open_during_syncs_can_be_saved(installation: Installation, syncs: int) -> None:
    async with installation.worker(**INVENTORY):
        fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5)
        await installation.start(fabric)
        # The next sync begins once the record is as the pass has left it; from then on nothing is written.
        await fabric.wait_for_inventory_in_record()
        await fabric.wait_for_syncs((await fabric.status()).syncs + 1)
        form = await asyncio.to_thread(open_form, installation.stack.netbox, fabric.record_id)
        await fabric.wait_for_syncs((await fabric.status()).syncs + syncs)
        assert await asyncio.to_thread(form.save, "thought about it")
