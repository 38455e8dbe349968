"""The NetBox part of `starter.py doctor`."""

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import override

import pytest

from activities.checks import Check
from activities.errors import PermanentError
from activities.netbox import answer_times
from activities.netbox.client import CLUSTERS_PATH, JOURNAL_PATH, NetBox, Row
from activities.netbox.http import BadRequest
from activities.setup import check_netbox
from activities.setup.access import GRANTS, JOURNALS_GRANT, RECORDS_GRANT, TOKENS, USER_ITEM, Grant
from activities.setup.checks import rule_checks, structure_checks, version_checks
from activities.setup.choice_sets import CHOICE_SETS
from activities.setup.fields import CUSTOM_FIELDS
from activities.setup.inventory_items import INVENTORY_GRANTS
from activities.setup.items import CLUSTER_OBJECT_TYPE
from activities.setup.permissions import Permissions, permission_checks, record_checks
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


def failed(checks: Iterable[Check]) -> list[Check]:
    return [check for check in checks if not check.ok]


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
    assert len(names) == len(checks) == 17
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
def test_netbox_version_must_be_4_7_or_later(version: str, fit: bool) -> None:
    netbox = ScriptedNetBox(version)
    (check,) = version_checks(netbox)
    assert check.ok is fit
    assert fit or check_netbox(netbox) == [check]
    assert fit or "4.7 or later is needed" in check.sentence


