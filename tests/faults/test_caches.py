"""The worker's cache on disk may be wiped, corrupt or full: it is only a cache."""

import asyncio
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from tests.faults.conftest import FleetKeeper
from tests.support.faults.faults import Dependency
from tests.support.faults.fleet import FaultyFleet
from tests.support.faults.outcomes import Triple
from tests.support.faults.results import RecordProperty, check_outcomes
from tests.support.faults.trials import Event, run_trial
from tests.support.system.installation import wait_until

pytestmark = pytest.mark.soak

FABRICS: Final = 4
DISK_SIZE: Final = "size=2m"


def mirrors(fleet: FaultyFleet) -> Path:
    """Return the folder of the mirrors."""
    return fleet.installation.folder / "cache" / "git"


def push(fleet: FaultyFleet) -> None:
    """Make a new commit in each repository, which the worker has to fetch."""
    for fabric in fleet.fabrics:
        fabric.fabric.repository.commit({"README.md": uuid4().hex})


async def wipe(fleet: FaultyFleet) -> None:
    """Delete the whole cache."""
    await asyncio.to_thread(shutil.rmtree, mirrors(fleet), ignore_errors=True)


async def wipe_and_push(fleet: FaultyFleet) -> None:
    """Delete the whole cache, and need it."""
    await wipe(fleet)
    await asyncio.to_thread(push, fleet)


def corrupt(fleet: FaultyFleet, pattern: str) -> None:
    """Overwrite the files of mirrors with random bytes, and need them."""
    for path in mirrors(fleet).rglob(pattern):
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(random.randbytes(path.stat().st_size))
    push(fleet)


async def corrupt_packs(fleet: FaultyFleet) -> None:
    """Damage what was fetched."""
    await asyncio.to_thread(corrupt, fleet, "*.pack")


async def corrupt_refs(fleet: FaultyFleet) -> None:
    """Damage where the branches are."""
    await asyncio.to_thread(corrupt, fleet, "refs/**/*")


async def corrupt_heads(fleet: FaultyFleet) -> None:
    """Damage what makes a folder a repository."""
    await asyncio.to_thread(corrupt, fleet, "HEAD")


async def corrupt_everything(fleet: FaultyFleet) -> None:
    """Damage every file."""
    await asyncio.to_thread(corrupt, fleet, "*")


async def replace_by_files(fleet: FaultyFleet) -> None:
    """Put a file in the place of every mirror."""
    for folder in list(mirrors(fleet).iterdir()):
        if folder.is_dir():
            await asyncio.to_thread(shutil.rmtree, folder)
            folder.write_text("no repository")
    await asyncio.to_thread(push, fleet)


async def fill_disk(fleet: FaultyFleet) -> None:
    """Let the disk of the cache have no space until every fabric says so."""
    await wipe(fleet)
    with small_disk(mirrors(fleet)):
        ballast = mirrors(fleet) / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(65536)):
                    pass
            except OSError:  # the disk is full
                pass
        await asyncio.to_thread(push, fleet)
        for fabric in fleet.fabrics:
            await wait_until(fabric.fabric.status, lambda status: status.sync_error != "", 60)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a small disk; skip the test where this is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", DISK_SIZE, "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a disk may not be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


EVENTS: Final[tuple[Event, ...]] = (
    wipe,
    wipe_and_push,
    corrupt_packs,
    corrupt_refs,
    corrupt_heads,
    corrupt_everything,
    replace_by_files,
    fill_disk,
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
async def test_cache_is_lost(
    fleets: FleetKeeper, event: Event, record_property: RecordProperty
) -> None:
    fleet = await fleets.get(FABRICS)
    triple = Triple(Dependency.WORKER, event.__name__, "cache")
    check_outcomes(await run_trial(fleet, [triple], event), record_property)
