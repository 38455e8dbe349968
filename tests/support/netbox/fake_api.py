"""NetBox's REST and GraphQL APIs in memory, for the clients of the real ones.

Rows are kept as REST takes them. `FakeNetBox` has the rules that they must keep; a request changes all of
its rows or none. Lists are not filtered, except by pages in GraphQL: NetBox ignores unknown filters, so clients
check every row. It knows neither permissions nor templates of components.
"""

import json
import re
from collections import defaultdict
from functools import partial
from itertools import count, islice
from threading import Lock
from typing import Any, Final, override

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from activities.inventory.netbox.endpoints import OBJECT_CHANGES, PATHS
from activities.inventory.netbox.serializers import REFERENCE_FIELDS, parse_row
from activities.netbox.client import NetBox, Row
from activities.setup.access import ACCOUNT_NAME
from fabrics.inventory.model.existing import ObjectId
from fabrics.inventory.model.planned import Model
from tests.support.inventory.fake_netbox import FakeNetBox, Refused, empty_values

URL: Final = "http://netbox.test"
MODELS: Final = {path: model for model, path in PATHS.items()}
BLANK: Final[Row] = {
    "tags": [],
    "custom_fields": {},
    "qinq_svlan": None,
    "scope_type": None,
    "scope_id": None,
    "module": None,
}
"""Fields that clients read of rows of any model."""

CUSTOM_FIELDS: Final = dict.fromkeys(
    ("hh_fabric", "hh_key", "hh_details", "hh_nos_version", "hh_drifted")
)
CHOICES: Final = ("status", "type", "mode", "role")
"""Fields that REST shows as objects with a value and GraphQL without, if they are texts."""

TERMINATIONS: Final = ("a_terminations", "b_terminations")
EMPTIED: Final = frozenset(
    {"primary_ip4", "oob_ip", "primary_mac_address", "lag", "untagged_vlan", "tagged_vlans"}
)
"""References that NetBox empties when it deletes an object; others keep it from being deleted."""

LIST_QUERY: Final = re.compile(
    r"(\w+): (\w+)_list\(filters: .*?, pagination: { start: (\d+), limit: (\d+) }\)"
)


class UnknownId(Refused):
    """NetBox has no object of this id."""


