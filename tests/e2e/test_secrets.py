"""Marked secrets on every path: none leaves a copy, and each can be rotated."""

import asyncio
import base64
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import pytest

from activities.netbox.client import CLUSTERS_PATH, Row
from activities.netbox.http import BadRequest
from activities.setup.access import TOKENS, USER_ITEM
from stack.processes.ports import PortPool
from stack.processes.supervisor import Supervisor
from stack.services.postgres import Postgres, find_binaries
from tests.support.notifications.receiver import Receiver, receiver
from tests.support.paths import PROJECT
from tests.support.secrets.echoes import ANSWERS, echoing_netbox
from tests.support.secrets.marked_fabrics import FAILING, WORKING, Marking, Prepare
from tests.support.secrets.programs import Programs
from tests.support.secrets.search import Secrets, find_leaks, read_database, read_files
from tests.support.system.installation import (
    INVENTORY,
    SERVERS,
    Fabric,
    Installation,
    in_yaml,
    wait_until,
)
from tests.support.webhooks import senders
from tests.support.webhooks.receiver import post

IN_GIT: Final = {"fabric.yaml": in_yaml(SERVERS)}


@pytest.fixture
def marking(installation: Installation, tmp_path: Path, cleanup: ExitStack) -> Marking:
    """No secrets yet."""
    return Marking(Secrets(), installation.stack.git, Programs(tmp_path / "programs"), cleanup)


def configure_worker(installation: Installation, marking: Marking) -> None:
    """Give the worker its own secrets as files, and watched programs."""
    folder, secrets = installation.folder, marking.secrets
    port = marking.exits.enter_context(closing(PortPool())).reserve(8765)
    (folder / "temporary").mkdir()
    (folder / "netbox-token").write_text(f"{installation.token}\n")
    secrets["NetBox token"] = installation.token.rpartition(".")[2]
    old, new = secrets.mark("old webhook secret"), secrets.mark("new webhook secret")
    (folder / "webhook-secrets").write_text(f"{new}\n{old}\n")
    api_key = secrets.mark("API key for Temporal")
    (folder / "temporal.toml").write_text(f'[profile.default]\napi_key = "{api_key}"\n')
    installation.overrides |= INVENTORY | {
        "PATH": f"{marking.programs.write_watched()}:{installation.variables['PATH']}",
        "TMPDIR": str(folder / "temporary"),
        "TEMPORAL_CONFIG_FILE": str(folder / "temporal.toml"),
        "TEMPORAL_TLS": "false",
        "FABRIC_SYNC_NETBOX_TOKEN": "",
        "FABRIC_SYNC_NETBOX_TOKEN_FILE": str(folder / "netbox-token"),
        "FABRIC_SYNC_WEBHOOK_PORT": str(port),
        "FABRIC_SYNC_WEBHOOK_SECRET_FILE": str(folder / "webhook-secrets"),
        "FABRIC_SYNC_KUBERNETES_ALLOW_EXEC": "true",
        "FABRIC_SYNC_READ_TIMEOUT": "15",
        "FABRIC_SYNC_GIT_TIMEOUT": "15",
    }


def name_target(installation: Installation, marking: Marking) -> Receiver:
    """Name a target of notifications that refuses all."""
    target, folder = marking.exits.enter_context(receiver()), installation.folder
    target.status = 500
    url = f"{target.url}&token={marking.secrets.mark('URL of a target')}"
    (folder / "targets.toml").write_text(f'[ops]\nurl = "{url}"\nsecret_file = "target-secret"\n')
    secret = marking.secrets.mark("secret of a target")
    (folder / "target-secret").write_text(f"whsec_{secret}\n")
    installation.overrides["FABRIC_SYNC_NOTIFICATIONS_FILE"] = str(folder / "targets.toml")
    return target


async def start_fabric(
    installation: Installation, marking: Marking, prepare: tuple[Prepare, Prepare]
) -> Fabric:
    """Start a fabric that uses Kubernetes and Git in these ways."""
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False)
    fields: Row = {"hh_sync_enabled": True}
    for prepare_source in prepare:
        fields |= await asyncio.to_thread(prepare_source, fabric, marking)
    await asyncio.to_thread(
        installation.admin.update, CLUSTERS_PATH, fabric.record_id, {"custom_fields": fields}
    )
    return fabric  # the fleet starts its workflow


async def try_webhooks(installation: Installation, marking: Marking) -> None:
    """Send webhooks with right and wrong secrets."""
    url = f"http://127.0.0.1:{installation.variables['FABRIC_SYNC_WEBHOOK_PORT']}"
    event = senders.record_event()
    for name in ("old webhook secret", "new webhook secret"):
        secret = marking.secrets[name]
        assert await post(f"{url}/netbox", senders.netbox(event, secret)) == 202
        assert await post(f"{url}/git", senders.gitlab(senders.push("x/y"), secret)) == 202
    wrong = marking.secrets.mark("wrong webhook secret")
    assert await post(f"{url}/git", senders.gitlab(senders.push("x/y"), wrong)) == 401


