"""The activities on records, against the real NetBox as its constrained user."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import override

import pytest
from temporalio.testing import ActivityEnvironment

from activities.errors import PermanentError, TransientError
from activities.netbox.client import CLUSTERS_PATH, JOURNAL_PATH, NetBox, Row
from activities.netbox.http import BadRequest
from activities.record import RecordActivities, RecordUpdate
from activities.setup.fields import CUSTOM_FIELDS
from activities.setup.items import CLUSTER_OBJECT_TYPE
from fabrics.loop.loop_settings import LoopSettings
from fabrics.record.config import ConfigEdits
from fabrics.record.sync_status import LastKnownState
from fabrics.texts import escape_markdown
from tests.support.netbox.records import INSTANCE, LAST_KNOWN, STARTED, MakeRecord, fabric_id


def fields_of(netbox: NetBox, record: Row) -> Row:
    return dict(netbox.get_record(record["id"])[0]["custom_fields"])


def changes_of(admin: NetBox, record: Row) -> list[Row]:
    filters = {"changed_object_type": CLUSTER_OBJECT_TYPE, "changed_object_id": record["id"]}
    rows = admin.list_rows("core/object-changes", **filters)
    return [row for row in rows if row["changed_object_id"] == record["id"]]


def journal_of(netbox: NetBox, record: Row) -> list[str]:
    rows = netbox.list_rows(JOURNAL_PATH, assigned_object_id=record["id"])
    return [row["comments"] for row in rows if row["assigned_object_id"] == record["id"]]


# -- reading and writing ------------------------------------------------------------------------------


def test_record_is_read(activities: RecordActivities, make_record: MakeRecord) -> None:
    record = make_record(
        hh_sync_interval=60, hh_managed_kinds=["VPC"], hh_last_sync="2026-01-02T03:04:05Z"
    )
    snapshot = activities.load_record(fabric_id(record))
    assert snapshot.config is not None
    assert snapshot.config.problems == ()
    assert snapshot.config.record_id == record["id"]
    assert snapshot.config.interval == 60
    assert snapshot.config.managed_kinds == ("VPC",)
    assert snapshot.last_known.last_sync == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (
        snapshot.settings.netbox_heartbeat,
        snapshot.settings.has_search_attributes,
    ) == (
        900,
        True,
    )


def test_missing_record_has_no_config(activities: RecordActivities) -> None:
    assert activities.load_record("nowhere").config is None
    assert (
        activities.record_result(RecordUpdate(fabric_id="nowhere", last_known=LAST_KNOWN)).config
        is None
    )


def test_record_is_found_by_exact_fabric_id(
    activities: RecordActivities, make_record: MakeRecord
) -> None:
    make_record(hh_fabric_id="trial-of-ids-10")
    assert activities.load_record("trial-of-ids-1").config is None


def test_result_is_written_in_one_request(
    activities: RecordActivities, netbox: NetBox, admin: NetBox, record: Row
) -> None:
    before = len(changes_of(admin, record))
    snapshot = activities.record_result(
        RecordUpdate(fabric_id=fabric_id(record), last_known=LAST_KNOWN)
    )
    stored = fields_of(netbox, record)
    assert stored["hh_sync_status"] == {"value": "out_of_sync", "label": "Out of sync"}
    assert stored["hh_connection_status"]["value"] == "connected"
    assert stored["hh_last_sync"] == f"{STARTED:%Y-%m-%dT%H:%M:%SZ}"
    assert stored["hh_drift_count"] == 1
    assert stored["hh_drift"][0]["name"] == "prod"
    assert stored["hh_counts"] == {"VPC": 3, "Switch": 5}
    assert stored["hh_instance"] == INSTANCE
    assert snapshot.last_known == activities.load_record(fabric_id(record)).last_known == LAST_KNOWN
    assert len(changes_of(admin, record)) == before + 1, "one write takes all, the claim too"


def test_unchanged_result_is_read_once_and_not_written(
    activities: RecordActivities,
    netbox: NetBox,
    admin: NetBox,
    record: Row,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    update = RecordUpdate(
        fabric_id=fabric_id(record), last_known=LAST_KNOWN, edits=ConfigEdits(paused=False)
    )
    written = activities.record_result(update)
    before, _ = netbox.get_record(record["id"])
    changes = len(changes_of(admin, record))
    with monkeypatch.context() as patched:
        reads = interfere(patched, netbox, lambda: None, times=0)
        assert [activities.record_result(update) for _ in range(3)] == [written] * 3
    assert reads == []
    assert netbox.get_record(record["id"])[0]["last_updated"] == before["last_updated"]
    assert len(changes_of(admin, record)) == changes


def test_edits_are_written_and_returned(
    activities: RecordActivities, netbox: NetBox, record: Row
) -> None:
    edits = ConfigEdits(interval=60, paused=True, pause_reason="maintenance")
    update = RecordUpdate(fabric_id=fabric_id(record), last_known=LAST_KNOWN, edits=edits)
    snapshot = activities.record_result(update)
    assert snapshot.config is not None
    assert (snapshot.config.interval, snapshot.config.paused) == (60, True)
    stored = fields_of(netbox, record)
    assert stored["hh_sync_interval"] == 60
    assert stored["hh_paused"] is True
    assert stored["hh_pause_reason"] == "maintenance"
    assert stored["hh_sync_status"]["value"] == "paused"
    resumed = activities.record_result(
        update.model_copy(update={"edits": ConfigEdits(paused=False, pause_reason="")})
    )
    assert resumed.config is not None
    assert not resumed.config.paused
    assert fields_of(netbox, record)["hh_pause_reason"] is None


@pytest.mark.parametrize(
    ("edited", "status"),
    [({"hh_sync_enabled": False}, "disabled"), ({"hh_kubernetes_server": None}, "not_configured")],
)
def test_status_syncing_is_replaced(
    activities: RecordActivities, admin: NetBox, record: Row, edited: Row, status: str
) -> None:
    syncing = RecordUpdate(fabric_id=fabric_id(record), last_known=LastKnownState(syncing=True))
    activities.record_result(syncing)
    assert fields_of(admin, record)["hh_sync_status"]["value"] == "syncing"
    admin.update(CLUSTERS_PATH, record["id"], {"custom_fields": edited})
    activities.record_result(RecordUpdate(fabric_id=fabric_id(record), last_known=LAST_KNOWN))
    stored = fields_of(admin, record)
    assert stored["hh_sync_status"]["value"] == status
    connection = "unknown" if status == "not_configured" else "connected"
    assert stored["hh_connection_status"]["value"] == connection


def test_deleted_record_has_no_config(
    activities: RecordActivities, admin: NetBox, make_record: MakeRecord
) -> None:
    record = make_record()
    admin.delete(CLUSTERS_PATH, record["id"])
    update = RecordUpdate(fabric_id=fabric_id(record), last_known=LAST_KNOWN)
    assert activities.record_result(update).config is None


def test_record_deleted_during_update_has_no_config(
    activities: RecordActivities,
    netbox: NetBox,
    admin: NetBox,
    record: Row,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interfere(monkeypatch, netbox, lambda: admin.delete(CLUSTERS_PATH, record["id"]), times=1)
    update = RecordUpdate(fabric_id=fabric_id(record), last_known=LAST_KNOWN)
    assert activities.record_result(update).config is None


def test_hidden_record_does_not_count_as_deleted(
    activities: RecordActivities, admin: NetBox, record: Row
) -> None:
    name = "Fabric Sync: records"
    [permission] = [row for row in admin.list_rows("users/permissions") if row["name"] == name]
    before = permission["constraints"]
    admin.update("users/permissions", permission["id"], {"constraints": {"id": -1}})
    try:
        with pytest.raises(PermanentError, match="shows this token's user only 0 of"):
            activities.load_record(fabric_id(record))
    finally:
        admin.update("users/permissions", permission["id"], {"constraints": before})
    assert activities.load_record(fabric_id(record)).config is not None


def test_duplicate_fabric_id_is_refused(
    activities: RecordActivities, admin: NetBox, make_record: MakeRecord
) -> None:
    field = next(row for row in admin.list_rows(CUSTOM_FIELDS, name="hh_fabric_id"))
    admin.update(CUSTOM_FIELDS, field["id"], {"unique": False})
    try:
        first, second = (make_record(hh_fabric_id="trial-twins") for _ in range(2))
    finally:
        admin.update(CUSTOM_FIELDS, field["id"], {"unique": True})
    with pytest.raises(PermanentError, match="same fabric id trial-twins") as error:
        activities.load_record("trial-twins")
    assert first["name"] in str(error.value)
    assert second["name"] in str(error.value)


# -- concurrent edits ---------------------------------------------------------------------------------


def interfere(
    monkeypatch: pytest.MonkeyPatch, netbox: NetBox, action: Callable[[], object], times: int
) -> list[int]:
    """Run `action` between read and write of a record, the first `times` times."""
    get_record, reads = netbox.get_record, list[int]()

    def record(record_id: int) -> tuple[Row, str]:
        result = get_record(record_id)
        reads.append(record_id)
        if len(reads) <= times:
            action()
        return result

    monkeypatch.setattr(netbox, "get_record", record)
    return reads


def test_concurrent_edit_survives(
    activities: RecordActivities,
    netbox: NetBox,
    admin: NetBox,
    record: Row,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def disable() -> None:
        admin.update(CLUSTERS_PATH, record["id"], {"custom_fields": {"hh_sync_enabled": False}})

    reads = interfere(monkeypatch, netbox, disable, times=1)
    snapshot = activities.record_result(
        RecordUpdate(fabric_id=fabric_id(record), last_known=LAST_KNOWN)
    )
    assert len(reads) == 2
    assert snapshot.config is not None
    assert not snapshot.config.enabled
    stored = fields_of(admin, record)
    assert stored["hh_sync_enabled"] is False
    assert stored["hh_sync_status"]["value"] == "disabled"


def test_no_edit_is_lost_while_results_are_written(
    activities: RecordActivities,
    netbox: NetBox,
    admin: NetBox,
    record: Row,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Send 12 edits, each at the moment of a result, by turns before and after it."""
    patch_record, edits, expected = netbox.patch_record, list[Future[Row]](), dict[str, object]()
    with ThreadPoolExecutor(2) as pool:
        for number in range(12):
            name, value = EDITS[number % len(EDITS)]
            expected[name] = value(number)
            body = {"custom_fields": {name: expected[name]}}

            def patch(record_id: int, fields: Row, etag: str, body: Row = body) -> Row:
                monkeypatch.setattr(netbox, "patch_record", patch_record)
                write = partial(patch_record, record_id, fields, etag)
                edit = partial(admin.update, CLUSTERS_PATH, record_id, body)
                order = (write, edit) if len(edits) % 2 else (edit, write)
                sent = {send: pool.submit(send) for send in order}
                edits.append(sent[edit])
                return sent[write].result()

            monkeypatch.setattr(netbox, "patch_record", patch)
            started = STARTED + timedelta(seconds=number + 1)
            last_known = LAST_KNOWN.model_copy(update={"last_sync": started, "drift_count": number})
            update = RecordUpdate(fabric_id=fabric_id(record), last_known=last_known)
            activities.record_result(update)
            edits[number].result()
            stored = fields_of(admin, record)
            assert {key: stored[key] for key in expected} == expected


