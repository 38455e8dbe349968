"""How long the token of the user lasts, and when it is renewed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import override

import pytest

from activities import setup
from activities.errors import PermanentError
from activities.netbox.client import NetBox, Row
from activities.setup.access import RENEWAL_PERIOD, TOKEN_DESCRIPTION, TOKENS, USER_ITEM

SOON = (datetime.now(UTC) + RENEWAL_PERIOD - timedelta(days=1)).isoformat()
LATER = (datetime.now(UTC) + RENEWAL_PERIOD + timedelta(days=1)).isoformat()


class NetBoxWithTokens(NetBox):
    """A NetBox whose tokens expire at these times, or never."""

    def __init__(self, *expiries: str | None) -> None:
        super().__init__("http://127.0.0.1:1", "none", connect_timeout=1, timeout=1)
        self.tokens: list[Row] = []
        for expires in expiries:
            self.create(TOKENS, {"description": TOKEN_DESCRIPTION, "expires": expires, "user": 1})

    @override
    def list_rows(self, path: str, **filters: object) -> Iterator[Row]:
        return iter(self.tokens if path == TOKENS else [{"id": 1, **USER_ITEM.key}])

    @override
    def create(self, path: str, row: Row) -> Row:
        number = len(self.tokens) + 1
        shown = {"user": {"id": row["user"]}, "key": f"key{number}", "token": "secret"}
        self.tokens.append(row | shown)
        return self.tokens[-1]


@pytest.mark.parametrize(
    ("expiries", "is_issued"),
    [
        ((), True),
        ((None,), False),
        ((LATER,), False),
        ((SOON,), True),
        (("2026-01-01T00:00:00Z",), True),
        ((SOON, LATER), False),
    ],
)
def test_token_is_created_unless_there_is_one_that_lasts(
    expiries: tuple[str | None, ...], is_issued: bool
) -> None:
    netbox = NetBoxWithTokens(*expiries)
    token = setup.issue_token(netbox)
    assert token == (f"nbt_key{len(expiries) + 1}.secret" if is_issued else None)


def test_token_expires_only_if_asked_for() -> None:
    netbox = NetBoxWithTokens()
    setup.issue_token(netbox)
    assert netbox.tokens.pop()["expires"] is None
    setup.issue_token(netbox, lifetime=timedelta(days=90))
    left = datetime.fromisoformat(netbox.tokens.pop()["expires"]) - datetime.now(UTC)
    assert timedelta(days=89) < left <= timedelta(days=90)


@pytest.mark.parametrize(
    ("key", "is_ok", "sentence"),
    [
        ("key1", False, f"expires at {SOON}: run `starter.py setup --token-expires DAYS`"),
        ("key2", True, f"expires at {LATER}."),
        ("key3", True, "does not expire"),
        ("key4", True, "hides when its token expires"),
    ],
    ids=["soon", "later", "never", "hidden"],
)
def test_doctor_warns_before_the_token_in_use_expires(key: str, is_ok: bool, sentence: str) -> None:
    check = setup.check_token(NetBoxWithTokens(SOON, LATER, None), f"nbt_{key}.secret")
    assert check.ok is is_ok
    assert sentence in check.sentence
    assert "secret" not in check.sentence


def test_netbox_may_hide_tokens() -> None:
    class NetBoxWithoutTokens(NetBoxWithTokens):
        @override
        def list_rows(self, path: str, **filters: object) -> Iterator[Row]:
            raise PermanentError("NetBox does not allow this user to read users/tokens.")

    assert setup.check_token(NetBoxWithoutTokens(), "nbt_key1.secret").ok
