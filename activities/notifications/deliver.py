"""The activities that bring messages to the targets of notifications."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

from pydantic import BaseModel
from temporalio import activity

from activities.checks import Check, run_check
from activities.errors import UnknownTarget
from activities.notifications import chat, webhook
from activities.notifications.targets import MAX_TARGETS, Target, load_targets
from fabrics.fleet.notifications import TEST, Notification


class Delivery(BaseModel, frozen=True):
    """A message, and the name of its target."""

    target: str
    message: Notification


@dataclass(frozen=True)
class NotificationActivities:
    """Activities for the targets in `file`; `connect_timeout` is in seconds."""

    file: Path
    connect_timeout: float

    @activity.defn
    def deliver(self, delivery: Delivery) -> None:
        """Send a message to its target. Raises `TransientError` or `PermanentError`.

        It is an `UnknownTarget` if the file no longer has it.
        """
        target = load_targets(self.file).get(delivery.target)
        if target is None:
            raise UnknownTarget(
                f'The file {self.file} has no target "{delivery.target}" of notifications (any more).'
            )
        self._send(delivery.target, target, delivery.message)

    @activity.defn
    def test_targets(self) -> list[Check]:
        """Send a test message to each target at the same time, and say which arrived."""
        targets = load_targets(self.file)
        message = Notification(id=f"msg_{uuid4().hex}", state=TEST, made=datetime.now(UTC))

        def test(name: str) -> Check:
            return run_check(name, partial(self._test, name, targets[name], message))

        with ThreadPoolExecutor(MAX_TARGETS) as threads:
            return list(threads.map(test, targets))

    def _test(self, name: str, target: Target, message: Notification) -> str:
        self._send(name, target, message)
        return "It took a test message."

    def _send(self, name: str, target: Target, message: Notification) -> None:
        if target.apprise_file:
            chat.send(name, target, message)
        else:
            webhook.post(name, target, message, self.connect_timeout)
