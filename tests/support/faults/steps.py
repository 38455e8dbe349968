"""Names of steps: the exchanges of the product with what it depends on."""

import re
from collections.abc import Callable
from typing import Final

from aiohttp import web

from tests.support.faults.faults import Dependency

COMMON_PARAMETERS: Final = frozenset({"fields", "limit", "start", "offset", "pagination"})
"""Parameters of NetBox's lists that do not tell what is asked for."""


def name_netbox_step(request: web.BaseRequest, body: bytes) -> str:
    """Return `POST dcim/devices`, `PATCH dcim/devices/*` or `POST graphql site`.

    A list is named with its filters, and a query of GraphQL by its first list.
    """
    if request.path == "/graphql/":
        first = re.search(rb"(\w+)_list", body)
        return f"{request.method} graphql {first[1].decode() if first else ''}"
    path = re.sub(r"/\d+$", "/*", request.path.removeprefix("/api").strip("/"))
    filters = ",".join(sorted(set(request.query) - COMMON_PARAMETERS))
    return f"{request.method} {path}{'?' if filters else ''}{filters}"


def name_kubernetes_step(request: web.BaseRequest, _: bytes) -> str:
    """Return `switches`, `switches, next page` or `discovery of GROUP`."""
    _apis, group, *rest = request.path.strip("/").split("/")
    if len(rest) < 4:
        return f"discovery of {'/'.join((group, *rest))}"
    _version, _namespaces, _namespace, plural, *name = rest
    table = " as Table" if "as=Table" in request.headers.get("Accept", "") else ""
    page = ", next page" if "continue" in request.query else ""
    return f"{plural}{'/*' if name else ''}{table}{page}"


def name_git_step(request: web.BaseRequest, body: bytes) -> str:
    """Return `info/refs`, `ls-refs`, `fetch`, or `check` for the product's own check."""
    if request.path.endswith("/info/refs"):
        return "info/refs"
    if "fabric-sync" in request.headers.get("User-Agent", ""):
        return "check"
    length = int(body[:4], 16)  # of the first line, which begins with it
    return body[4:length].decode().strip().removeprefix("command=")


NAMES: Final[dict[Dependency, Callable[[web.BaseRequest, bytes], str]]] = {
    Dependency.NETBOX: name_netbox_step,
    Dependency.KUBERNETES: name_kubernetes_step,
    Dependency.GIT: name_git_step,
}
