"""A finding that lasted two syncs is told once; flapping is not, and entries keep their distance."""

from datetime import UTC, datetime, timedelta

from fabrics.drift import SummaryEntry
from fabrics.loop.journal import MIN_ENTRY_INTERVAL, Journal, is_already_reported
from fabrics.record.status import LastKnownState, SyncStatus

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def drift(*names: str) -> LastKnownState:
    """Objects that somebody changed."""
    entries = tuple(SummaryEntry("VPC", "default", name, "changed") for name in names)
    return LastKnownState(drift_count=len(names), drift=entries, commit="c0ffee")


def syncs(*findings: tuple[SyncStatus, LastKnownState], every: timedelta = MINUTE) -> list[str]:
    """The entries that a series of syncs leads to, each written at once."""
    journal, entries = Journal(), []
    for number, (status, facts) in enumerate(findings):
        journal = journal.after_sync(status, facts, START + every * number)
        if journal.pending_entry:
            entries.append(journal.pending_entry)
            journal = journal.after_write(journal.pending_entry)
    return entries


ERROR = (SyncStatus.ERROR, LastKnownState(error="The API refused the token."))
IN_SYNC = (SyncStatus.IN_SYNC, LastKnownState(commit="c0ffee"))
ONE = (SyncStatus.OUT_OF_SYNC, drift("web"))
TWO = (SyncStatus.OUT_OF_SYNC, drift("web", "db"))


def test_two_syncs_with_the_same_status_are_told_once() -> None:
    assert syncs(ERROR) == []
    assert syncs(ERROR, ERROR) == [
        "**error** since 2026-01-01 00:00:00 UTC. The API refused the token."
    ]
    assert len(syncs(*[ERROR] * 100)) == 1


def test_a_flapping_status_is_not_told() -> None:
    assert syncs(*[IN_SYNC, ERROR] * 50) == []


def test_a_drift_set_names_what_drifted_and_a_new_set_is_told_anew() -> None:
    first, second = syncs(ONE, ONE, TWO, TWO, every=MIN_ENTRY_INTERVAL)
    assert "Drift from commit c0ffee (1): VPC web changed." in first
    assert "Drift from commit c0ffee (2): VPC web changed, VPC db changed." in second


def test_entries_are_at_least_ten_minutes_apart() -> None:
    entries = syncs(*[ERROR, ERROR, IN_SYNC, IN_SYNC] * 15)
    assert 5 <= len(entries) <= 7


def test_an_entry_waits_until_it_is_written() -> None:
    journal = Journal().after_sync(*ERROR, START).after_sync(*ERROR, START + MINUTE)
    waiting = journal.after_sync(*ERROR, START + 2 * MINUTE)
    assert waiting.pending_entry == journal.pending_entry != ""
    assert waiting.after_write("something else").pending_entry == journal.pending_entry
    assert waiting.after_write(journal.pending_entry).pending_entry == ""


def test_a_new_loop_repeats_no_finding() -> None:
    """It knows neither since when, nor at which commit that was told."""
    (before,) = syncs(ONE, ONE)
    again = before.replace("00:00:00", "09:30:00").replace("c0ffee", "0ddba11")
    assert again != before
    for latest in (
        [before],
        ["A note.", before],
        ["**Beware** of this.", before, *syncs(TWO, TWO)],
    ):
        assert is_already_reported(again, latest)
    (in_sync,) = syncs(IN_SYNC, IN_SYNC)
    for latest in ([], [in_sync, before], syncs(TWO, TWO), syncs(ERROR, ERROR)):
        assert not is_already_reported(again, latest)


def test_what_is_there_word_for_word_is_told_wherever_it_stands() -> None:
    (error,) = syncs(ERROR, ERROR)
    assert is_already_reported("Refused.", ["A note.", error, "Refused."])
    assert not is_already_reported("Refused.", [error])
