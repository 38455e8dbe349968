"""Answers in which NetBox refuses rows."""

import json
from typing import Any, override

import pytest
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from activities.errors import PermanentError
from activities.inventory.netbox.client import InventoryNetBox, RowsRefused
from activities.netbox.http import BadRequest

URL = "http://netbox.test"
ROWS = [{"id": 7, "name": "a"}, {"id": 8, "name": "b"}]


class FixedAnswer(BaseAdapter):
    """Answers every request alike."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__()
        self._status, self._body = status, body

    @override
    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        response = Response()
        response.status_code, response._content = self._status, json.dumps(self._body).encode()
        response.headers["Content-Type"] = "application/json"
        response.request = request
        return response

    @override
    def close(self) -> None:
        """There is no connection."""


def refuse(status: int, body: object) -> PermanentError:
    """Return what a client raises for this answer."""
    netbox = InventoryNetBox(URL, "none", connect_timeout=1, timeout=1)
    netbox._session.mount(URL, FixedAnswer(status, body))
    with pytest.raises(PermanentError) as raised:
        netbox.write("PATCH", "ipam/vrfs", ROWS)
    return raised.value


@pytest.mark.parametrize("status", [400, 403, 409])
def test_refused_rows_are_named_by_place_or_id(status: int) -> None:
    errors = [{"index": 0, "errors": {"name": ["Taken."]}}, {"id": 8, "errors": ["In use."]}]
    error = refuse(status, {"detail": "2 of 2 objects failed.", "errors": errors})
    assert isinstance(error, RowsRefused)
    assert error.reasons == {0: "name: Taken.", 1: "In use."}


@pytest.mark.parametrize(
    "errors",
    [
        [],
        ["Taken."],
        [None],
        [{"errors": ["Taken."]}],
        [{"index": -1, "errors": ["Taken."]}],
        [{"index": 2, "errors": ["Taken."]}],
        [{"index": "0", "errors": ["Taken."]}],
        [{"id": 9, "errors": ["Taken."]}],
        {"id": 7},
    ],
)
def test_answer_that_names_no_row_that_was_sent_is_about_all(errors: object) -> None:
    """Otherwise the rows would be sent again without end."""
    assert type(refuse(400, {"errors": errors})) is BadRequest


def test_missing_permission_is_no_refused_row() -> None:
    error = refuse(403, {"detail": "You do not have permission to perform this action."})
    assert not isinstance(error, BadRequest)
