"""All records of a fleet are read, whatever changes between two pages."""

import json
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from random import Random
from typing import override
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from activities.fleet.records import FleetRecords
from activities.netbox.client import CLUSTER_TYPE_SLUG, NetBox, Row

URL = "http://netbox.example"
MAX_PAGE_SIZE = 3
FLEET = 10
ROUNDS = 100


class ChangingClusters(BaseAdapter):
    """A list of clusters, all of one name; one comes or goes with each page.

    As in NetBox, the list is ordered by name, and the database orders equal names as it likes; only pages that begin
    at an id (`start`) are ordered by that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fleet = {f"fabric-{number}" for number in range(FLEET)}
        self.pages = 0
        self._random = Random(1)
        self._ids = iter(range(1, 100_000))
        self._rows = [self._make_row(fabric_id) for fabric_id in sorted(self.fleet)]

    def _make_row(self, fabric_id: str) -> Row:
        return {
            "id": next(self._ids),
            "name": "oslo",
            "type": {"slug": CLUSTER_TYPE_SLUG},
            "status": {"value": "active"},
            "custom_fields": {"hh_fabric_id": fabric_id},
        }

    def _change(self) -> None:
        others = [row for row in self._rows if _get_id(row) not in self.fleet]
        if len(others) > FLEET:
            self._rows.remove(self._random.choice(others))
        else:
            self._rows.append(self._make_row(f"other-{self.pages}"))

    def _list(self, query: dict[str, str]) -> Row:
        size = min(int(query["limit"]), MAX_PAGE_SIZE)
        if "start" in query:
            rows = sorted(self._rows, key=lambda row: row["id"])
            found = list(islice((r for r in rows if r["id"] >= int(query["start"])), size + 1))
            position = {"start": found[size]["id"]} if len(found) > size else None
        else:
            self._random.shuffle(self._rows)
            offset = int(query.get("offset", 0))
            found = self._rows[offset : offset + size + 1]
            position = {"offset": offset + size} if len(found) > size else None
        link = (
            f"{URL}/api/virtualization/clusters/?{urlencode(query | position)}"
            if position
            else None
        )
        return {"count": None, "next": link, "previous": None, "results": found[:size]}

    @override
    def send(self, request: PreparedRequest, *_: object, **__: object) -> Response:
        query = {
            name: values[0] for name, values in parse_qs(urlsplit(str(request.url)).query).items()
        }
        response = Response()
        response.status_code, response.request = 200, request
        response._content = json.dumps(self._list(query)).encode()
        self.pages += 1
        self._change()
        return response

    @override
    def close(self) -> None:
        """There is no connection."""


def _get_id(row: Row) -> str:
    return str(row["custom_fields"]["hh_fabric_id"])


@pytest.fixture
def clusters() -> ChangingClusters:
    return ChangingClusters()


@pytest.fixture
def netbox(clusters: ChangingClusters) -> Iterator[NetBox]:
    with closing(NetBox(URL, "none", connect_timeout=1, timeout=1)) as netbox:
        netbox._session.mount(URL, clusters)
        yield netbox


def test_fabrics_of_one_name_are_all_read_in_each_round(
    clusters: ChangingClusters, netbox: NetBox
) -> None:
    records = FleetRecords(netbox, "here")
    for _ in range(ROUNDS):
        rows, problems = records.load()
        ids = [_get_id(row) for row in rows]
        assert problems == []
        assert len(ids) == len(set(ids))
        assert clusters.fleet <= set(ids)
    assert clusters.pages > 4 * ROUNDS
