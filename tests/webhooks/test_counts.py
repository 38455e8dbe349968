"""Webhooks are counted by the status of their answer."""

from tests.support.metrics import count_from_now
from tests.support.webhooks import senders
from tests.support.webhooks.raw_http import exchange, in_http, read_status
from webhooks.receiver import create_app
from webhooks.server import running_server


async def test_webhooks_are_counted_by_source_and_status() -> None:
    webhooks = "fabric_sync_webhooks_total"
    accepted = count_from_now(webhooks, source="git", code="202")
    rejected = count_from_now(webhooks, source="netbox", code="401")
    app = create_app(lambda: [senders.SECRET], print, print)
    push = senders.github(senders.push("git.example.com/net/dc1"))
    unsigned: senders.Request = {}, senders.record_event()
    async with running_server(app, "127.0.0.1", 0) as url:
        assert read_status(await exchange(url, in_http(push))) == 202
        for path in ("/netbox", "/other"):
            await exchange(url, in_http(unsigned, path=path))
    assert (accepted(), rejected()) == (1, 1)