EDITS: list[tuple[str, Callable[[int], object]]] = [
    ("hh_git_branch", lambda number: f"release-{number}"),
    ("hh_sync_interval", lambda number: 60 + number),
    ("hh_task_queue", lambda number: f"site-{number}"),
    ("hh_pause_reason", lambda number: f"reason {number}"),
]


@pytest.fixture
def required_field(admin: NetBox) -> Iterator[str]:
    """A custom field of somebody else that is required on all clusters."""
    name = "trial_owner"
    field = admin.create(
        CUSTOM_FIELDS,
        {"name": name, "type": "text", "object_types": [CLUSTER_OBJECT_TYPE], "required": True},
    )
    yield name
    admin.delete(CUSTOM_FIELDS, field["id"])


def test_rejected_write_adds_one_journal_entry(
    activities: RecordActivities, netbox: NetBox, record: Row, required_field: str
) -> None:
    update = RecordUpdate(fabric_id=fabric_id(record), last_known=LAST_KNOWN)
    for _ in range(2):
        with pytest.raises(BadRequest, match=required_field):
            activities.record_result(update)
    (entry,) = journal_of(netbox, record)
    assert escape_markdown(required_field) in entry
    assert fields_of(netbox, record)["hh_sync_status"] is None


def test_record_of_other_installation_is_not_changed(
    activities: RecordActivities, netbox: NetBox, make_record: MakeRecord
) -> None:
    record = make_record(hh_instance="default@elsewhere")
    written, _ = netbox.get_record(record["id"])
    update = RecordUpdate(
        fabric_id=fabric_id(record), last_known=LAST_KNOWN, journal_entry="Hello."
    )
    command = rf"default@elsewhere.*`starter\.py doctor {fabric_id(record)} --take-over`"
    for _ in range(2):
        with pytest.raises(PermanentError, match=command):
            activities.record_result(update)
    with pytest.raises(PermanentError, match=command):
        activities.load_record(fabric_id(record))
    assert netbox.get_record(record["id"])[0] == written
    assert journal_of(netbox, record) == []


