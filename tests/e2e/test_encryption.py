"""Encryption of what Temporal stores, and changes of its keys."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from temporalio.client import Client

from codec.converter import build_data_converter
from codec.encryption import get_key_id, is_encrypted
from tests.support.cli.command_line import CommandLine
from tests.support.secrets.encryption_keys import write_keys
from tests.support.secrets.search import find_leaks, read_database
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml
from workflows.fabric_sync import FabricSync

IN_GIT: Final = {"fabric.yaml": in_yaml(SERVERS)}
SETTING: Final = "FABRIC_SYNC_ENCRYPTION_KEYS_FILE"
REASON: Final = "somebody works in the third rack"


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    """A file with the key `a`."""
    return write_keys(tmp_path / "keys", "a")


@pytest.fixture
def encrypted(recorded: Installation, keys_file: Path) -> Installation:
    """An installation that encrypts, whose Temporal keeps its state in a file."""
    converter = build_data_converter(keys_file)
    return replace(
        recorded,
        client=Client(recorded.client.service_client, data_converter=converter),
        overrides=recorded.overrides | {SETTING: str(keys_file)},
    )


def read_key(keys_file: Path) -> str:
    """Return the only key of a file."""
    return keys_file.read_text().split()[1]


async def list_key_ids(fabric: Fabric) -> list[str]:
    """Return the key of each activity's input in the history, `""` for none."""
    return [
        get_key_id(payload) if is_encrypted(payload) else ""
        for event in (await fabric.handle.fetch_history()).events
        if event.HasField("activity_task_scheduled_event_attributes")
        for payload in event.activity_task_scheduled_event_attributes.input.payloads
    ]


async def test_nothing_of_a_fabric_is_readable_in_the_database_of_temporal(
    encrypted: Installation, keys_file: Path
) -> None:
    starter = CommandLine(encrypted.variables)
    async with encrypted.worker():
        fabric = await encrypted.fabric(IN_GIT, SERVERS)
        broken = await encrypted.fabric(IN_GIT, SERVERS, hh_git_branch="absent-branch")
        await fabric.wait_for_status("in_sync")
        await broken.wait_for_status("error")
        assert "has no branch" in (await starter("history", broken.fabric_id)).out
        paused = await starter("pause", fabric.fabric_id, "--reason", REASON)
        assert paused.code == 0
        assert (await fabric.status()).pause_reason == REASON
    database = await asyncio.to_thread(read_database, encrypted.folder / "temporal.db")
    assert fabric.fabric_id.encode() in database  # ids and search attributes are never encrypted
    hidden = {
        "the repository": fabric.repository.url,
        "the API": fabric.api.server,
        "the reason of a pause": REASON,
        "an error": "absent-branch",
        "the key": read_key(keys_file),
    }
    assert find_leaks(hidden, {"the database": database}) == set()


async def test_encryption_is_switched_on_and_keys_are_changed_while_fabrics_sync(
    recorded: Installation, encrypted: Installation, keys_file: Path
) -> None:
    async with recorded.worker():
        fabric = await recorded.fabric(IN_GIT, SERVERS)
        await fabric.wait_for_status("in_sync")
    assert set(await list_key_ids(fabric)) == {""}

    fabric.handle = encrypted.client.get_workflow_handle_for(FabricSync.run, fabric.handle.id)
    starter = CommandLine(encrypted.variables)
    async with encrypted.worker():
        assert (await starter("sync", fabric.fabric_id)).code == 0
        assert (await list_key_ids(fabric))[-1] == "a"
        write_keys(keys_file, "b", "a")
        assert (await starter("sync", fabric.fabric_id)).code == 0
        assert (await list_key_ids(fabric))[-1] == "b"
        write_keys(keys_file, "b")  # a worker that runs knows the former key
        assert (await starter("sync", fabric.fabric_id)).code == 0


async def test_process_without_the_key_says_which_one_it_needs(
    recorded: Installation, encrypted: Installation, tmp_path: Path
) -> None:
    other = write_keys(tmp_path / "other", "b")
    with_other = CommandLine(encrypted.variables | {SETTING: str(other)})
    without = CommandLine(recorded.variables)
    async with encrypted.worker():
        fabric = await encrypted.fabric(IN_GIT, SERVERS)
        await fabric.wait_for_status("in_sync")
        for starter, remedy in ((with_other, f"add it to {other}"), (without, "name the file")):
            refused = await starter("history", fabric.fabric_id)
            assert refused.is_refused(f"the key a has encrypted: {remedy}")
    async with encrypted.worker_process(**{SETTING: str(other)}) as process:
        assert await asyncio.to_thread(process.wait, 60) == 1
    [log] = encrypted.folder.glob("worker-*.log")
    sentence = f"worker.py: Temporal has data that the key a has encrypted: add it to {other}."
    assert sentence in log.read_text()
