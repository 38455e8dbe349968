"""The receiver over HTTP: its responses, and the signals that result in Temporal."""

import asyncio
import logging
import signal
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
import requests
from pydantic import SecretStr, ValidationError

from activities.errors import PermanentError
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.loop.loop import workflow_id
from settings import Settings
from tests.support.system.installation import Installation, wait_until
from tests.support.webhooks import senders
from tests.support.webhooks.receiver import StartRecorder, listening, post, receiver_settings
from tests.support.webhooks.senders import SECRET, SIGNING_TOKEN
from webhooks import receiver as receiver_module
from webhooks.receiver import FLEET_INTERVAL_SECONDS, PUSH_INTERVAL_SECONDS

OURS = "git.example.com/net/dc1"


async def create_record(installation: Installation, fabric_id: str, **fields: object) -> None:
    """Create a record of branch `main` of `OURS`, except as `fields` say."""
    known: dict[str, object] = {
        "hh_fabric_id": fabric_id,
        "hh_sync_enabled": True,
        "hh_kubernetes_server": "https://10.0.0.1:6443",
        "hh_git_repository": f"https://{OURS}.git",
    }
    await asyncio.to_thread(installation.admin.create_record, fabric_id, known | fields)


async def post_burst(url: str, burst: Sequence[senders.Request]) -> set[int]:
    """Send the first request, then the others at once; return all statuses."""
    first, *others = burst
    sent_first = await post(url, first)
    return {sent_first, *await asyncio.gather(*(post(url, request) for request in others))}


async def test_first_edit_signals_the_fleet_at_once(
    recorder: StartRecorder, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver_module, "FLEET_INTERVAL_SECONDS", 3600.0)
    fleet = await recorder(FLEET_WORKFLOW_ID)
    async with listening(installation, receiver_settings(installation)) as url:
        assert await post(f"{url}/netbox", senders.netbox(senders.record_event())) == 202
        [received] = await fleet.wait_for_signals()
    assert received.name == "record_changed"


async def test_burst_of_edits_is_one_signal_per_second(
    receiver: str, recorder: StartRecorder
) -> None:
    fleet = await recorder(FLEET_WORKFLOW_ID)
    events = [senders.netbox(senders.record_event(number)) for number in range(20)]
    began = datetime.now(UTC)
    assert await post_burst(f"{receiver}/netbox", events) == {202}
    ended = datetime.now(UTC)
    signals = await fleet.wait_for_signals(2)
    assert len(signals) <= 2 + int((ended - began).total_seconds() / FLEET_INTERVAL_SECONDS)
    gaps = [after.time - before.time for before, after in pairwise(signals)]
    assert min(gaps) >= timedelta(seconds=FLEET_INTERVAL_SECONDS * 0.9)