def test_record_shows_the_name_that_the_namespace_has_now(
    activities: RecordActivities, netbox: NetBox, make_record: MakeRecord
) -> None:
    record = make_record(hh_instance=f"renamed@{INSTANCE.rpartition('@')[2]}")
    update = RecordUpdate(fabric_id=fabric_id(record), last_known=LAST_KNOWN)
    assert activities.record_result(update).config is not None
    assert fields_of(netbox, record)["hh_instance"] == INSTANCE


class NetBoxWithFullJournal(NetBox):
    """A NetBox with one record, whose journal takes no entry."""

    def __init__(self, error: Exception) -> None:
        super().__init__("http://127.0.0.1:1", "none", connect_timeout=1, timeout=1)
        fields = {"hh_fabric_id": "dc", "hh_kubernetes_server": "https://10.0.0.1:6443"}
        self._error = error
        self._record: Row = {"id": 1, "name": "DC", "status": "active", "custom_fields": fields}

    @override
    def find_record(self, fabric_id: str) -> Row:
        return self._record

    @override
    def get_record(self, record_id: int) -> tuple[Row, str]:
        return self._record, "etag"

    @override
    def patch_record(self, record_id: int, custom_fields: Row, etag: str) -> Row:
        self._record["custom_fields"] |= custom_fields
        return self._record

    @override
    def add_journal_entry(self, record_id: int, text: str, kind: str = "info") -> None:
        raise self._error


