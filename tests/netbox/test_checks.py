"""The NetBox part of `starter.py doctor`."""

import socket
from collections.abc import Callable, Iterator

import pytest

from activities.netbox import NetBox
from activities.setup import Check, check_netbox
from activities.setup.access import TOKENS, USER
from activities.setup.fields import FIELDS
from activities.setup.items import CLUSTER
from stack.stack import Stack

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


def test_all_is_well_for_the_constrained_user(netbox: NetBox) -> None:
    checks = check_netbox(netbox)
    assert len(checks) == 5
    assert [check.sentence for check in checks if not check.ok] == []
    assert "NetBox 4." in checks[0].sentence


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


def test_a_token_that_may_only_read(connect: Connect, admin: NetBox) -> None:
    user = next(admin.rows(USER.path, **USER.key))
    wanted = {"user": user["id"], "version": 2, "write_enabled": False, "description": "trial"}
    token = admin.create(TOKENS, wanted)
    try:
        checks = failed(connect(f"nbt_{token['key']}.{token['token']}"))
    finally:
        admin.delete(TOKENS, token["id"])
    assert [check.name for check in checks] == [
        "NetBox permission on records",
        "NetBox permission on journals",
    ]
    assert "may not add or change virtualization/clusters" in checks[0].sentence


def test_a_field_that_somebody_else_requires(netbox: NetBox, admin: NetBox) -> None:
    wanted = {"name": "trial_owner", "type": "text", "object_types": [CLUSTER], "required": True}
    field = admin.create(FIELDS, wanted)
    try:
        (check,) = failed(netbox)
    finally:
        admin.delete(FIELDS, field["id"])
    assert "trial_owner" in check.sentence


def test_a_filter_that_is_no_longer_exact(netbox: NetBox, admin: NetBox) -> None:
    field = next(admin.rows(FIELDS, name="hh_fabric_id"))
    admin.change(FIELDS, field["id"], {"filter_logic": "loose"})
    try:
        (check,) = failed(netbox)
    finally:
        admin.change(FIELDS, field["id"], {"filter_logic": "exact"})
    assert "repair custom field hh_fabric_id: filter_logic" in check.sentence
    assert "starter.py setup" in check.sentence
