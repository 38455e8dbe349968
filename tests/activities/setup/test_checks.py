"""The NetBox part of `starter.py doctor`."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from activities.checks import Check
from activities.netbox.client import CLUSTERS_PATH, JOURNAL_PATH, NetBox, Row
from activities.netbox.http import BadRequest
from activities.setup import check_netbox
from activities.setup.access import GRANTS, JOURNALS_GRANT, RECORDS_GRANT, TOKENS, USER_ITEM, Grant
from activities.setup.fields import CHOICE_SETS, CUSTOM_FIELDS
from activities.setup.inventory_items import INVENTORY_GRANTS
from activities.setup.items import CLUSTER_OBJECT_TYPE
from fabrics.resources.kinds import COMPARED_KINDS
from stack.stack import Stack
from tests.support.netbox.records import MakeRecord

type Connect = Callable[..., NetBox]


@pytest.fixture
def connect(stack: Stack) -> Iterator[Connect]:
    """Return a function that creates clients of the stack's NetBox or another URL."""
    clients: list[NetBox] = []

    def connect(token: str, url: str = "") -> NetBox:
        clients.append(NetBox(url or stack.netbox.url, token, connect_timeout=2, timeout=60))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def failed_checks(netbox: NetBox) -> list[Check]:
    return [check for check in check_netbox(netbox) if not check.ok]


@contextmanager
def changed(admin: NetBox, path: str, name: str, /, **values: object) -> Iterator[None]:
    """Change an object of NetBox, and restore its values in the end."""
    row = next(row for row in admin.list_rows(path, name=name) if row["name"] == name)
    admin.update(path, row["id"], values)
    try:
        yield
    finally:
        admin.update(path, row["id"], {key: without_label(row[key]) for key in values})


def without_label(value: object) -> object:
    return value["value"] if isinstance(value, dict) and "label" in value else value


def permission_name(grant: Grant) -> str:
    return str(grant.permission.key["name"])


def test_constrained_user_passes_all_checks(netbox: NetBox, record: Row) -> None:
    before = netbox.get_record(record["id"])
    checks = check_netbox(netbox)
    assert [check.sentence for check in checks if not check.ok] == []
    assert "NetBox 4." in checks[0].sentence
    names = {check.name for check in checks}
    assert names >= {f"NetBox permission on {path}" for grant in GRANTS for path in grant.models}
    assert len(names) == len(checks) == 16
    assert netbox.get_record(record["id"]) == before


@pytest.mark.parametrize("token", ["", "abc", "nbt_abc.def"])
def test_wrong_token_fails_first_check(connect: Connect, token: str) -> None:
    (check,) = check_netbox(connect(token))
    assert not check.ok
    assert "refused the token" in check.sentence
    assert "FABRIC_SYNC_NETBOX_TOKEN" in check.sentence


def test_unreachable_netbox_fails_first_check(connect: Connect) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound, but not listening
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        (check,) = check_netbox(connect("x", url))
    assert check.sentence == f"NetBox at {url} refused the connection: nothing listens there."


def test_other_server_is_no_netbox(connect: Connect, stack: Stack) -> None:
    (check,) = check_netbox(connect("x", stack.temporal.ui_url))
    assert "is not the REST API of a NetBox" in check.sentence


@pytest.mark.parametrize(
    ("version", "fit"),
    [
        ("4.6.9", False),
        ("3.7.8", False),
        ("", False),
        ("4.7.0-Docker-3.4", True),
        ("4.10.1", True),
        ("5.0", True),
    ],
)
def test_netbox_version_must_be_4_7_or_later(
    netbox: NetBox, monkeypatch: pytest.MonkeyPatch, version: str, fit: bool
) -> None:
    monkeypatch.setattr(netbox, "get_status", lambda: {"netbox-version": version})
    check, *others = check_netbox(netbox)
    assert check.ok is fit
    assert bool(others) is fit
    assert fit or "4.7 or later is needed" in check.sentence


def test_read_only_token_fails_write_permissions(connect: Connect, admin: NetBox) -> None:
    user = next(admin.list_rows(USER_ITEM.path, **USER_ITEM.key))
    values = {"user": user["id"], "version": 2, "write_enabled": False, "description": "trial"}
    token = admin.create(TOKENS, values)
    try:
        records, journals, inventories = failed_checks(
            connect(f"nbt_{token['key']}.{token['token']}")
        )
    finally:
        admin.delete(TOKENS, token["id"])
    assert records.name == "NetBox permission on virtualization/clusters"
    assert "may not add or change virtualization/clusters" in records.sentence
    assert "that allows writes" in records.sentence
    assert journals.name == "NetBox permission on extras/journal-entries"
    assert inventories.name == "NetBox permissions on inventories"