@pytest.mark.parametrize("error", [PermanentError("It is full."), TransientError("It is full.")])
def test_refused_journal_entry_is_named_and_rest_is_written(error: Exception) -> None:
    activities = RecordActivities(NetBoxWithFullJournal(error), INSTANCE, LoopSettings())
    update = RecordUpdate(fabric_id="dc", last_known=LAST_KNOWN, journal_entry="Hello.")
    written = activities.record_result(update)
    assert (written.journal_error, written.last_known) == ("It is full.", LAST_KNOWN)
    without_entry = activities.record_result(update.model_copy(update={"journal_entry": ""}))
    assert without_entry == written.model_copy(update={"journal_error": ""})


def test_repeated_journal_entry_is_added_once(
    activities: RecordActivities, netbox: NetBox, record: Row
) -> None:
    error = "**error** since 2026-01-01 12:00:00 UTC. The API refused the token."
    update = RecordUpdate(fabric_id=fabric_id(record), last_known=LAST_KNOWN, journal_entry=error)
    again = update.model_copy(update={"journal_entry": error.replace("12:00", "12:03")})
    for repeated in (update, update, again):
        activities.record_result(repeated)
    in_sync = "**in_sync** since 2026-01-01 12:10:00 UTC. Commit c0ffee."
    activities.record_result(update.model_copy(update={"journal_entry": in_sync}))
    assert sorted(journal_of(netbox, record)) == [error, in_sync]
    later = error.replace("12:00", "12:20")
    activities.record_result(update.model_copy(update={"journal_entry": later}))
    assert sorted(journal_of(netbox, record)) == [error, later, in_sync]


def test_write_that_its_loop_has_given_up_is_not_sent(
    activities: RecordActivities, record: Row, admin: NetBox
) -> None:
    environment, now = ActivityEnvironment(), datetime.now(UTC)
    update = RecordUpdate(fabric_id=fabric_id(record), last_known=LAST_KNOWN)
    for waited, is_written in ((61, False), (1, True)):
        environment.info = replace(
            ActivityEnvironment.default_info(),
            scheduled_time=now,
            started_time=now + timedelta(seconds=waited),
            schedule_to_close_timeout=timedelta(seconds=60),
        )
        with (
            nullcontext()
            if is_written
            else pytest.raises(TransientError, match="not written in time")
        ):
            environment.run(activities.record_result, update)
        assert (fields_of(admin, record)["hh_last_sync"] is not None) == is_written