def test_speed_is_judged_by_all_small_answers(
    connect: Connect, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    netbox = connect(stack.netbox.token)
    times = netbox.time_answers()
    netbox.get_status()
    netbox.list_records(limit=1)
    assert len(times) == 2
    assert min(times) > timedelta(0)
    monkeypatch.setattr(answer_times, "SMALL_ANSWER_BYTES", 10)
    netbox.get_status()
    assert len(times) == 2


@pytest.mark.parametrize(
    ("slowest", "sentence"),
    [(2.0, "NetBox answers within 2.0 s."), (4.26, "NetBox takes up to 4.3 s for an answer")],
)
def test_one_slow_answer_of_all_is_reported(
    connect: Connect, stack: Stack, monkeypatch: pytest.MonkeyPatch, slowest: float, sentence: str
) -> None:
    netbox = connect(stack.netbox.token)
    times = [timedelta(seconds=seconds) for seconds in (0.1, slowest, 0.3)]
    monkeypatch.setattr(netbox, "time_answers", lambda: times)
    *_, speed = check_netbox(netbox)
    assert speed.name == "NetBox speed"
    assert speed.ok is ("within" in sentence)
    assert speed.sentence.startswith(sentence)


class ScriptedNetBox(NetBox):
    """A NetBox of this version whose user may do all but one action at one path."""

    def __init__(self, version: str = "4.7.0", path: str = "", action: str = "") -> None:
        super().__init__("http://127.0.0.1:1", "none", connect_timeout=1, timeout=1)
        self._version, self._path, self._action = version, path, action

    @override
    def get_status(self) -> Row:
        return {"netbox-version": self._version}

    @override
    def allowed_methods(self, path: str) -> set[str]:
        return {name for name, action in METHODS.items() if self._may(action, path)}

    @override
    def can_view(self, path: str) -> bool:
        return self._may("view", path)

    @override
    def can_delete(self, path: str) -> bool:
        return self._may("delete", path)

    def _may(self, action: str, path: str) -> bool:
        return (action, path) != (self._action, self._path)


METHODS = {"POST": "add", "PUT": "change"}

SEPARATE_GRANTS = [
    # NetBox shows what a user may do with some objects of a model, which another permission also grants.
    grant
    for grant in (*GRANTS, *INVENTORY_GRANTS)
    if grant.name != "ports of own devices"
]
ALL_GRANTS = [
    (grant, path, action)
    for grant in SEPARATE_GRANTS
    for path in grant.models
    for action in grant.actions
]


@pytest.mark.parametrize(
    ("grant", "path", "action"),
    ALL_GRANTS,
    ids=[f"{action} {path}" for _, path, action in ALL_GRANTS],
)
def test_each_permission_is_checked(grant: Grant, path: str, action: str) -> None:
    (check,) = failed(permission_checks(ScriptedNetBox(path=path, action=action)))
    separately = f"NetBox permission on {path}"
    assert check.name == (separately if grant in GRANTS else "NetBox permissions on inventories")
    assert f"may not {action} {path}" in check.sentence
    assert permission_name(grant) in check.sentence


def test_read_only_token_fails_write_permissions(connect: Connect, admin: NetBox) -> None:
    user = next(admin.list_rows(USER_ITEM.path, **USER_ITEM.key))
    values = {"user": user["id"], "version": 2, "write_enabled": False, "description": "trial"}
    token = admin.create(TOKENS, values)
    try:
        read_only = connect(f"nbt_{token['key']}.{token['token']}")
        records, journals, inventories = failed(check_netbox(read_only))
    finally:
        admin.delete(TOKENS, token["id"])
    assert records.name == "NetBox permission on virtualization/clusters"
    assert "may not add or change virtualization/clusters" in records.sentence
    assert "that allows writes" in records.sentence
    assert journals.name == "NetBox permission on extras/journal-entries"
    assert inventories.name == "NetBox permissions on inventories"


def refusals(netbox: NetBox, grant: Grant) -> dict[str, str]:
    """Return the sentences on what the user may not do, by path of the grant."""
    permissions, sentences = Permissions(netbox), dict[str, str]()
    for path in grant.models:
        try:
            permissions.check(grant, path)
        except PermanentError as error:
            sentences[path] = str(error)
    return sentences


@pytest.mark.parametrize("grant", SEPARATE_GRANTS, ids=lambda grant: grant.name)
def test_disabled_permission_is_noticed(netbox: NetBox, admin: NetBox, grant: Grant) -> None:
    with changed(admin, "users/permissions", permission_name(grant), enabled=False):
        sentences = refusals(netbox, grant)
    assert sentences.keys() == grant.models.keys()
    assert all(permission_name(grant) in sentence for sentence in sentences.values())


def test_disabled_permissions_are_reported(netbox: NetBox, admin: NetBox) -> None:
    (own,) = (grant for grant in INVENTORY_GRANTS if "delete" in grant.actions)
    with (
        changed(admin, "users/permissions", permission_name(JOURNALS_GRANT), enabled=False),
        changed(admin, "users/permissions", permission_name(own), actions=["view", "change"]),
    ):
        journals, inventories = failed(permission_checks(netbox))
    assert f"may not view or add {JOURNAL_PATH}" in journals.sentence
    assert inventories.name == "NetBox permissions on inventories"
    assert "may not add or delete " in inventories.sentence
    assert permission_name(own) in inventories.sentence


RECORD_GRANTS = [(grant, path, action) for grant, path, action in ALL_GRANTS if grant in GRANTS]


@pytest.mark.parametrize(
    ("grant", "path", "action"),
    RECORD_GRANTS,
    ids=[f"{action} {path}" for _, path, action in RECORD_GRANTS],
)
def test_each_missing_permission_is_noticed(
    netbox: NetBox, admin: NetBox, grant: Grant, path: str, action: str
) -> None:
    """Remove the action, or, if it is the only one, the model."""
    other_actions = [other for other in grant.actions if other != action]
    other_models = [model for at, model in grant.models.items() if at != path]
    reduced = {"actions": other_actions} if other_actions else {"object_types": other_models}
    with changed(admin, "users/permissions", permission_name(grant), **reduced):
        sentences = refusals(netbox, grant)
    assert sentences.keys() == {path}
    assert f"may not {action} {path}" in sentences[path]
    assert permission_name(grant) in sentences[path]
    assert "`starter.py setup`" in sentences[path]


def test_permission_that_hides_fabrics_is_reported(
    netbox: NetBox, admin: NetBox, make_record: MakeRecord
) -> None:
    visible, _ = make_record(), make_record()
    constraints = {"type__slug": "hedgehog-fabric", "name": visible["name"]}
    with changed(
        admin, "users/permissions", permission_name(RECORDS_GRANT), constraints=constraints
    ):
        (check,) = failed(record_checks(netbox))
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
            (check,) = failed(record_checks(netbox))
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
    stage = structure_checks if check_name == "NetBox fields" else rule_checks
    with changed(admin, CUSTOM_FIELDS, name, **values):
        check, *others = failed(stage(netbox))
    assert check.name == check_name
    assert f"{name}: {next(iter(values))}" in check.sentence
    assert "run `starter.py setup`" in check.sentence
    # A required field without a value in an existing record fails a second check.
    assert {row.name for row in others} <= {"NetBox required fields"}


def test_missing_choice_is_reported(netbox: NetBox, admin: NetBox) -> None:
    kinds = [[kind.name, kind.name] for kind in COMPARED_KINDS]
    with changed(admin, CHOICE_SETS, "Hedgehog kinds", extra_choices=kinds[1:]):
        (check,) = failed(structure_checks(netbox))
    assert check.name == "NetBox fields"
    assert "repair custom field choice set Hedgehog kinds: extra_choices" in check.sentence


def test_missing_field_is_reported(netbox: NetBox, admin: NetBox) -> None:
    with changed(admin, CUSTOM_FIELDS, "hh_commit", name="hh_commit_before"):
        (check,) = failed(structure_checks(netbox))
    assert check.name == "NetBox fields"
    assert "create custom field hh_commit" in check.sentence


def test_field_of_other_type_is_reported(netbox: NetBox, admin: NetBox) -> None:
    with changed(admin, CUSTOM_FIELDS, "hh_commit", name="hh_commit_before"):
        other = {"name": "hh_commit", "type": "integer", "object_types": [CLUSTER_OBJECT_TYPE]}
        field = admin.create(CUSTOM_FIELDS, other)
        try:
            (check,) = failed(structure_checks(netbox))
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
        empty = make_record()
        admin.update(CUSTOM_FIELDS, field["id"], {"required": True})
        (check,) = failed(rule_checks(netbox))
        assert check.name == "NetBox required fields"
        assert "trial_owner" in check.sentence
        assert "fill them in" in check.sentence
        admin.update(CLUSTERS_PATH, empty["id"], {"custom_fields": {"trial_owner": "Eve"}})
        assert failed(rule_checks(netbox)) == []
    finally:
        admin.delete(CUSTOM_FIELDS, field["id"])


def test_value_that_breaks_new_rule_is_reported(
    netbox: NetBox, admin: NetBox, make_record: MakeRecord
) -> None:
    record = make_record(hh_sync_interval=60)
    with changed(admin, CUSTOM_FIELDS, "hh_sync_interval", validation_minimum=100):
        (check,) = failed(rule_checks(netbox))
        with pytest.raises(BadRequest, match="at least 100"):
            admin.update(CLUSTERS_PATH, record["id"], {"description": "new"})
    assert check.name == "NetBox values"
    assert f"{record['name']} for its hh_sync_interval" in check.sentence
    assert "Correct the value" in check.sentence