@pytest.mark.parametrize(
    "grant",
    # NetBox shows what a user may do with some objects of a model, which another permission also grants.
    [grant for grant in INVENTORY_GRANTS if grant.name != "ports of own devices"],
    ids=lambda grant: grant.name,
)
def test_missing_inventory_permission_is_reported(
    netbox: NetBox, admin: NetBox, grant: Grant
) -> None:
    with changed(admin, "users/permissions", permission_name(grant), enabled=False):
        (check,) = failed_checks(netbox)
    assert check.name == "NetBox permissions on inventories"
    assert permission_name(grant) in check.sentence


def test_missing_delete_permission_is_reported(netbox: NetBox, admin: NetBox) -> None:
    (own,) = (grant for grant in INVENTORY_GRANTS if "delete" in grant.actions)
    with changed(admin, "users/permissions", permission_name(own), actions=["view", "change"]):
        (check,) = failed_checks(netbox)
    assert check.name == "NetBox permissions on inventories"
    assert "may not delete " in check.sentence
    assert permission_name(own) in check.sentence


ALL_GRANTS = [
    (grant, path, action) for grant in GRANTS for path in grant.models for action in grant.actions
]


@pytest.mark.parametrize(
    ("grant", "path", "action"),
    ALL_GRANTS,
    ids=[f"{action} {path}" for _, path, action in ALL_GRANTS],
)
def test_each_missing_permission_is_reported(
    netbox: NetBox, admin: NetBox, grant: Grant, path: str, action: str
) -> None:
    """Remove the action, or, if it is the only one, the model."""
    other_actions = [other for other in grant.actions if other != action]
    other_models = [model for at, model in grant.models.items() if at != path]
    reduced = {"actions": other_actions} if other_actions else {"object_types": other_models}
    with changed(admin, "users/permissions", permission_name(grant), **reduced):
        failed = failed_checks(netbox)
    (check,) = (row for row in failed if row.name == f"NetBox permission on {path}")
    assert f"may not {action} {path}" in check.sentence
    assert permission_name(grant) in check.sentence
    assert "`starter.py setup`" in check.sentence
    assert {row.name for row in failed} == {check.name}


def test_disabled_permission_is_reported(netbox: NetBox, admin: NetBox) -> None:
    with changed(admin, "users/permissions", permission_name(JOURNALS_GRANT), enabled=False):
        (check,) = failed_checks(netbox)
    assert f"may not view or add {JOURNAL_PATH}" in check.sentence


def test_permission_that_hides_fabrics_is_reported(
    netbox: NetBox, admin: NetBox, make_record: MakeRecord
) -> None:
    visible, _ = make_record(), make_record()
    constraints = {"type__slug": "hedgehog-fabric", "name": visible["name"]}
    with changed(
        admin, "users/permissions", permission_name(RECORDS_GRANT), constraints=constraints
    ):
        (check,) = failed_checks(netbox)
    assert check.name == "NetBox records visible"
    assert "only 1 of" in check.sentence


def test_permission_without_change_of_records_is_reported(
    netbox: NetBox, admin: NetBox, record: Row
) -> None:
    user = next(admin.list_rows(USER_ITEM.path, **USER_ITEM.key))
    read_permission = {
        "name": "Trial",
        "object_types": [CLUSTER_OBJECT_TYPE],
        "actions": ["view"],
        "users": [user["id"]],
    }
    permission = admin.create("users/permissions", read_permission)
    constraints = {"type__slug": "hedgehog-fabric", "name": "another"}
    try:
        with changed(
            admin, "users/permissions", permission_name(RECORDS_GRANT), constraints=constraints
        ):
            (check,) = failed_checks(netbox)
    finally:
        admin.delete("users/permissions", permission["id"])
    assert check.name == "NetBox records writable"
    assert record["name"] in check.sentence
    assert permission_name(RECORDS_GRANT) in check.sentence


