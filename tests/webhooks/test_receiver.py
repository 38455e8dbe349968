"""The receiver over HTTP: who is answered what, and what comes of it in Temporal."""

import asyncio
import logging
import signal
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
import requests
from pydantic import SecretStr, ValidationError

from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.loop.loop import workflow_id
from settings import Settings
from tests.support.system.installation import Installation, until
from tests.support.webhooks import senders
from tests.support.webhooks.receiver import Record, listening, post, receiver_settings
from tests.support.webhooks.senders import SECRET, SIGNING_TOKEN
from webhooks import receiver as receiver_module
from webhooks.receiver import FLEET_INTERVAL_SECONDS, PUSH_INTERVAL_SECONDS
from webhooks.server import CannotListen

OURS = "git.example.com/net/dc1"


async def record(installation: Installation, fabric_id: str, **fields: object) -> None:
    """A record that follows the branch `main` of `OURS` unless `fields` say otherwise."""
    known: dict[str, object] = {
        "hh_fabric_id": fabric_id,
        "hh_sync_enabled": True,
        "hh_kubernetes_server": "https://10.0.0.1:6443",
        "hh_git_repository": f"https://{OURS}.git",
    }
    await asyncio.to_thread(installation.admin.create_record, fabric_id, known | fields)


async def test_an_edit_is_told_to_the_fleet_before_any_pause(
    recorder: Record, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver_module, "FLEET_INTERVAL_SECONDS", 3600.0)
    fleet = await recorder(FLEET_WORKFLOW_ID)
    async with listening(installation, receiver_settings(installation)) as url:
        assert await post(f"{url}/netbox", senders.netbox(senders.record_event())) == 202
        [told] = await fleet.told()
    assert told.name == "record_changed"


async def test_a_burst_of_edits_is_a_signal_a_second(receiver: str, recorder: Record) -> None:
    fleet = await recorder(FLEET_WORKFLOW_ID)
    events = [senders.netbox(senders.record_event(number)) for number in range(20)]
    began = datetime.now(UTC)
    answers = await asyncio.gather(*(post(f"{receiver}/netbox", event) for event in events))
    ended = datetime.now(UTC)
    assert set(answers) == {202}

    at_most = 2 + int((ended - began).total_seconds() / FLEET_INTERVAL_SECONDS)
    signals = await until(
        fleet.signals,
        lambda told: (
            len(told) >= 2 and told[-1].time > ended - timedelta(seconds=FLEET_INTERVAL_SECONDS)
        ),
    )
    assert len(signals) <= at_most
    gaps = [after.time - before.time for before, after in pairwise(signals)]
    assert min(gaps) >= timedelta(seconds=FLEET_INTERVAL_SECONDS * 0.9)


