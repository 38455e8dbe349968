"""Commands of workflows change only behind a patch, or with new histories."""

import json
from pathlib import Path

import pytest

from tests.support.paths import HISTORIES
from tests.support.workflows.commands import (
    COMMANDS_FILE,
    RECORD_COMMAND,
    list_commands,
    read_sources,
)

BEFORE = """
@workflow.defn
class Loop(Handlers):
    @workflow.run
    async def run(self):
        await self._load()
        await calls.observe()

    async def _load(self):
        await workflow.execute_activity_method(RecordActivities.load)
"""
HANDLERS = """
class Handlers:
    @workflow.signal
    def stop(self):
        workflow.upsert_memo({})

    @workflow.query
    def status(self):
        return None
"""
CALLS = """
async def observe():
    await workflow.sleep(1)
"""
SOURCES = {"loop": HANDLERS + BEFORE, "calls": CALLS}

RECORDED = {
    "Loop": {
        "run": ["RecordActivities.load", "execute_activity_method", "sleep"],
        "stop": ["upsert_memo"],
    }
}


@pytest.mark.parametrize("file", sorted(HISTORIES.glob(f"*/{COMMANDS_FILE}")), ids=str)
def test_workflows_give_the_recorded_commands(file: Path) -> None:
    today = list_commands(read_sources())
    for workflow, recorded in json.loads(file.read_text()).items():
        assert today.get(workflow) == recorded, (
            f"The commands of {workflow} are not those of release {file.parent.name}: put the change behind"
            " `workflow.patched`. If no workflow of that release can be running, record its histories again, or"
            f" with `{RECORD_COMMAND}` only the commands where their order is the same."
        )


def test_every_release_has_its_commands() -> None:
    assert all((folder / COMMANDS_FILE).exists() for folder in HISTORIES.iterdir())


def test_commands_are_found_through_helpers_bases_and_modules() -> None:
    assert list_commands(SOURCES) == RECORDED


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("await self._load()", "await calls.observe()\n        await self._load()"),
        ("RecordActivities.load", "RecordActivities.save"),
        ("workflow.upsert_memo({})", "pass"),
    ],
)
def test_changed_commands_are_noticed(old: str, new: str) -> None:
    assert list_commands(SOURCES | {"loop": SOURCES["loop"].replace(old, new)}) != RECORDED


@pytest.mark.parametrize(
    "gated",
    [
        "if workflow.patched('x'):\n            await calls.observe()\n        await self._load()",
        "if workflow.patched('x'):\n            await workflow.sleep(5)\n        else:\n            await self._load()",
        "if not workflow.patched('x'):\n            await self._load()",
    ],
)
def test_commands_behind_a_patch_are_left_out(gated: str) -> None:
    assert (
        list_commands(SOURCES | {"loop": SOURCES["loop"].replace("await self._load()", gated)})
        == RECORDED
    )


def test_moved_code_gives_the_same_commands() -> None:
    moved = SOURCES["loop"].replace("await calls.observe()", "await self._observe()")
    moved += "\n    async def _observe(self):\n        await calls.observe()\n"
    assert list_commands(SOURCES | {"loop": moved}) == RECORDED
