"""Warnings that many requests cause are few lines."""

import logging

import pytest

from webhooks import repetitions
from webhooks.repetitions import INTERVAL_SECONDS, limited_warnings

log = logging.getLogger("fabric_sync.webhooks.test")


class Clock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(repetitions, "monotonic", clock)
    return clock


def test_repeated_warning_is_one_line_a_minute_with_the_number_of_others(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with limited_warnings(log.name):
        for number in range(1_500):
            log.warning("Rejected %d.", number)
        clock.seconds += INTERVAL_SECONDS
        log.warning("Rejected %d.", 1_500)
        clock.seconds += INTERVAL_SECONDS
        log.warning("Rejected %d.", 1_501)
    assert caplog.messages == [
        "Rejected 0.",
        "Rejected 1500. (1,499 more since the last such line)",
        "Rejected 1501.",
    ]


@pytest.mark.usefixtures("clock")
def test_other_messages_are_not_held_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with limited_warnings(log.name):
        for _ in range(2):
            log.info("Received.")
            log.warning("Rejected.")
            log.error("Failed.")
    log.warning("Rejected.")
    assert caplog.messages == ["Received.", "Rejected.", "Failed.", "Received.", "Rejected."]
