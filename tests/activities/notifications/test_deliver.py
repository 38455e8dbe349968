"""A message goes to the target that it is for, by the file as it is by then."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from activities.errors import UnknownTarget
from activities.notifications.deliver import Delivery, NotificationActivities
from fabrics.fleet.notifications import Notification
from tests.support.notifications.receiver import SECRET, Receiver, receiver

MESSAGE = Notification(id="msg_1", state="error", made=datetime(2026, 3, 1, tzinfo=UTC))


def write_targets(folder: Path, **receivers: Receiver) -> NotificationActivities:
    """Write a file with these receivers, and return the activities for it."""
    (folder / "secret").write_text(SECRET)
    tables = [
        f'[{name}]\nurl = "{server.url}"\nsecret_file = "secret"\n'
        for name, server in receivers.items()
    ]
    (folder / "targets.toml").write_text("\n".join(tables))
    return NotificationActivities(folder / "targets.toml", connect_timeout=20)


def test_message_goes_to_its_target_alone(tmp_path: Path) -> None:
    with receiver() as ops, receiver() as others:
        activities = write_targets(tmp_path, ops=ops, others=others)
        activities.deliver(Delivery(target="ops", message=MESSAGE))
        assert (len(ops.received), len(others.received)) == (1, 0)


def test_target_that_is_no_longer_in_the_file_is_an_error(tmp_path: Path) -> None:
    with receiver() as ops:
        activities = write_targets(tmp_path, ops=ops)
        with pytest.raises(UnknownTarget, match='no target "chat"'):
            activities.deliver(Delivery(target="chat", message=MESSAGE))
        assert not ops.received


def test_each_target_is_tested_whatever_the_others_answer(tmp_path: Path) -> None:
    with receiver() as ops, receiver() as broken:
        broken.status = 500
        checks = write_targets(tmp_path, broken=broken, ops=ops).test_targets()
        assert [(check.name, check.ok) for check in checks] == [("broken", False), ("ops", True)]
        assert "HTTP 500" in checks[0].sentence
        assert b"test: notifications of Fabric Sync arrive here" in ops.received[0].body
