"""What is left to read from a record and to write to it."""

from datetime import UTC, datetime, timedelta

import pytest

from fabrics.loop.record_exchange import RecordExchange, RecordLink, ShownStatus
from fabrics.record.config import ConfigEdits, FabricConfig
from fabrics.record.sync_status import LastKnownState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
IDLE = RecordExchange(needs_reload=False)


def test_record_counts_as_deleted_after_two_reads_without_it() -> None:
    missed = IDLE.after_miss()
    assert (missed.link, missed.needs_reload) == (RecordLink.MISSING, True)
    deleted = missed.begin().after_miss()
    assert (deleted.link, deleted.needs_reload) == (RecordLink.DELETED, False)
    assert deleted.begin().after_miss() == deleted
    assert missed.after_read(None).after_miss().link is RecordLink.MISSING


@pytest.mark.parametrize(("interval", "wait"), [(5, 10), (30, 30), (3600, 60)])
def test_failed_netbox_is_asked_again_after_an_interval_within_bounds(
    interval: int, wait: int
) -> None:
    failed = IDLE.after_failure("It is down.", timedelta(seconds=interval), NOW)
    assert (failed.needs_reload, failed.retry_at) == (True, NOW + timedelta(seconds=wait))
    assert not failed.has_new_message
    assert failed.after_read(None).error == ""


def test_message_ends_the_wait_for_a_failed_netbox() -> None:
    failed = IDLE.after_failure("It is down.", timedelta(0), NOW)
    assert failed.request_reload().has_new_message
    assert failed.add_edits(ConfigEdits(paused=True)).has_new_message


def test_message_during_an_exchange_asks_for_another_one() -> None:
    assert not RecordExchange().begin().has_new_message
    assert RecordExchange().begin().request_reload().after_read(None).has_new_message


def test_accepted_differences_change_what_is_shown_only_where_there_are_any() -> None:
    config, plain = FabricConfig(fabric_id="dc1", name="DC 1", record_id=1), LastKnownState()
    accepted = plain.model_copy(update={"accepted_count": 1, "accepted_text": "VPC a: spec (r)"})
    noticed = plain.model_copy(update={"rule_notice": "It ends."})
    digests = {ShownStatus.build(config, state).digest for state in (plain, accepted, noticed)}
    assert len(digests) == 3
    # Earlier releases have stored digests of states without these.
    assert not plain.model_dump().keys() & {"accepted_count", "accepted_text", "rule_notice"}