async def test_unsigned_requests_are_rejected(
    receiver: str,
    recorder: StartRecorder,
    installation: Installation,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await create_record(installation, "dc1")
    fleet, loop = await recorder(FLEET_WORKFLOW_ID), await recorder(workflow_id("dc1"))
    event, push = senders.record_event(), senders.push(OURS)
    guess = "some other secret altogether"
    for path, request in [
        ("/netbox", ({}, event)),
        ("/netbox", senders.netbox(event, guess)),
        ("/netbox", senders.gitlab(event)),
        ("/netbox", ({"X-Hook-Signature": "é"}, event)),
        ("/git", ({}, push)),
        ("/git", senders.github(push, guess)),
        ("/git", senders.gitea(push, guess)),
        ("/git", senders.gitlab(push, guess)),
        ("/git", senders.gitlab_signed(push)),
        ("/git", senders.netbox(push)),
        ("/git", (senders.github(push)[0], push + b" ")),
    ]:
        assert await post(receiver + path, request) == 401, (path, request)

    # Only these valid requests lead to signals.
    assert await post(f"{receiver}/git", senders.github(push)) == 202
    await loop.wait_for_signals()
    assert await post(f"{receiver}/netbox", senders.netbox(event)) == 202
    await fleet.wait_for_signals()
    assert (await loop.names(), await fleet.names()) == (["sync_now"], ["record_changed"])
    for path in ("/netbox", "/git"):
        line = f"Rejected a request to {path}: its signature is missing or wrong."
        assert caplog.messages.count(line) == 1
    assert not any(secret in caplog.text for secret in (SECRET, guess, installation.token))


@pytest.mark.parametrize(
    ("path", "request_", "status"),
    [
        ("/netbox", senders.netbox(b"{not json"), 400),
        ("/git", senders.github(b"payload=%7B%7D"), 400),
        ("/git", senders.github(b'{"zen": "Keep it simple."}'), 200),
        ("/netbox", senders.netbox(senders.record_event(object_type="dcim.device")), 200),
        ("/", senders.netbox(senders.record_event()), 404),
        ("/netbox/", senders.netbox(senders.record_event()), 404),
        ("/git/dc1", senders.github(senders.push(OURS)), 404),
        ("/docs", ({}, b""), 404),
    ],
)
async def test_other_requests_are_answered_but_ignored(
    receiver: str, path: str, request_: senders.Request, status: int
) -> None:
    assert await post(receiver + path, request_) == status


async def test_only_post_is_allowed(receiver: str) -> None:
    response = await asyncio.to_thread(requests.get, f"{receiver}/netbox", timeout=10)
    assert response.status_code == 405


async def test_push_syncs_only_fabrics_of_the_branch(
    receiver: str, recorder: StartRecorder, installation: Installation
) -> None:
    await create_record(installation, "https")
    await create_record(installation, "ssh", hh_git_repository=f"git@{OURS.replace('/', ':', 1)}")
    await create_record(installation, "lab", hh_git_branch="lab")
    await create_record(
        installation, "elsewhere", hh_git_repository="https://git.example.com/net/dc2"
    )
    await create_record(installation, "paused", hh_paused=True)
    await create_record(installation, "no-loop")
    names = ("https", "ssh", "lab", "elsewhere", "paused")
    loops = {name: await recorder(workflow_id(name)) for name in names}

    assert await post(f"{receiver}/git", senders.github(senders.push(OURS, "lab"))) == 202
    await loops["lab"].wait_for_signals()
    assert await post(f"{receiver}/git", senders.gitea(senders.push(OURS))) == 202
    await loops["https"].wait_for_signals()
    await loops["ssh"].wait_for_signals()

    received = {name: await loop.names() for name, loop in loops.items()}
    once = ["sync_now"]
    assert received == {"https": once, "ssh": once, "lab": once, "elsewhere": [], "paused": []}
    running = installation.client.list_workflows('WorkflowId = "fabric-sync/no-loop"')
    assert [execution async for execution in running] == []


async def test_signals_carry_nothing_of_a_webhook(
    receiver: str, recorder: StartRecorder, installation: Installation
) -> None:
    await create_record(installation, "dc1")
    fleet, loop = await recorder(FLEET_WORKFLOW_ID), await recorder(workflow_id("dc1"))
    assert await post(f"{receiver}/netbox", senders.netbox(senders.record_event())) == 202
    assert await post(f"{receiver}/git", senders.github(senders.push(OURS))) == 202
    received = [*await fleet.wait_for_signals(), *await loop.wait_for_signals()]
    assert [(signal.name, signal.arguments) for signal in received] == [
        ("record_changed", 0),
        ("sync_now", 0),
    ]


async def test_burst_of_pushes_is_two_syncs(
    receiver: str, recorder: StartRecorder, installation: Installation
) -> None:
    await create_record(installation, "dc1")
    loop = await recorder(workflow_id("dc1"))
    pushes = [senders.github(senders.push(OURS, commit=f"{n:040x}")) for n in range(20)]
    assert await post_burst(f"{receiver}/git", pushes) == {202}
    first, second, *_ = await loop.wait_for_signals(2)
    assert second.time - first.time >= timedelta(seconds=PUSH_INTERVAL_SECONDS * 0.9)


async def test_gitlab_signing_token_is_accepted(
    recorder: StartRecorder, installation: Installation
) -> None:
    await create_record(installation, "dc1")
    loop, push = await recorder(workflow_id("dc1")), senders.gitlab_push(OURS)
    settings = receiver_settings(installation, SIGNING_TOKEN)
    async with listening(installation, settings) as url:
        assert await post(f"{url}/git", senders.gitlab_signed(push)) == 202
        assert [received.name for received in await loop.wait_for_signals()] == ["sync_now"]
        assert await post(f"{url}/git", senders.gitlab(push, SIGNING_TOKEN)) == 202
        assert await post(f"{url}/git", senders.gitlab(push)) == 401


async def test_missing_workflows_are_not_started(
    receiver: str, installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    assert await post(f"{receiver}/netbox", senders.netbox(senders.record_event())) == 202

    async def text() -> str:
        return caplog.text

    await wait_until(text, lambda logged: f"{FLEET_WORKFLOW_ID} is not running" in logged)

    async def running() -> list[str]:
        listed = installation.client.list_workflows("ExecutionStatus = 'Running'")
        return [execution.id async for execution in listed]

    # Those of the test before may still be listed.
    await wait_until(running, lambda ids: ids == [])


async def test_receiver_survives_netbox_outage(
    recorder: StartRecorder, installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    fleet = await recorder(FLEET_WORKFLOW_ID)
    settings = receiver_settings(installation).model_copy(
        update={"netbox_url": "http://127.0.0.1:1"}
    )

    async def text() -> str:
        return caplog.text

    async with listening(installation, settings) as url:
        assert await post(f"{url}/git", senders.github(senders.push(OURS))) == 202
        await wait_until(text, lambda logged: "wait for the next slots of their fabrics" in logged)
        assert await post(f"{url}/netbox", senders.netbox(senders.record_event())) == 202
        await fleet.wait_for_signals()
    assert [r.levelname for r in caplog.records if r.levelno >= logging.WARNING] == ["WARNING"]


async def test_receiver_stops_with_the_worker_and_leaves_signals_to_it(
    installation: Installation,
) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with listening(installation, receiver_settings(installation)) as url:
        assert await post(f"{url}/git", ({}, b"")) == 401
        now = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        assert now == handlers
    with pytest.raises(requests.ConnectionError):
        await post(f"{url}/git", ({}, b""))


async def test_port_in_use_is_reported(receiver: str, installation: Installation) -> None:
    port = urlsplit(receiver).port
    settings = receiver_settings(installation).model_copy(update={"webhook_port": port})
    with pytest.raises(PermanentError, match=f"127.0.0.1 port {port} .*FABRIC_SYNC_WEBHOOK_PORT"):
        async with listening(installation, settings):
            pass


@pytest.mark.parametrize("secret", ["", "too short"])
def test_port_requires_a_secret(secret: str) -> None:
    with pytest.raises(ValidationError, match="at least 16 characters") as refused:
        Settings(webhook_port=8765, webhook_secret=SecretStr(secret))
    assert not secret or secret not in str(refused.value)
    assert Settings().webhook_port == 0
