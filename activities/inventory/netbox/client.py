"""NetBox client for inventories: reads by GraphQL, writes rows in bulk."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from functools import cached_property
from typing import Any, Final, Literal, Self, override

import requests
from pynetbox.core.query import RequestError

from activities.errors import PermanentError, TransientError, one_line
from activities.netbox.client import NetBox, Row
from activities.netbox.http import BadRequest, join_messages
from settings import Settings

MAX_CONCURRENT_REQUESTS: Final = 3
"""Concurrent requests of all inventories together: more would make NetBox no faster."""

type Method = Literal["POST", "PATCH", "DELETE"]

ROW_ERROR_STATUSES: Final = (400, 403, 409)
"""Statuses of answers that may say which rows are refused: invalid, not allowed, or in use."""

_VERBS: Final[Mapping[Method, str]] = {"POST": "create", "PATCH": "change", "DELETE": "delete"}


class RowsRefused(BadRequest):
    """NetBox wrote no row; `reasons` are by the positions of the refused ones."""

    def __init__(self, sentence: str, reasons: Mapping[int, str]) -> None:
        super().__init__(sentence)
        self.reasons = reasons


class GraphQLError(TransientError):
    """A query failed: a fault of NetBox, or a reference that the user may not view."""


class InventoryNetBox(NetBox):
    """One NetBox as one user, with requests for many rows."""

    _raise_if_cancelled: Callable[[], None] | None = None

    @classmethod
    @override
    def _max_concurrent_requests(cls, settings: Settings) -> int:
        """Return the limit for inventories; one request is left to the records."""
        return max(1, min(MAX_CONCURRENT_REQUESTS, settings.concurrent_netbox_calls - 1))

    def with_cancellation_check(self, check: Callable[[], None]) -> Self:
        """Return a client that shares connections and calls `check` before requests.

        An exception that `check` raises keeps the request from being sent.
        """
        client = copy(self)
        client._raise_if_cancelled = check
        return client

    @cached_property
    def user_name(self) -> str:
        """The name of the token's user, as NetBox's changelog has it."""
        return str(next(self._get("authentication-check", {}, None))["username"])

    def graphql(self, query: str) -> dict[str, list[Row]]:
        """Return the lists of a query by their aliases.

        NetBox answers 200 even on errors; these are raised as `GraphQLError`. It silently omits what the
        user may not view; see `check_may_read`.
        """
        with self._translate_errors("read the inventory"):
            answer = self._session.post(f"{self.url}/graphql/", json={"query": query})
            if not answer.ok:
                raise RequestError(answer)
            body = answer.json()
        if not isinstance(body, dict) or body.get("errors") or not body.get("data"):
            reason = join_messages(body.get("errors")) if isinstance(body, dict) else ""
            raise GraphQLError(f"NetBox at {self.url} could not read the inventory: {reason}")
        data: dict[str, list[Row]] = body["data"]
        return data

    def check_may_read(self, path: str) -> None:
        """Raise `PermanentError` if the user may not read the objects at `path`."""
        with suggest_setup():
            next(self._get(path, {"fields": "id"}, 1), None)

    def write(self, method: Method, path: str, rows: Sequence[Row]) -> list[Row]:
        """Create, change or delete all rows or none; return them as NetBox has them.

        Raises `RowsRefused` if NetBox names the rows that it refuses.
        """
        with self._translate_errors(f"{_VERBS[method]} {path}"):
            answer = self._session.request(method, f"{self.url}/api/{path}/", json=rows)
            if answer.status_code in ROW_ERROR_STATUSES and (
                reasons := _parse_row_errors(answer, rows)
            ):
                first = next(iter(reasons.values()))
                raise RowsRefused(one_line(f"NetBox refused {path}: {first}"), reasons)
            if not answer.ok:
                raise RequestError(answer)
            written: list[Row] = answer.json() if answer.content else []
        return written

    @override
    def _translate_errors(self, action: str) -> AbstractContextManager[None]:
        if self._raise_if_cancelled:
            self._raise_if_cancelled()
        return super()._translate_errors(action)


@contextmanager
def suggest_setup() -> Iterator[None]:
    """Add to each `PermanentError` that `setup` may grant the missing permission."""
    try:
        yield
    except PermanentError as error:
        raise PermanentError(f"{error} Run `starter.py setup`.") from error


def _parse_row_errors(response: requests.Response, rows: Sequence[Row]) -> dict[int, str]:
    """Return reasons by row position; NetBox names rows by position or by id."""
    try:
        body: Any = response.json()
    except requests.exceptions.JSONDecodeError:
        return {}
    positions = {row.get("id"): position for position, row in enumerate(rows)}
    errors = body.get("errors") if isinstance(body, dict) else None
    reasons: dict[int, str] = {}
    for error in errors if isinstance(errors, list) else ():
        named = error if isinstance(error, dict) else {}
        position = named.get("index", positions.get(named.get("id")))
        if isinstance(position, int) and 0 <= position < len(rows):
            reasons[position] = join_messages(named.get("errors"))
    return reasons
