"""The permissions that the suite uses: a pytest plugin that compares them with those that `setup` grants.

It notes what succeeds with the token of the workers' user, and what workers do in a fake NetBox. A whole run
(`make test`) in which all tests pass still fails if a permission is granted that nothing used. One that is used and
not granted needs no check: NetBox refuses it. What tests do to try the permissions themselves does not count, nor do
requests that only ask whether something is allowed.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from requests.utils import to_native_string

from activities.inventory.netbox.endpoints import CABLE_TERMINATIONS, PATHS
from activities.netbox import client
from activities.setup.access import ACCOUNT_NAME, GRANTS, Grant
from activities.setup.inventory_items import INVENTORY_GRANTS
from fabrics.inventory.model.planned import Model
from tests.support.paths import PROJECT

ACTIONS: Final = {"GET": "view", "POST": "add", "PATCH": "change", "DELETE": "delete"}
GRAPHQL_FIELDS: Final = {"tags": "extras/tags", "terminations": CABLE_TERMINATIONS}
"""Fields of GraphQL that are empty for users who may not view the objects at these paths."""

TESTS_OF_PERMISSIONS: Final = PROJECT / "tests/activities/setup"
WORKER_OUTPUT: Final = "used_permissions"


class Permission(NamedTuple):
    """An action on the objects at a path of the REST API."""

    path: str
    action: str

    def __str__(self) -> str:
        return f"{self.action} {self.path}"


UNUSED: Final = pytest.StashKey[list[Permission]]()


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
        request = response.request
        token = to_native_string(request.headers["Authorization"]).removeprefix("Bearer ")
        if response.ok and token in self.tokens and not self.is_paused:
            self.used.update(find_permissions(request.method, str(request.url), request.body))


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


def is_whole_run(config: pytest.Config) -> bool:
    """True if the run is that of `make test`."""
    option = config.option
    chosen = option.keyword, option.ignore, option.deselect, option.lf
    is_complete = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not any(chosen)
    return is_complete and option.markexpr == "not soak"


def pytest_configure(config: pytest.Config) -> None:
    """Note what clients of NetBox do."""
    patch, create_session = pytest.MonkeyPatch(), client.create_session

    def create_recorded_session(*arguments: Any) -> requests.Session:  # noqa: ANN401  any of its
        return USED.record_session(create_session(*arguments))

    patch.setattr(client, "create_session", create_recorded_session)
    config.add_cleanup(patch.undo)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Pause for tests that use permissions for their own sake."""
    USED.is_paused = item.path.is_relative_to(TESTS_OF_PERMISSIONS)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401  of pytest-xdist, which has no types
    """Take over what a worker of pytest-xdist has noted."""
    output = getattr(node, "workeroutput", {})
    USED.used.update(Permission(*names) for names in output.get(WORKER_OUTPUT, ()))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a whole run that passed, but did not use all permissions."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput[WORKER_OUTPUT] = [[*permission] for permission in USED.used]
    elif exitstatus == pytest.ExitCode.OK and is_whole_run(config):
        config.stash[UNUSED] = find_unused(USED.used, (*GRANTS, *INVENTORY_GRANTS))
        if config.stash[UNUSED]:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Name the permissions that nothing used."""
    for permission in config.stash.get(UNUSED, []):
        terminalreporter.write_line(
            f"FAILED `setup` lets the worker's user {permission}, which no test needs: do not grant it, or test why.",
            red=True,
        )
