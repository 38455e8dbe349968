"""A message goes to the target that it is for, by the file as it is by then."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from activities.errors import UnknownTarget
from activities.notifications.deliver import Delivery, NotificationActivities
from fabrics.fleet.notifications import Notification
from tests.support.notifications.receiver import Receiver, receiver, write_targets

MESSAGE = Notification(id="msg_1", state="error", made=datetime(2026, 3, 1, tzinfo=UTC))


def make_activities(folder: Path, **receivers: Receiver) -> NotificationActivities:
    """Make the activities whose targets are these receivers."""
    return NotificationActivities(write_targets(folder, **receivers), connect_timeout=20)


def test_message_goes_to_its_target_alone(tmp_path: Path) -> None:
    with receiver() as ops, receiver() as others:
        activities = make_activities(tmp_path, ops=ops, others=others)
        activities.deliver(Delivery(target="ops", message=MESSAGE))
        assert (len(ops.received), len(others.received)) == (1, 0)


def test_target_that_is_no_longer_in_the_file_is_an_error(tmp_path: Path) -> None:
    with receiver() as ops:
        activities = make_activities(tmp_path, ops=ops)
        with pytest.raises(UnknownTarget, match='no target "chat"'):
            activities.deliver(Delivery(target="chat", message=MESSAGE))
        assert not ops.received


def test_each_target_is_tested_whatever_the_others_answer(tmp_path: Path) -> None:
    with receiver() as ops, receiver() as broken:
        broken.status = 500
        checks = make_activities(tmp_path, broken=broken, ops=ops).test_targets()
        assert [(check.name, check.ok) for check in checks] == [("broken", False), ("ops", True)]
        assert "HTTP 500" in checks[0].sentence
        assert b"test: notifications of Fabric Sync arrive here" in ops.received[0].body