async def test_the_wrong_ones_are_refused_and_nothing_happens(
    receiver: str, recorder: Record, installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    await record(installation, "dc1")
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

    # What is right comes later and is all that arrives.
    assert await post(f"{receiver}/git", senders.github(push)) == 202
    await loop.told()
    assert await post(f"{receiver}/netbox", senders.netbox(event)) == 202
    await fleet.told()
    assert (await loop.names(), await fleet.names()) == (["sync_now"], ["record_changed"])
    assert "Refused a request to /git: its signature is missing or wrong." in caplog.text
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
async def test_what_is_not_for_us(
    receiver: str, path: str, request_: senders.Request, status: int
) -> None:
    assert await post(receiver + path, request_) == status


async def test_only_posts_are_taken(receiver: str) -> None:
    answer = await asyncio.to_thread(requests.get, f"{receiver}/netbox", timeout=10)
    assert answer.status_code == 405


async def raw(url: str, text: str) -> str:
    """The status line that `text`, which may be half a request, is answered with."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write(text.encode())
        return (await asyncio.wait_for(reader.readline(), 10)).decode()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_too_much_is_not_even_read(receiver: str) -> None:
    head = "POST /git HTTP/1.1\r\nHost: here\r\n"
    length = receiver_module.MAX_BODY_BYTES + 1
    assert "413" in await raw(receiver, f"{head}Content-Length: {length}\r\n\r\n")


async def test_too_much_without_saying_so_is_cut_off(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver_module, "MAX_BODY_BYTES", 100)
    chunk = f"{200:x}\r\n{'x' * 200}\r\n"
    head = "POST /git HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with listening(installation, receiver_settings(installation)) as url:
        assert "413" in await raw(url, head + chunk)


async def test_who_sends_too_slowly_is_cut_off(
    receiver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver_module, "BODY_TIMEOUT_SECONDS", 0.1)
    head = "POST /git HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\n"
    assert "408" in await raw(receiver, head + "{")


async def test_a_push_syncs_who_follows_the_branch_and_nobody_else(
    receiver: str, recorder: Record, installation: Installation
) -> None:
    await record(installation, "https")
    await record(installation, "ssh", hh_git_repository=f"git@{OURS.replace('/', ':', 1)}")
    await record(installation, "lab", hh_git_branch="lab")
    await record(installation, "elsewhere", hh_git_repository="https://git.example.com/net/dc2")
    await record(installation, "paused", hh_paused=True)
    await record(installation, "no-loop")
    names = ("https", "ssh", "lab", "elsewhere", "paused")
    loops = {name: await recorder(workflow_id(name)) for name in names}

    assert await post(f"{receiver}/git", senders.github(senders.push(OURS, "lab"))) == 202
    await loops["lab"].told()
    assert await post(f"{receiver}/git", senders.gitea(senders.push(OURS))) == 202
    await loops["https"].told()
    await loops["ssh"].told()

    told = {name: await loop.names() for name, loop in loops.items()}
    once = ["sync_now"]
    assert told == {"https": once, "ssh": once, "lab": once, "elsewhere": [], "paused": []}
    running = installation.client.list_workflows('WorkflowId = "fabric-sync/no-loop"')
    assert [execution async for execution in running] == []


async def test_a_burst_of_pushes_is_two_syncs(
    receiver: str, recorder: Record, installation: Installation
) -> None:
    await record(installation, "dc1")
    loop = await recorder(workflow_id("dc1"))
    pushes = [senders.github(senders.push(OURS, commit=f"{n:040x}")) for n in range(20)]
    answers = await asyncio.gather(*(post(f"{receiver}/git", push) for push in pushes))
    assert set(answers) == {202}
    first, second = await loop.told(2)
    assert second.time - first.time >= timedelta(seconds=PUSH_INTERVAL_SECONDS * 0.9)


async def test_gitlab_with_a_signing_token(recorder: Record, installation: Installation) -> None:
    await record(installation, "dc1")
    loop, push = await recorder(workflow_id("dc1")), senders.gitlab_push(OURS)
    settings = receiver_settings(installation, SIGNING_TOKEN)
    async with listening(installation, settings) as url:
        assert await post(f"{url}/git", senders.gitlab_signed(push)) == 202
        assert [told.name for told in await loop.told()] == ["sync_now"]
        assert await post(f"{url}/git", senders.gitlab(push, SIGNING_TOKEN)) == 202
        assert await post(f"{url}/git", senders.gitlab(push)) == 401


async def test_nobody_there_to_be_told(
    receiver: str, installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    assert await post(f"{receiver}/netbox", senders.netbox(senders.record_event())) == 202

    async def text() -> str:
        return caplog.text

    await until(text, lambda said: f"{FLEET_WORKFLOW_ID} does not run" in said)
    running = installation.client.list_workflows("ExecutionStatus = 'Running'")
    assert [execution.id async for execution in running] == []


async def test_netbox_away_is_a_warning_and_the_receiver_goes_on(
    recorder: Record, installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    fleet = await recorder(FLEET_WORKFLOW_ID)
    settings = receiver_settings(installation).model_copy(
        update={"netbox_url": "http://127.0.0.1:1"}
    )

    async def text() -> str:
        return caplog.text

    async with listening(installation, settings) as url:
        assert await post(f"{url}/git", senders.github(senders.push(OURS))) == 202
        await until(text, lambda said: "left to the fabrics' next slots" in said)
        assert await post(f"{url}/netbox", senders.netbox(senders.record_event())) == 202
        await fleet.told()
    assert [r.levelname for r in caplog.records if r.levelno >= logging.WARNING] == ["WARNING"]


async def test_it_ends_with_the_worker_and_leaves_signals_to_it(installation: Installation) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with listening(installation, receiver_settings(installation)) as url:
        assert await post(f"{url}/git", ({}, b"")) == 401
        now = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        assert now == handlers
    with pytest.raises(requests.ConnectionError):
        await post(f"{url}/git", ({}, b""))


async def test_a_port_in_use_is_said(receiver: str, installation: Installation) -> None:
    port = urlsplit(receiver).port
    settings = receiver_settings(installation).model_copy(update={"webhook_port": port})
    with pytest.raises(CannotListen, match=f"127.0.0.1 port {port} .*FABRIC_SYNC_WEBHOOK_PORT"):
        async with listening(installation, settings):
            pass


@pytest.mark.parametrize("secret", ["", "too short"])
def test_the_port_needs_a_secret(secret: str) -> None:
    with pytest.raises(ValidationError, match="at least 16 characters") as refused:
        Settings(webhook_port=8765, webhook_secret=SecretStr(secret))
    assert not secret or secret not in str(refused.value)
    assert Settings().webhook_port == 0