async def try_urls(installation: Installation, fabric: Fabric, marking: Marking) -> None:
    """Type URLs with secrets into a record."""
    token = marking.secrets.mark("secret in a URL")
    for field in ("hh_git_repository", "hh_kubernetes_server"):
        for user in (token, f"user:{token}"):
            edit = {"custom_fields": {field: f"https://{user}@git.example.com/fleet.git"}}
            with pytest.raises(BadRequest):
                await asyncio.to_thread(
                    installation.admin.update, CLUSTERS_PATH, fabric.record_id, edit
                )


def run_doctor(installation: Installation, fabric: Fabric) -> bytes:
    """Return what `doctor` says of a fabric."""
    completed = subprocess.run(
        [sys.executable, "starter.py", "doctor", fabric.fabric_id],
        cwd=PROJECT,
        env=installation.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return completed.stdout


def read_places(installation: Installation, programs: Programs) -> dict[str, bytes]:
    """Return what a run has left in each place where nothing may be found."""
    folder, stack = installation.folder, installation.stack
    netbox = Postgres(find_binaries(), stack.log_dir.parent / "netbox/postgres", Supervisor(folder))
    return {
        "Temporal's database": read_database(folder / "temporal.db"),
        "NetBox's database": netbox.dump(),
        "the logs": read_files([folder, stack.log_dir], "*.log"),
        "arguments and variables": programs.read(),
        "temporary files": read_files([folder / "temporary"]),
        "the cache": read_files([folder / "cache"]),
    }


async def test_no_secret_leaves_a_copy(recorded: Installation, marking: Marking) -> None:
    configure_worker(recorded, marking)
    target = name_target(recorded, marking)
    async with recorded.worker_process() as worker:
        with marking.programs.sampling(worker.pid):
            working = [await start_fabric(recorded, marking, how) for how in WORKING]
            failing = [await start_fabric(recorded, marking, how) for how in FAILING]
            for fabric in working:
                await fabric.wait_for_status("in_sync")
                await fabric.wait_for_inventory()
            for fabric in failing:
                await fabric.wait_for_status("error")
            await try_webhooks(recorded, marking)
            await try_urls(recorded, working[0], marking)
            await wait_until(target.count_received, bool)
            said = [await asyncio.to_thread(run_doctor, recorded, fabric) for fabric in failing[:2]]
        worker.kill()  # which cleans nothing up
    async with (
        echoing_netbox() as netbox,
        recorded.worker_process(FABRIC_SYNC_NETBOX_URL=netbox.url) as worker,
    ):
        with marking.programs.sampling(worker.pid):
            working[0].repository.commit({"fabric.yaml": in_yaml(SERVERS[:2])})  # to be recorded
            await wait_until(netbox.count_received, lambda count: count >= 2 * len(ANSWERS))
            await wait_until(working[0].status, lambda status: status.netbox_error != "")
    places = await asyncio.to_thread(read_places, recorded, marking.programs)
    places["the command line"] = b"\n".join(said)

    found = {
        "Temporal's database": working[0].repository.url,
        "NetBox's database": working[0].repository.url,
        "the logs": "Working for Temporal",
        "arguments and variables": working[0].repository.url,
        "temporary files": "login",
        "the cache": "refs/fabric-sync/branch",
        "the command line": failing[0].fabric_id,
    }
    assert {place for place, text in found.items() if text.encode() in places[place]} == set(places)
    assert len(marking.secrets) > len(WORKING) + len(FAILING)
    assert find_leaks(marking.secrets, places) == set()


def test_search_finds_a_secret_in_each_form() -> None:
    secrets = Secrets()
    secret = secrets.mark("one")
    secrets.mark("another")
    header = base64.b64encode(f"x-token-auth:{secret}:x".encode())
    for shown in (
        secret.encode(),
        header,
        base64.b64encode(b"a" + secret.encode()),
        secret.encode().hex().encode(),
    ):
        assert find_leaks(secrets, {"here": b"GET " + shown + b" x", "there": b"x"}) == {
            "one in here"
        }


def issue_netbox_token(installation: Installation) -> tuple[int, str]:
    """Return the id and the text of a new token for the user of workers."""
    admin = installation.admin
    [user] = [
        row for row in admin.list_rows(USER_ITEM.path, **USER_ITEM.key) if USER_ITEM.matches(row)
    ]
    token = admin.create(TOKENS, {"user": user["id"], "version": 2, "description": "rotated"})
    return token["id"], f"nbt_{token['key']}.{token['token']}"


async def test_tokens_are_rotated_while_a_worker_runs(
    installation: Installation, marking: Marking
) -> None:
    file = installation.folder / "netbox-token"
    first, token = await asyncio.to_thread(issue_netbox_token, installation)
    file.write_text(token)
    files = {"FABRIC_SYNC_NETBOX_TOKEN": "", "FABRIC_SYNC_NETBOX_TOKEN_FILE": str(file)}
    async with installation.worker(**files):
        fabric = await start_fabric(installation, marking, WORKING[0])
        await fabric.wait_for_status("in_sync")

        second, token = await asyncio.to_thread(issue_netbox_token, installation)
        file.write_text(token)
        await asyncio.to_thread(installation.admin.delete, TOKENS, first)
        marking.git.require_token(fabric.repository, "rotated")
        await fabric.wait_for_status("error")
        (fabric.credential / "git-token").write_text("rotated")
        await fabric.wait_for_status("in_sync")
        assert (await fabric.status()).netbox_error == ""
    await asyncio.to_thread(installation.admin.delete, TOKENS, second)
