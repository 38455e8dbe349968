"""Chat and mail go through Apprise; here to a service that takes JSON."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activities.errors import PermanentError, TransientError
from activities.notifications.chat import send
from activities.notifications.targets import Target
from fabrics.fleet.notifications import FabricNews, Notification
from tests.support.notifications.receiver import receiver

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEWS = FabricNews(fabric_id="dc1", before="", since=NOW, reason="<!channel> [x](http://x)")
MESSAGE = Notification(id="msg_1", state="out_of_sync", made=NOW, fabrics=(NEWS,))


def target(folder: Path, url: str) -> Target:
    """Return a target with this URL in its file."""
    (folder / "chat").write_text(f"{url}\n")
    return Target(apprise_file=folder / "chat")


def test_service_gets_title_and_text(tmp_path: Path) -> None:
    with receiver() as service:
        place = service.url.removeprefix("http://").replace("/hook?key=s3cret", "/hook")
        send("chat", target(tmp_path, f"json://{place}"), MESSAGE)
        [received] = service.received
    got = json.loads(received.body)
    assert (got["title"], got["message"]) == (MESSAGE.title, MESSAGE.text)


def test_service_that_takes_nothing_is_named_without_its_url(tmp_path: Path) -> None:
    with receiver() as service:
        service.status = 500
        place = service.url.removeprefix("http://").replace("/hook?key=s3cret", "/s3cret")
        with pytest.raises(TransientError, match=r'target "chat" .* did not take') as caught:
            send("chat", target(tmp_path, f"json://{place}"), MESSAGE)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["s3cret", "no-such-service://s3cret", "slack://"])
def test_url_that_apprise_does_not_know_is_named_by_its_file(tmp_path: Path, url: str) -> None:
    with pytest.raises(PermanentError, match=r"The file .*/chat must have one URL") as caught:
        send("chat", target(tmp_path, url), MESSAGE)
    assert "s3cret" not in str(caught.value)


def test_without_the_library_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(PermanentError, match=r"pip install .*chat"):
        send("chat", target(tmp_path, "json://localhost"), MESSAGE)
