"""The permissions of the workers' user that tests use, in NetBox or the fake.

A request that succeeds uses one. A request that only asks whether something is allowed does not count.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

import requests

from activities.inventory.netbox.endpoints import CABLE_TERMINATIONS, PATHS
from activities.setup.access import ACCOUNT_NAME, Grant
from fabrics.inventory.model.planned import Model

ACTIONS: Final = {"GET": "view", "POST": "add", "PATCH": "change", "DELETE": "delete"}
GRAPHQL_FIELDS: Final = {"tags": "extras/tags", "terminations": CABLE_TERMINATIONS}
"""Fields of GraphQL that are empty for users who may not view the objects at these paths."""


class Permission(NamedTuple):
    """An action on the objects at a path of the REST API."""

    path: str
    action: str

    def __str__(self) -> str:
        return f"{self.action} {self.path}"


class UsedPermissions:
    """What the users of these tokens have done; the fake NetBox has names for tokens."""

    def __init__(self) -> None:
        self.tokens = {ACCOUNT_NAME}
        self.used: set[Permission] = set()
        self.is_paused = False

    def record_session(self, session: requests.Session) -> requests.Session:
        """Note what succeeds in a session from now on."""
        session.hooks["response"].append(self._record)
        return session

    def _record(self, response: requests.Response, **_: object) -> None:
        if not response.ok or self.is_paused:
            return
        request = response.request
        header = request.headers["Authorization"]
        if any(token in str(header) for token in self.tokens):
            body = request.body if isinstance(request.body, str | bytes) else None
            self.used.update(find_permissions(request.method, str(request.url), body))


USED: Final = UsedPermissions()


def find_permissions(
    method: str | None, url: str, body: str | bytes | None
) -> Iterator[Permission]:
    """Yield the permissions that a request needs."""
    parts = urlsplit(url)
    _, api, *steps = parts.path.split("/")
    if api == "graphql":
        query = json.loads(body or "{}")["query"]
        yield from (
            Permission(PATHS[Model[name.upper()]], "view")
            for name in re.findall(r"(\w+)_list\(", query)
        )
        fields = (
            path for name, path in GRAPHQL_FIELDS.items() if re.search(rf"\b{name} {{", query)
        )
        yield from (Permission(path, "view") for path in fields)
    elif method in ACTIONS and parse_qs(parts.query).get("fields") != ["id"]:
        yield Permission("/".join(steps[:2]), ACTIONS[method])


def find_unused(used: Iterable[Permission], grants: Iterable[Grant]) -> list[Permission]:
    """Return the granted permissions that are not among the used ones."""
    granted = {
        Permission(path, action)
        for grant in grants
        for path in grant.models
        for action in grant.actions
    }
    return sorted(granted - {*used})
