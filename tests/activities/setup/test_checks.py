"""The NetBox part of `starter.py doctor`."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from activities.netbox.client import CLUSTERS_PATH, JOURNAL_PATH, NetBox, Row
from activities.netbox.http import BadRequest
from activities.setup import check_netbox
from activities.setup.access import GRANTS, JOURNALS_GRANT, RECORDS_GRANT, TOKENS, USER_ITEM, Grant
from activities.setup.fields import CHOICE_SETS, CUSTOM_FIELDS
from activities.setup.inventory_items import INVENTORY_GRANTS
from activities.setup.items import CLUSTER_OBJECT_TYPE
from fabrics.check import Check
from fabrics.resources.kinds import COMPARED_KINDS
from stack.stack import Stack
from tests.support.netbox.records import MakeRecord

type Connect = Callable[..., NetBox]


@pytest.fixture
def connect(stack: Stack) -> Iterator[Connect]:
    """Makes clients of the stack's NetBox, or of another URL."""
    clients: list[NetBox] = []

    def connect(token: str, url: str = "") -> NetBox:
        clients.append(NetBox(url or stack.netbox.url, token, connect_timeout=2, timeout=60))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def failed(netbox: NetBox) -> list[Check]:
    return [check for check in check_netbox(netbox) if not check.ok]


@contextmanager
def changed(admin: NetBox, path: str, name: str, /, **values: object) -> Iterator[None]:
    """NetBox with other values in one of its objects, put back in the end."""
    row = next(row for row in admin.list_rows(path, name=name) if row["name"] == name)
    admin.update(path, row["id"], values)
    try:
        yield
    finally:
        admin.update(path, row["id"], {key: writable(row[key]) for key in values})


def writable(value: object) -> object:
    return value["value"] if isinstance(value, dict) and "label" in value else value


def name_of(grant: Grant) -> str:
    return str(grant.permission.key["name"])


def test_all_is_well_for_the_constrained_user(netbox: NetBox, record: Row) -> None:
    before = netbox.get_record(record["id"])
    checks = check_netbox(netbox)
    assert [check.sentence for check in checks if not check.ok] == []
    assert "NetBox 4." in checks[0].sentence
    names = {check.name for check in checks}
    assert names >= {f"NetBox permission on {path}" for grant in GRANTS for path in grant.models}
    assert len(names) == len(checks) == 16
    assert netbox.get_record(record["id"]) == before


@pytest.mark.parametrize("token", ["", "abc", "nbt_abc.def"])
def test_a_wrong_token(connect: Connect, token: str) -> None:
    (check,) = check_netbox(connect(token))
    assert not check.ok
    assert "refused the token" in check.sentence
    assert "FABRIC_SYNC_NETBOX_TOKEN" in check.sentence


def test_netbox_is_down(connect: Connect) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound, but not listening
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        (check,) = check_netbox(connect("x", url))
    assert check.sentence == f"NetBox at {url} refused the connection: nothing listens there."


def test_something_else_answers(connect: Connect, stack: Stack) -> None:
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
def test_an_old_netbox(
    netbox: NetBox, monkeypatch: pytest.MonkeyPatch, version: str, fit: bool
) -> None:
    monkeypatch.setattr(netbox, "get_status", lambda: {"netbox-version": version})
    check, *others = check_netbox(netbox)
    assert check.ok is fit
    assert bool(others) is fit
    assert fit or "4.7 or later is needed" in check.sentence


def test_a_token_that_may_only_read(connect: Connect, admin: NetBox) -> None:
    user = next(admin.list_rows(USER_ITEM.path, **USER_ITEM.key))
    wanted = {"user": user["id"], "version": 2, "write_enabled": False, "description": "trial"}
    token = admin.create(TOKENS, wanted)
    try:
        records, journals, inventories = failed(connect(f"nbt_{token['key']}.{token['token']}"))
    finally:
        admin.delete(TOKENS, token["id"])
    assert records.name == "NetBox permission on virtualization/clusters"
    assert "may not add or change virtualization/clusters" in records.sentence
    assert "use a token that may write" in records.sentence
    assert journals.name == "NetBox permission on extras/journal-entries"
    assert inventories.name == "NetBox permissions on inventories"


@pytest.mark.parametrize(
    "grant",
    # NetBox tells what its user may do with some objects of a model, and another permission says so too.
    [grant for grant in INVENTORY_GRANTS if grant.name != "ports of own devices"],
    ids=lambda grant: grant.name,
)
def test_a_permission_on_inventories_is_missed(netbox: NetBox, admin: NetBox, grant: Grant) -> None:
    with changed(admin, "users/permissions", name_of(grant), enabled=False):
        (check,) = failed(netbox)
    assert check.name == "NetBox permissions on inventories"
    assert name_of(grant) in check.sentence


def test_a_lost_permission_to_delete_is_missed(netbox: NetBox, admin: NetBox) -> None:
    (own,) = (grant for grant in INVENTORY_GRANTS if "delete" in grant.actions)
    with changed(admin, "users/permissions", name_of(own), actions=["view", "change"]):
        (check,) = failed(netbox)
    assert check.name == "NetBox permissions on inventories"
    assert "may not delete " in check.sentence
    assert name_of(own) in check.sentence


ALL_GRANTS = [
    (grant, path, action) for grant in GRANTS for path in grant.models for action in grant.actions
]


