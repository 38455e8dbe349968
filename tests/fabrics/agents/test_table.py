"""Agents as the API prints them."""

import json

import pytest

from fabrics.agents.table import (
    AGENT_TABLE,
    GATEWAY_AGENT_TABLE,
    AgentReading,
    parse_table_page,
    read_table,
)
from tests.support.agents.tables import AGENT_COLUMNS, GATEWAY_AGENT_COLUMNS, print_table

APPLIED = {
    "Name": "leaf-01",
    "Role": "server-leaf",
    "Heartbeat": "12s",
    "Applied": "3h10m",
    "AppliedG": 5,
    "CurrentG": 6,
    "Version": "v0.129.1",
    "RebootReq": "true",
    "Software": "4.5.0-Enterprise_Base",
    "Attempt": "2m5s",
    "AttemptG": 6,
}


def test_cells_are_found_by_the_names_of_their_columns() -> None:
    shuffled = (AGENT_COLUMNS[0], ("New", "string"), *reversed(AGENT_COLUMNS[1:]))
    listing = read_table(AGENT_TABLE, [parse_table_page(print_table(shuffled, APPLIED))])

    assert listing.readings == {
        "leaf-01": AgentReading(
            name="leaf-01",
            generation=6,
            applied_generation=5,
            has_reported=True,
            is_heard=True,
            reboot_required=True,
        )
    }
    assert (listing.unreadable, listing.problem) == ((), "")


def test_columns_that_are_not_used_may_hold_anything() -> None:
    body = print_table(AGENT_COLUMNS, {**APPLIED, "Software": 4})
    assert list(read_table(AGENT_TABLE, [parse_table_page(body)]).readings) == ["leaf-01"]


def test_agent_without_status_has_never_reported() -> None:
    body = print_table(AGENT_COLUMNS, {"Name": "leaf-01", "CurrentG": 1})
    reading = read_table(AGENT_TABLE, [parse_table_page(body)]).readings["leaf-01"]
    assert reading == AgentReading("leaf-01", 1)
    assert not reading.has_reported
    assert reading.is_behind


@pytest.mark.parametrize(
    ("age", "is_heard"),
    [
        *[("0s", True), ("60s", True), ("61s", False), ("2m", False), ("3h10m", False)],
        *[("<invalid>", False), ("<unknown>", False), (None, False), ("just now", False)],
    ],
)
def test_agent_is_heard_if_its_printed_heartbeat_is_at_most_a_minute_old(
    age: str | None, is_heard: bool
) -> None:
    body = print_table(AGENT_COLUMNS, {**APPLIED, "Heartbeat": age})
    reading = read_table(AGENT_TABLE, [parse_table_page(body)]).readings["leaf-01"]
    assert (reading.is_heard, reading.has_reported) == (is_heard, True)


@pytest.mark.parametrize(
    "cells", [{"AppliedG": 0}, {"AttemptG": 1}, {"Heartbeat": "5m"}, {"Heartbeat": "<invalid>"}]
)
def test_agent_with_any_status_has_reported(cells: dict[str, object]) -> None:
    body = print_table(AGENT_COLUMNS, {"Name": "leaf-01", "CurrentG": 1, **cells})
    assert read_table(AGENT_TABLE, [parse_table_page(body)]).readings["leaf-01"].has_reported


def test_gateways_print_no_heartbeat() -> None:
    row = {"Name": "gateway-1", "CurrentG": 2, "AppliedG": 2, "Applied": "5m"}
    body = print_table(GATEWAY_AGENT_COLUMNS, row)
    reading = read_table(GATEWAY_AGENT_TABLE, [parse_table_page(body)]).readings["gateway-1"]
    assert (reading.is_heard, reading.is_behind, reading.has_reported) == (False, False, True)


def test_pages_are_read_together() -> None:
    pages = [
        parse_table_page(print_table(AGENT_COLUMNS, APPLIED, continue_token="next")),
        parse_table_page(print_table(AGENT_COLUMNS, {**APPLIED, "Name": "leaf-02"})),
    ]
    assert [page.continue_token for page in pages] == ["next", ""]
    assert sorted(read_table(AGENT_TABLE, pages).readings) == ["leaf-01", "leaf-02"]


@pytest.mark.parametrize("missing", AGENT_TABLE.required)
def test_missing_column_is_a_problem_that_names_it(missing: str) -> None:
    columns = [column for column in AGENT_COLUMNS if column[0] != missing]
    listing = read_table(AGENT_TABLE, [parse_table_page(print_table(columns, APPLIED))])
    assert not listing.readings
    assert f"the column {missing}:" in listing.problem


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("Name", None),
        ("Name", "leaf\n01"),
        ("CurrentG", None),
        ("CurrentG", "6"),
        ("AppliedG", True),
        ("AppliedG", 5.5),
        ("Heartbeat", 12),
        ("RebootReq", "maybe"),
    ],
)
def test_unexpected_value_makes_one_agent_unreadable(column: str, value: object) -> None:
    rows = {**APPLIED, column: value}, {**APPLIED, "Name": "leaf-02"}
    listing = read_table(AGENT_TABLE, [parse_table_page(print_table(AGENT_COLUMNS, *rows))])
    assert list(listing.readings) == ["leaf-02"]
    assert len(listing.unreadable) == 1


def test_list_of_objects_is_refused_without_repeating_it() -> None:
    agents = {"kind": "AgentList", "metadata": {}, "items": [{"spec": {"password": "s3cret"}}]}
    with pytest.raises(ValueError, match="instead of a Table") as caught:
        parse_table_page(json.dumps(agents).encode())
    assert "s3cret" not in repr(caught.value)


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"kind": "Table", "rows": 1}', b"\xff"])
def test_anything_else_is_no_table(body: bytes) -> None:
    with pytest.raises(ValueError, match="not a Table"):
        parse_table_page(body)