class FakeApi:
    """One NetBox, empty at first."""

    def __init__(self) -> None:
        self._rules = FakeNetBox()
        self._tables: dict[str, dict[int, Row]] = defaultdict(dict)
        self._numbers = count(1)
        self._lock = Lock()
        self._user = ""

    def connect[C: NetBox](self, client_class: type[C], user: str = ACCOUNT_NAME) -> C:
        """Return a client of this NetBox."""
        client = client_class(URL, user, connect_timeout=1, timeout=1)
        client._session.mount(URL, _Adapter(self, user))
        return client

    def answer(self, user: str, method: str, path_url: str, body: Any) -> tuple[int, object]:  # noqa: ANN401  JSON
        """Return status and body of the answer to one request of a user."""
        _, api, *parts = path_url.partition("?")[0].split("/")
        with self._lock:
            self._user = user
            if api == "graphql":
                return 200, {"data": self._query(body["query"])}
            if parts[0] == "authentication-check":
                return 200, {"username": user}
            path, key = "/".join(parts[:2]), parts[2]
            if method == "GET":
                rows = [self._show(path, row) for row in self._tables[path].values()]
                return 200, {"count": None, "next": None, "results": rows}
            return self._change(method, path, {**(body or {}), "id": int(key)} if key else body)

    # -- changes ---------------------------------------------------------------------------------------

    def _change(self, method: str, path: str, body: Row | list[Row]) -> tuple[int, object]:
        """Make all changes or none; name the row that is refused, as NetBox does."""
        tables = {name: dict(table) for name, table in self._tables.items()}
        change = self._delete if method == "DELETE" else self._write
        written: list[Row] = []
        rows = body if isinstance(body, list) else [body]
        try:
            with self._rules.transaction():
                for row in rows:
                    written.append(change(path, row))
        except Refused as error:
            self._tables = defaultdict(dict, tables)
            place = {"id": rows[len(written)].get("id"), "index": len(written)}
            reasons = {"id" if isinstance(error, UnknownId) else "__all__": [str(error)]}
            return 400, {"errors": [place | {"errors": reasons}]} if rows is body else reasons
        shown = [self._show(path, row) for row in written if method != "DELETE"]
        return 200, shown if rows is body else shown and shown[0]

    def _write(self, path: str, fields: Row) -> Row:
        """Create or change a row, and log that."""
        message = fields.get("changelog_message", "")
        model, number = MODELS.get(path), fields.get("id") or next(self._numbers)
        before = self._tables[path].get(number)
        if "id" in fields and before is None:
            raise UnknownId(f"Object with ID {number} does not exist")
        row = (before or BLANK | (dict(empty_values(model)) if model else {})) | fields
        row["id"] = number
        row["custom_fields"] = (
            CUSTOM_FIELDS | (before or BLANK)["custom_fields"] | fields.get("custom_fields", {})
        )
        row.pop("changelog_message", None)
        self._store(path, row)
        if before is None:
            self._log("create", path, row, message)
        if (before or model is Model.CABLE) and row != before:  # NetBox updates a new cable
            self._log("update", path, row, message, before)
        return row

    def _store(self, path: str, row: Row) -> None:
        self._require_references(row)
        self._tables[path][row["id"]] = row
        if model := MODELS.get(path):
            self._rules.put(parse_row(model, _to_graphql(row)))

    def _require_references(self, row: Row) -> None:
        ends = [end["object_id"] for side in TERMINATIONS for end in row.get(side, ())]
        references = [
            *((model, row.get(field)) for field, model in REFERENCE_FIELDS.items()),
            (Model.INTERFACE, [*ends, row.get("assigned_object_id")]),
        ]
        for model, value in references:
            for number in value if isinstance(value, list) else [value]:
                if isinstance(number, int) and number not in self._tables[PATHS[model]]:
                    raise Refused(f"There is no {model} {number}")

    def _delete(self, path: str, fields: Row) -> Row:
        if fields["id"] not in self._tables[path]:
            raise UnknownId(f"Object with ID {fields['id']} does not exist")
        if MODELS.get(path) is Model.MODULE_BAY:  # NetBox deletes its module with it
            for module in self._used_by(Model.MODULE_BAY, fields["id"], Model.MODULE):
                self._delete(PATHS[Model.MODULE], {"id": module["id"]})
        row = self._tables[path].pop(fields["id"])
        self._log("delete", path, row, fields.get("changelog_message", ""), row)
        if model := MODELS.get(path):
            del self._rules.rows[ObjectId(model, row["id"])]
            for user in Model:
                for referring in self._used_by(model, row["id"], user):
                    self._store(PATHS[user], _empty_references(referring, model, row["id"]))
        return row

    def _log(
        self, action: str, path: str, row: Row, message: str, before: Row | None = None
    ) -> None:
        entry = next(self._numbers)
        self._tables[OBJECT_CHANGES][entry] = {
            "id": entry,
            "action": {"value": action},
            "user_name": self._user,
            "message": message,
            "changed_object_type": MODELS.get(path, path),
            "changed_object_id": row["id"],
            "request_id": str(entry),
            "prechange_data": {"custom_fields": before["custom_fields"]} if before else {},
            "postchange_data": {"custom_fields": row["custom_fields"]},
        }

    # -- reads -----------------------------------------------------------------------------------------

    def _query(self, query: str) -> dict[str, list[Row]]:
        """Return the lists that a query of the inventory's reader asks for, by alias."""
        return {
            alias: self._list(Model[name.upper()], int(start), int(limit))
            for alias, name, start, limit in LIST_QUERY.findall(query)
        }

    def _list(self, model: Model, start: int, limit: int) -> list[Row]:
        rows = (
            _to_graphql(row)
            for number, row in sorted(self._tables[PATHS[model]].items())
            if number >= start
        )
        return list(islice(rows, limit))

    def _show(self, path: str, row: Row, depth: int = 2) -> Row:
        """Return a row as REST does, with objects that it refers to down to `depth`."""
        name = row.get("name") or row.get("label") or row.get("address") or str(row["id"])
        shown: Row = {"display": name, **row}
        if not depth:
            return shown
        for field, value in row.items():
            shown[field] = self._show_value(field, value, depth - 1)
        if row.get("assigned_object_id"):
            shown["assigned_object"] = self._show_id(
                Model.INTERFACE, row["assigned_object_id"], depth - 1
            )
        if row.get("scope_id"):
            shown["scope"] = {"id": row["scope_id"], "display": "the scope"}
        return shown | (self._describe_usage(MODELS.get(path), row["id"]) if depth == 2 else {})

    def _show_value(self, field: str, value: Any, depth: int) -> Any:  # noqa: ANN401  any field
        if field in CHOICES and isinstance(value, str):
            return {"value": value, "label": value}
        if field in TERMINATIONS:
            shown = (
                (end, self._show_id(Model.INTERFACE, end["object_id"], depth)) for end in value
            )
            return [end | {"object": interface} for end, interface in shown]
        if field == "custom_fields":
            site = value.get("hh_site")
            return value | {"hh_site": site and self._show_id(Model.SITE, site, depth)}
        model = REFERENCE_FIELDS.get(field)
        if model and isinstance(value, int):
            return self._show_id(model, value, depth)
        if model and isinstance(value, list):
            return [self._show_id(model, number, depth) for number in value]
        return value

    def _show_id(self, model: Model, number: int, depth: int) -> Row:
        path = PATHS[model]
        return self._show(path, self._tables[path][number], depth)

    def _describe_usage(self, model: Model | None, number: int) -> Row:
        """Return what NetBox shows of the objects on an object."""
        match model:
            case Model.SITE:
                return {"device_count": len(self._used_by(model, number, Model.DEVICE))}
            case Model.DEVICE:
                return {
                    "interface_count": len(self._used_by(model, number, Model.INTERFACE)),
                    "module_bay_count": len(self._used_by(model, number, Model.MODULE_BAY)),
                }
            case Model.MODULE_BAY:
                modules = self._used_by(model, number, Model.MODULE)
                return {"installed_module": next(iter(modules), None)}
            case Model.INTERFACE:
                return {
                    "cable": self._used_by(model, number, Model.CABLE),
                    "count_ipaddresses": len(self._used_by(model, number, Model.IP_ADDRESS)),
                    "mac_addresses": self._used_by(model, number, Model.MAC_ADDRESS),
                }
        return {}

    def _used_by(self, model: Model, number: int, by: Model) -> list[Row]:
        rows = self._tables[PATHS[by]].values()
        return [row for row in rows if _find_references(row, model, number)]