@pytest.mark.parametrize(
    ("grant", "path", "action"),
    ALL_GRANTS,
    ids=[f"{action} {path}" for _, path, action in ALL_GRANTS],
)
def test_each_permission_is_missed(
    netbox: NetBox, admin: NetBox, grant: Grant, path: str, action: str
) -> None:
    """Without the action; where there is only one, without the model."""
    fewer = [each for each in grant.actions if each != action]
    others = [model for at, model in grant.models.items() if at != path]
    less = {"actions": fewer} if fewer else {"object_types": others}
    with changed(admin, "users/permissions", name_of(grant), **less):
        found = failed(netbox)
    (check,) = (each for each in found if each.name == f"NetBox permission on {path}")
    assert f"may not {action} {path}" in check.sentence
    assert name_of(grant) in check.sentence
    assert "`starter.py setup`" in check.sentence
    assert {each.name for each in found} == {check.name}


def test_a_permission_that_is_switched_off(netbox: NetBox, admin: NetBox) -> None:
    with changed(admin, "users/permissions", name_of(JOURNALS_GRANT), enabled=False):
        (check,) = failed(netbox)
    assert f"may not view or add {JOURNAL_PATH}" in check.sentence


def test_a_permission_that_hides_fabrics(
    netbox: NetBox, admin: NetBox, make_record: MakeRecord
) -> None:
    seen, _ = make_record(), make_record()
    narrow = {"type__slug": "hedgehog-fabric", "name": seen["name"]}
    with changed(admin, "users/permissions", name_of(RECORDS_GRANT), constraints=narrow):
        (check,) = failed(netbox)
    assert check.name == "NetBox records in sight"
    assert "only 1 of" in check.sentence


def test_a_permission_that_keeps_fabrics_from_being_changed(
    netbox: NetBox, admin: NetBox, record: Row
) -> None:
    user = next(admin.list_rows(USER_ITEM.path, **USER_ITEM.key))
    reading = {
        "name": "Trial",
        "object_types": [CLUSTER_OBJECT_TYPE],
        "actions": ["view"],
        "users": [user["id"]],
    }
    permission = admin.create("users/permissions", reading)
    narrow = {"type__slug": "hedgehog-fabric", "name": "another"}
    try:
        with changed(admin, "users/permissions", name_of(RECORDS_GRANT), constraints=narrow):
            (check,) = failed(netbox)
    finally:
        admin.delete("users/permissions", permission["id"])
    assert check.name == "NetBox records to change"
    assert record["name"] in check.sentence
    assert name_of(RECORDS_GRANT) in check.sentence


@pytest.mark.parametrize(
    ("name", "values", "said"),
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
def test_a_setting_that_stands_in_the_way(
    netbox: NetBox, admin: NetBox, name: str, values: Row, said: str
) -> None:
    with changed(admin, CUSTOM_FIELDS, name, **values):
        check, *others = failed(netbox)
    assert check.name == said
    assert f"{name}: {next(iter(values))}" in check.sentence
    assert "run `starter.py setup`" in check.sentence
    # NetBox may require what no record has yet; one that is there lacks it as well.
    assert {each.name for each in others} <= {"NetBox required fields"}


def test_a_choice_that_is_gone(netbox: NetBox, admin: NetBox) -> None:
    kinds = [[kind.name, kind.name] for kind in COMPARED_KINDS]
    with changed(admin, CHOICE_SETS, "Hedgehog kinds", extra_choices=kinds[1:]):
        (check,) = failed(netbox)
    assert check.name == "NetBox fields"
    assert "repair custom field choice set Hedgehog kinds: extra_choices" in check.sentence


def test_a_field_that_is_gone(netbox: NetBox, admin: NetBox) -> None:
    with changed(admin, CUSTOM_FIELDS, "hh_commit", name="hh_commit_before"):
        (check,) = failed(netbox)
    assert check.name == "NetBox fields"
    assert "create custom field hh_commit" in check.sentence


def test_a_field_that_is_somebody_elses(netbox: NetBox, admin: NetBox) -> None:
    with changed(admin, CUSTOM_FIELDS, "hh_commit", name="hh_commit_before"):
        other = {"name": "hh_commit", "type": "integer", "object_types": [CLUSTER_OBJECT_TYPE]}
        field = admin.create(CUSTOM_FIELDS, other)
        try:
            (check,) = failed(netbox)
        finally:
            admin.delete(CUSTOM_FIELDS, field["id"])
    assert "hh_commit: its type is integer, not text: rename or delete it" in check.sentence


def test_a_field_that_somebody_else_requires(
    netbox: NetBox, admin: NetBox, make_record: MakeRecord
) -> None:
    wanted = {"name": "trial_owner", "type": "text", "object_types": [CLUSTER_OBJECT_TYPE]}
    field = admin.create(CUSTOM_FIELDS, wanted)
    try:
        make_record(trial_owner="Ada")
        make_record()
        admin.update(CUSTOM_FIELDS, field["id"], {"required": True})
        (check,) = failed(netbox)
        assert check.name == "NetBox required fields"
        assert "trial_owner" in check.sentence
        assert "fill them in" in check.sentence
        for row in admin.list_records():
            admin.update(CLUSTERS_PATH, row["id"], {"custom_fields": {"trial_owner": "Eve"}})
        assert failed(netbox) == []
    finally:
        admin.delete(CUSTOM_FIELDS, field["id"])


def test_a_rule_that_was_tightened_over_a_value(
    netbox: NetBox, admin: NetBox, make_record: MakeRecord
) -> None:
    record = make_record(hh_sync_interval=60)
    with changed(admin, CUSTOM_FIELDS, "hh_sync_interval", validation_minimum=100):
        (check,) = failed(netbox)
        with pytest.raises(BadRequest, match="at least 100"):
            admin.update(CLUSTERS_PATH, record["id"], {"description": "new"})
    assert check.name == "NetBox values"
    assert f"{record['name']} for its hh_sync_interval" in check.sentence
    assert "Correct the value" in check.sentence
