"""The check at the end of a whole run that every granted permission was used."""

from types import SimpleNamespace
from typing import Any

import pytest

from activities.setup.access import GRANTS
from activities.setup.inventory_items import INVENTORY_GRANTS
from tests.support.netbox import permission_check
from tests.support.netbox.used_permissions import Permission, UsedPermissions

WHOLE = {"keyword": "", "ignore": None, "deselect": None, "lf": False, "markexpr": "not soak"}
GRANTED = {
    Permission(path, action)
    for grant in (*GRANTS, *INVENTORY_GRANTS)
    for path in grant.models
    for action in grant.actions
}
NEEDED = Permission("dcim/devices", "delete")


@pytest.fixture(autouse=True)
def used(monkeypatch: pytest.MonkeyPatch) -> UsedPermissions:
    """What a run has used: all but one."""
    used = UsedPermissions()
    used.used = GRANTED - {NEEDED}
    monkeypatch.setattr(permission_check, "USED", used)
    return used


def finish(exitstatus: int = 0, paths: bool = False, **option: object) -> tuple[int, str]:
    """End a run; return its exit status, and what it prints."""
    sources = pytest.Config.ArgsSource
    config: Any = SimpleNamespace(
        option=SimpleNamespace(**WHOLE | option),
        args_source=sources.ARGS if paths else sources.TESTPATHS,
        stash=pytest.Stash(),
    )
    session: Any = SimpleNamespace(config=config, exitstatus=exitstatus)
    printed: list[str] = []
    terminal: Any = SimpleNamespace(write_line=lambda line, **_: printed.append(line))
    permission_check.pytest_sessionfinish(session, exitstatus)
    permission_check.pytest_terminal_summary(terminal, config)
    return session.exitstatus, "\n".join(printed)


def test_whole_run_fails_and_names_what_nothing_used(used: UsedPermissions) -> None:
    status, printed = finish()
    assert status == pytest.ExitCode.TESTS_FAILED
    assert "lets the worker's user delete dcim/devices, which no test needs" in printed
    used.used.add(NEEDED)
    assert finish() == (pytest.ExitCode.OK, "")


@pytest.mark.parametrize(
    "partial",
    [
        {"paths": True},
        {"keyword": "inventory"},
        {"markexpr": "not server and not soak"},
        {"lf": True},
        {"exitstatus": 1},
    ],
)
def test_run_of_some_tests_and_failed_run_are_not_judged(partial: dict[str, Any]) -> None:
    assert finish(**partial) == (partial.get("exitstatus", 0), "")


def test_what_workers_of_xdist_have_used_counts() -> None:
    worker: Any = SimpleNamespace(workeroutput={"used_permissions": [["dcim/devices", "delete"]]})
    permission_check.pytest_testnodedown(worker)
    permission_check.pytest_testnodedown(SimpleNamespace())  # it has crashed
    assert finish()[0] == pytest.ExitCode.OK
