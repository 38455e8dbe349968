"""NetBox as the inventory uses it: GraphQL to read much at once, lists of rows to write much at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from typing import Any, Final, Literal, Self, override

import requests
from pynetbox.core.query import RequestError

from activities.errors import PermanentError, TransientError, one_line
from activities.netbox.client import NetBox, Row
from activities.netbox.http import BadRequest, join_messages
from settings import Settings

MAX_CONCURRENT_REQUESTS: Final = 3
"""Requests under way at the same time, of all inventories: more would make NetBox no faster."""

type Method = Literal["POST", "PATCH", "DELETE"]

_VERBS: Final[Mapping[Method, str]] = {"POST": "create", "PATCH": "change", "DELETE": "delete"}


class RowsRefused(BadRequest):
    """NetBox wrote none of the rows, because of some: `reasons` are by their places in the list."""

    def __init__(self, sentence: str, reasons: Mapping[int, str]) -> None:
        super().__init__(sentence)
        self.reasons = reasons


class GraphQLError(TransientError):
    """NetBox answered a query with errors: it is in trouble, or something referred to may not be seen."""


class InventoryNetBox(NetBox):
    """One NetBox as one user, many rows at a time."""

    _raise_if_cancelled: Callable[[], None] | None = None

    @classmethod
    @override
    def _max_concurrent_requests(cls, settings: Settings) -> int:
        """As many as inventories may have: all but one, which they leave to the records."""
        return max(1, min(MAX_CONCURRENT_REQUESTS, settings.concurrent_netbox_calls - 1))

    def with_cancellation_check(self, check: Callable[[], None]) -> Self:
        """The same with the same connections. `check` is called before each request or list; by raising
        something it keeps that from being sent."""
        same = copy(self)
        same._raise_if_cancelled = check
        return same

    def graphql(self, query: str) -> dict[str, list[Row]]:
        """The lists that a query asks for, by their aliases.

        NetBox answers 200 whatever happens: what is not the data is told from it here and raised as
        `GraphQLError`. What a user may not see is left out without a word; see `check_may_read`.
        """
        with self._translate_errors("read the inventory"):
            answer = self._session.post(f"{self.url}/graphql/", json={"query": query})
            if not answer.ok:
                raise RequestError(answer)
            body = answer.json()
        if not isinstance(body, dict) or body.get("errors") or not body.get("data"):
            said = join_messages(body.get("errors")) if isinstance(body, dict) else ""
            raise GraphQLError(f"NetBox at {self.url} could not read the inventory: {said}")
        data: dict[str, list[Row]] = body["data"]
        return data

    def check_may_read(self, path: str) -> None:
        """Raise `PermanentError` where this user may not read the objects at `path`."""
        with suggest_setup():
            next(self._get(path, {"fields": "id"}, 1), None)

    def write(self, method: Method, path: str, rows: Sequence[Row]) -> list[Row]:
        """Create, change or delete all the rows or none; the answer has them as they are now.

        Raises `RowsRefused` where NetBox names the rows that it does not take.
        """
        with self._translate_errors(f"{_VERBS[method]} {path}"):
            answer = self._session.request(method, f"{self.url}/api/{path}/", json=rows)
            if answer.status_code in (400, 409) and (reasons := _parse_row_errors(answer, rows)):
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
    """What the user is refused, `setup` may grant."""
    try:
        yield
    except PermanentError as error:
        raise PermanentError(f"{error} Run `starter.py setup`.") from error


def _parse_row_errors(response: requests.Response, rows: Sequence[Row]) -> dict[int, str]:
    """Why which rows are refused: NetBox names them by their places or by their ids."""
    try:
        body: Any = response.json()
    except requests.exceptions.JSONDecodeError:
        return {}
    places = {row.get("id"): place for place, row in enumerate(rows)}
    errors = body.get("errors") if isinstance(body, dict) else None
    found: dict[int, str] = {}
    for each in errors if isinstance(errors, list) else ():
        place = each.get("index", places.get(each.get("id")))
        if isinstance(place, int) and place < len(rows):
            found[place] = join_messages(each.get("errors"))
    return found
