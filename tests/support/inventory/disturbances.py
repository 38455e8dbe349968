"""Passes over an inventory that are disturbed at one of their requests."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from threading import RLock
from typing import Any, override

import requests
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from activities.errors import PermanentError, TransientError
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import PATHS
from activities.netbox.client import NetBox, Row
from activities.netbox.http import BadRequest
from fabrics.drift.model import LiveState
from fabrics.inventory.model.ownership import KEY_FIELD
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.prune.policy import MIN_ABSENT_PASSES
from tests.support.netbox.fabric_inventory import FabricInventory
from tests.support.netbox.fake_api import URL, FakeApi
from tests.support.netbox.records import create_record

type Send = Callable[[], Response]
type Disturbance = Callable[[Send], Response]
"""Answers one request in place of NetBox, or raises what a client would meet."""

MAX_PASSES_TO_SETTLE = MIN_ABSENT_PASSES + 3
"""Those that delete what is absent, one that needs a confirmation first, and one that finds nothing to do."""


class WorkerKilled(BaseException):
    """The worker's process is gone: nothing it would have done next is done."""


# -- what goes wrong with one request ------------------------------------------------------------------


def send_undisturbed(send: Send) -> Response:
    return send()


def kill_before(_: Send) -> Response:
    raise WorkerKilled


def kill_after(send: Send) -> Response:
    send()
    raise WorkerKilled


def lose_request(_: Send) -> Response:
    raise requests.ConnectionError("The connection was reset.")


def lose_answer(send: Send) -> Response:
    send()
    raise requests.ConnectionError("The connection was reset.")


def fail_once(_: Send) -> Response:
    """Answer as NetBox does where PostgreSQL has found a deadlock."""
    response = Response()
    response.status_code, response._content = 500, b'{"error": "deadlock detected"}'
    response.headers["Content-Type"] = "application/json"
    response.request = PreparedRequest()
    return response


REQUEST_FAULTS = (kill_before, kill_after, lose_request, lose_answer, fail_once)


@dataclass
class DisturbedAdapter(BaseAdapter):
    """Passes requests on, one at a time, and disturbs the one with this number."""

    inner: BaseAdapter
    number: int
    disturb: Disturbance
    sent: int = 0
    is_dead: bool = False
    _lock: RLock = field(default_factory=RLock)

    @override
    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        send = partial(self.inner.send, request)
        with self._lock:
            if self.is_dead:
                raise WorkerKilled
            self.sent += 1
            if self.sent != self.number:
                return send()
            try:
                return self.disturb(send)
            except WorkerKilled:
                self.is_dead = True
                raise

    @override
    def close(self) -> None:
        """The connection is the other adapter's."""


@dataclass
class DisturbedFabric:
    """A fabric in a fake NetBox of its own."""

    api: FakeApi = field(default_factory=FakeApi)

    def __post_init__(self) -> None:
        admin = self.api.connect(NetBox)
        netbox = self.api.connect(InventoryNetBox)
        self.inventory = FabricInventory(netbox, admin, create_record(admin, hh_fabric_id="dc1"))

    def run_disturbed(self, live: LiveState, number: int, disturb: Disturbance) -> int:
        """Run a pass that is disturbed at this request; return how many it sent.

        Its report counts only if it ended.
        """
        client = self.api.connect(InventoryNetBox)
        adapter = DisturbedAdapter(client._session.get_adapter(URL), number, disturb)
        client._session.mount(URL, adapter)
        disturbed = replace(self.inventory, netbox=client)
        try:
            disturbed.sync_live(live)
        except (TransientError, PermanentError, WorkerKilled):
            return adapter.sent
        self.inventory = replace(disturbed, netbox=self.inventory.netbox)
        return adapter.sent

    def settle(self, live: LiveState) -> None:
        """Run passes, and confirm their deletes, until nothing is left to do."""
        confirmed = ""
        for _ in range(MAX_PASSES_TO_SETTLE):
            outcome = self.inventory.sync_live(live, confirmed=confirmed)
            waiting = outcome.deletes_waiting
            confirmed = waiting.digest if waiting else ""
            if not outcome.report.has_changes and not outcome.has_pending_work and not waiting:
                return
        raise AssertionError(outcome)

    def list_rows(self) -> list[tuple[Model, Row]]:
        """Return all objects of the fabric, those that are there twice as well."""
        return [(model, row) for model in OWNED_MODELS for row in self.inventory.objects(model)]

    def count_keys(self) -> Counter[tuple[Model, str]]:
        """Count the fabric's objects by model and key."""
        return Counter((model, row["custom_fields"][KEY_FIELD]) for model, row in self.list_rows())

    def get_ids(self) -> dict[tuple[Model, str], int]:
        return {
            (model, row["custom_fields"][KEY_FIELD]): row["id"] for model, row in self.list_rows()
        }

    # -- what happens beside a pass ------------------------------------------------------------------

    def run_another(self, live: LiveState, send: Send) -> Response:
        """Run a whole pass of another worker before a request."""
        replace(self.inventory).sync_live(live)
        return send()

    def remove(self, send: Send) -> Response:
        """Remove the whole inventory before a request, as `remove --inventory` does."""
        self.inventory.remove()
        return send()

    def delete_by_hand(self, random: Random, send: Send) -> Response:
        """Delete some objects before a request, as far as NetBox lets a person."""
        rows = self.list_rows()
        for model, row in random.sample(rows, min(4, len(rows))):
            try:
                self.inventory.admin.delete(PATHS[model], row["id"])
            except BadRequest:
                continue
        return send()

    def edit_by_hand(self, live: LiveState, random: Random, send: Send) -> Response:
        """Empty the key of some objects, which keep their names, before a request."""
        planned = {(item.MODEL, item.key) for item in self.inventory.plan(live).objects}
        rows = [
            (model, row)
            for model, row in self.list_rows()
            if model in (Model.DEVICE, Model.INTERFACE, Model.VRF)
            and (model, row["custom_fields"][KEY_FIELD]) in planned
        ]
        for model, row in random.sample(rows, min(4, len(rows))):
            self.inventory.edit(model, row, custom_fields={KEY_FIELD: None})
        return send()
