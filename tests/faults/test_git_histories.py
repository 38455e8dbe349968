"""Branches may be rewritten, deleted and made again."""

import asyncio
import os
import subprocess
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from fabrics.loop.report import SyncReport
from stack.services.git_server import COMMITTER_ENVIRONMENT
from tests.faults.conftest import FleetKeeper
from tests.support.faults.faults import Dependency
from tests.support.faults.fleet import FaultyFleet
from tests.support.faults.outcomes import Triple
from tests.support.faults.results import RecordProperty, check_outcomes
from tests.support.faults.trials import Event, run_trial
from tests.support.system.installation import wait_until

pytestmark = pytest.mark.soak

FABRICS: Final = 4
BRANCH: Final = "refs/heads/main"


def git(repository: Path, *arguments: str) -> str:
    """Run git in a bare repository of the server."""
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull}
    result = subprocess.run(
        ["git", "-C", repository, *arguments],
        env=environment | COMMITTER_ENVIRONMENT,
        capture_output=True,
        check=True,
        text=True,
    )
    return result.stdout.strip()


def rewrite(repository: Path, *parents: str) -> None:
    """Replace the branch by one new commit with the same files and these parents."""
    lineage = [part for parent in parents for part in ("-p", parent)]
    tree = git(repository, "rev-parse", f"{BRANCH}^{{tree}}")
    commit = git(repository, "commit-tree", tree, *lineage, "-m", f"rewritten {uuid4().hex}")
    git(repository, "update-ref", BRANCH, commit)


def repositories(fleet: FaultyFleet) -> list[Path]:
    """Return the repositories of all fabrics."""
    return [fabric.fabric.repository.path for fabric in fleet.fabrics]


async def force_push(fleet: FaultyFleet) -> None:
    """Replace the last commit when every fabric has it."""
    for fabric in fleet.fabrics:
        commit = fabric.fabric.repository.commit({"README.md": uuid4().hex})
        await wait_until(fabric.fabric.history, partial(has_synced, commit), 60)
    for repository in repositories(fleet):
        await asyncio.to_thread(rewrite, repository, f"{BRANCH}~")


async def rewrite_history(fleet: FaultyFleet) -> None:
    """Replace all commits, and forget the old ones."""
    for repository in repositories(fleet):
        await asyncio.to_thread(rewrite, repository)
        await asyncio.to_thread(git, repository, "reflog", "expire", "--expire=now", "--all")
        await asyncio.to_thread(git, repository, "gc", "--quiet", "--prune=now")


async def delete_branch(fleet: FaultyFleet) -> None:
    """Delete the branch, and make it again when every fabric misses it."""
    tips = {path: git(path, "rev-parse", BRANCH) for path in repositories(fleet)}
    for repository in tips:
        git(repository, "update-ref", "-d", BRANCH)
    for fabric in fleet.fabrics:
        await wait_until(fabric.fabric.status, lambda status: "main" in status.sync_error, 60)
    for repository, tip in tips.items():
        git(repository, "update-ref", BRANCH, tip)


async def delete_branch_for_a_moment(fleet: FaultyFleet) -> None:
    """Delete the branch, and make it again with another commit at once."""
    for repository in repositories(fleet):
        tip = git(repository, "rev-parse", BRANCH)
        git(repository, "update-ref", "-d", BRANCH)
        git(repository, "update-ref", BRANCH, tip)
        rewrite(repository)


def has_synced(commit: str, history: list[SyncReport]) -> bool:
    """Return whether a sync has compared this commit."""
    return any(report.commit and commit.startswith(report.commit) for report in history)


EVENTS: Final[tuple[Event, ...]] = (
    force_push,
    rewrite_history,
    delete_branch,
    delete_branch_for_a_moment,
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
async def test_history_changes(
    fleets: FleetKeeper, event: Event, record_property: RecordProperty
) -> None:
    fleet = await fleets.get(FABRICS)
    triple = Triple(Dependency.GIT, event.__name__, "branch")
    check_outcomes(await run_trial(fleet, [triple], event), record_property)