class _Adapter(BaseAdapter):
    """Answers requests without a network."""

    def __init__(self, api: FakeApi, user: str) -> None:
        super().__init__()
        self._answer = partial(api.answer, user)

    @override
    def send(self, request: PreparedRequest, *_: object, **__: object) -> Response:
        response = Response()
        sent = json.loads(request.body) if isinstance(request.body, str | bytes) else None
        method, path = request.method or "", request.path_url
        response.status_code, body = self._answer(method, path, sent)
        response._content = b"" if body is None else json.dumps(body).encode()
        response.headers["Content-Type"] = "application/json"
        response.request, response.url = request, str(request.url)
        return response

    @override
    def close(self) -> None:
        """There is no connection."""


def _find_references(row: Row, model: Model, number: int) -> list[str]:
    """Return the fields of a row that refer to an object."""
    found = [
        field
        for field, value in row.items()
        if REFERENCE_FIELDS.get(field) is model
        and (number in value if isinstance(value, list) else value == number)
    ]
    if model is Model.INTERFACE:
        ends = ((side, end) for side in TERMINATIONS for end in row.get(side, ()))
        found += [side for side, end in ends if end["object_id"] == number]
    if row.get("assigned_object_type") == model and row["assigned_object_id"] == number:
        found.append("assigned_object")
    return found


def _empty_references(row: Row, model: Model, number: int) -> Row:
    """Return a row that no longer refers to a deleted object. Raises `Refused`."""
    emptied: Row = {}
    for field in _find_references(row, model, number):
        if field not in EMPTIED:
            raise Refused(f"{model} {number} is the {field} of {row}")
        value = row[field]
        emptied[field] = [n for n in value if n != number] if isinstance(value, list) else None
    return row | emptied


def _to_graphql(row: Row) -> Row:
    """Return a row as GraphQL does."""
    shown: Row = {field: _to_graphql_value(field, value) for field, value in row.items()}
    interface = {"__typename": "InterfaceType", "id": row.get("assigned_object_id")}
    ends = (
        {"cable_end": side[0].upper(), "termination": interface | {"id": end["object_id"]}}
        for side in TERMINATIONS
        for end in row.get(side, ())
    )
    return shown | {
        "id": str(row["id"]),
        "custom_field_data": row["custom_fields"],
        "assigned_object": interface if interface["id"] else None,
        "terminations": list(ends),
    }


def _to_graphql_value(field: str, value: Any) -> Any:  # noqa: ANN401  any field
    if field == "vid_ranges":
        return [f"[{first}, {last + 1})" for first, last in value]
    if field in REFERENCE_FIELDS and isinstance(value, int):
        return {"id": str(value)}
    if field in REFERENCE_FIELDS and isinstance(value, list | tuple):
        return [{"id": str(number)} for number in value]
    return value
