"""A pytest plugin that finds granted permissions that the suite never uses.

A whole run (`make test`) in which all tests pass still fails if a permission is granted that nothing used. One that is
used and not granted needs no check: NetBox refuses it. What tests do to try the permissions themselves does not count.
"""

from typing import Any, Final

import pytest
import requests

from activities.netbox import client, http
from activities.setup.access import GRANTS
from activities.setup.inventory_items import INVENTORY_GRANTS
from tests.support.netbox.used_permissions import USED, Permission, find_unused
from tests.support.paths import PROJECT

TESTS_OF_PERMISSIONS: Final = PROJECT / "tests/activities/setup"
WORKER_OUTPUT: Final = "used_permissions"
UNUSED: Final = pytest.StashKey[list[Permission]]()


def is_whole_run(config: pytest.Config) -> bool:
    """True if the run is that of `make test`."""
    option = config.option
    chosen = option.keyword, option.ignore, option.deselect, option.lf
    is_complete = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not any(chosen)
    return is_complete and option.markexpr == "not soak"


def pytest_configure(config: pytest.Config) -> None:
    """Note what clients of NetBox do."""
    patch, create_session = pytest.MonkeyPatch(), http.create_session

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