@pytest.mark.parametrize(
    ("name", "values", "check_name"),
    [
        ("hh_fabric_id", {"filter_logic": "loose"}, "NetBox filters"),
        ("hh_fabric_id", {"unique": False}, "NetBox filters"),
        ("hh_drift_count", {"filter_logic": "disabled"}, "NetBox filters"),
        ("hh_sync_status", {"filter_logic": "loose"}, "NetBox filters"),
        ("hh_commit", {"unique": True}, "NetBox filters"),
        ("hh_drift_count", {"validation_minimum": 1}, "NetBox rules"),
        ("hh_commit", {"validation_regex": "^[0-9]+$"}, "NetBox rules"),
        ("hh_drift", {"validation_schema": {"maxItems": 1}}, "NetBox rules"),
        ("hh_fabric_id", {"validation_regex": "^dc-"}, "NetBox rules"),
        ("hh_sync_error", {"required": True}, "NetBox rules"),
        ("hh_counts", {"object_types": ["dcim.device"]}, "NetBox fields"),
    ],
)
def test_unsuitable_field_attribute_is_reported(
    netbox: NetBox, admin: NetBox, name: str, values: Row, check_name: str
) -> None:
    with changed(admin, CUSTOM_FIELDS, name, **values):
        check, *others = failed_checks(netbox)
    assert check.name == check_name
    assert f"{name}: {next(iter(values))}" in check.sentence
    assert "run `starter.py setup`" in check.sentence
    # A required field without a value in an existing record fails a second check.
    assert {row.name for row in others} <= {"NetBox required fields"}


def test_missing_choice_is_reported(netbox: NetBox, admin: NetBox) -> None:
    kinds = [[kind.name, kind.name] for kind in COMPARED_KINDS]
    with changed(admin, CHOICE_SETS, "Hedgehog kinds", extra_choices=kinds[1:]):
        (check,) = failed_checks(netbox)
    assert check.name == "NetBox fields"
    assert "repair custom field choice set Hedgehog kinds: extra_choices" in check.sentence


def test_missing_field_is_reported(netbox: NetBox, admin: NetBox) -> None:
    with changed(admin, CUSTOM_FIELDS, "hh_commit", name="hh_commit_before"):
        (check,) = failed_checks(netbox)
    assert check.name == "NetBox fields"
    assert "create custom field hh_commit" in check.sentence


def test_field_of_other_type_is_reported(netbox: NetBox, admin: NetBox) -> None:
    with changed(admin, CUSTOM_FIELDS, "hh_commit", name="hh_commit_before"):
        other = {"name": "hh_commit", "type": "integer", "object_types": [CLUSTER_OBJECT_TYPE]}
        field = admin.create(CUSTOM_FIELDS, other)
        try:
            (check,) = failed_checks(netbox)
        finally:
            admin.delete(CUSTOM_FIELDS, field["id"])
    assert "hh_commit: its type is integer, not text: rename or delete it" in check.sentence


def test_foreign_required_field_is_reported(
    netbox: NetBox, admin: NetBox, make_record: MakeRecord
) -> None:
    values = {"name": "trial_owner", "type": "text", "object_types": [CLUSTER_OBJECT_TYPE]}
    field = admin.create(CUSTOM_FIELDS, values)
    try:
        make_record(trial_owner="Ada")
        make_record()
        admin.update(CUSTOM_FIELDS, field["id"], {"required": True})
        (check,) = failed_checks(netbox)
        assert check.name == "NetBox required fields"
        assert "trial_owner" in check.sentence
        assert "fill them in" in check.sentence
        for row in admin.list_records():
            admin.update(CLUSTERS_PATH, row["id"], {"custom_fields": {"trial_owner": "Eve"}})
        assert failed_checks(netbox) == []
    finally:
        admin.delete(CUSTOM_FIELDS, field["id"])


def test_value_that_breaks_new_rule_is_reported(
    netbox: NetBox, admin: NetBox, make_record: MakeRecord
) -> None:
    record = make_record(hh_sync_interval=60)
    with changed(admin, CUSTOM_FIELDS, "hh_sync_interval", validation_minimum=100):
        (check,) = failed_checks(netbox)
        with pytest.raises(BadRequest, match="at least 100"):
            admin.update(CLUSTERS_PATH, record["id"], {"description": "new"})
    assert check.name == "NetBox values"
    assert f"{record['name']} for its hh_sync_interval" in check.sentence
    assert "Correct the value" in check.sentence
