"""Journal entries: lasting findings once, no flapping, ten minutes apart."""

from datetime import UTC, datetime, timedelta

from fabrics.drift.summary import SummaryEntry
from fabrics.loop.journal import MIN_ENTRY_INTERVAL, Journal, is_already_reported
from fabrics.record.sync_status import LastKnownState, SyncStatus

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def drift(*names: str) -> LastKnownState:
    """Return a state in which these VPCs drifted."""
    entries = tuple(SummaryEntry("VPC", "default", name, "changed") for name in names)
    return LastKnownState(drift_count=len(names), drift=entries, commit="c0ffee")


def entries_after(
    *findings: tuple[SyncStatus, LastKnownState], every: timedelta = MINUTE
) -> list[str]:
    """Return the entries that these syncs make, each written at once."""
    journal, entries = Journal(), []
    for number, (status, last_known) in enumerate(findings):
        journal = journal.after_sync(status, last_known, START + every * number)
        if journal.pending_entry:
            entries.append(journal.pending_entry)
            journal = journal.after_write(journal.pending_entry)
    return entries


ERROR = (SyncStatus.ERROR, LastKnownState(error="The API refused the token."))
IN_SYNC = (SyncStatus.IN_SYNC, LastKnownState(commit="c0ffee"))
ONE = (SyncStatus.OUT_OF_SYNC, drift("web"))
TWO = (SyncStatus.OUT_OF_SYNC, drift("web", "db"))


def test_status_that_lasts_two_syncs_is_reported_once() -> None:
    assert entries_after(ERROR) == []
    assert entries_after(ERROR, ERROR) == [
        "**error** since 2026-01-01 00:00:00 UTC. The API refused the token."
    ]
    assert len(entries_after(*[ERROR] * 100)) == 1


def test_flapping_status_is_not_reported() -> None:
    assert entries_after(*[IN_SYNC, ERROR] * 50) == []


def test_entry_lists_drifted_objects_and_new_set_is_new_entry() -> None:
    first, second = entries_after(ONE, ONE, TWO, TWO, every=MIN_ENTRY_INTERVAL)
    assert "Drift from commit c0ffee (1): VPC web changed." in first
    assert "Drift from commit c0ffee (2): VPC web changed, VPC db changed." in second


def test_markdown_of_others_is_escaped_in_entries() -> None:
    image = "![](http://x)"
    error = (SyncStatus.ERROR, LastKnownState(error=f"No {image}."))
    (entry,) = entries_after(error, error)
    assert entry.endswith(r" UTC. No \!\[\](http://x).")
    drifted = (SyncStatus.OUT_OF_SYNC, drift(image))
    (entry,) = entries_after(drifted, drifted)
    assert entry.endswith(r"(1): VPC \!\[\](http://x) changed.")
    journal = Journal().after_sync(*IN_SYNC, START, image).after_sync(*IN_SYNC, START, image)
    assert journal.pending_entry.endswith(r"Commit c0ffee. \!\[\](http://x)")


def test_entries_are_at_least_ten_minutes_apart() -> None:
    entries = entries_after(*[ERROR, ERROR, IN_SYNC, IN_SYNC] * 15)
    assert 5 <= len(entries) <= 7


def test_entry_stays_pending_until_written() -> None:
    journal = Journal().after_sync(*ERROR, START).after_sync(*ERROR, START + MINUTE)
    waiting = journal.after_sync(*ERROR, START + 2 * MINUTE)
    assert waiting.pending_entry == journal.pending_entry != ""
    assert waiting.after_write("something else").pending_entry == journal.pending_entry
    assert waiting.after_write(journal.pending_entry).pending_entry == ""


def test_new_loop_repeats_no_finding() -> None:
    """It does not know the start and the commit that the last entry has."""
    (before,) = entries_after(ONE, ONE)
    again = before.replace("00:00:00", "09:30:00").replace("c0ffee", "0ddba11")
    assert again != before
    for latest in (
        [before],
        ["A note.", before],
        ["**Beware** of this.", before, *entries_after(TWO, TWO)],
    ):
        assert is_already_reported(again, latest)
    (in_sync,) = entries_after(IN_SYNC, IN_SYNC)
    for latest in ([], [in_sync, before], entries_after(TWO, TWO), entries_after(ERROR, ERROR)):
        assert not is_already_reported(again, latest)


def test_same_text_is_found_at_any_place_in_journal() -> None:
    (error,) = entries_after(ERROR, ERROR)
    assert is_already_reported("Refused.", ["A note.", error, "Refused."])
    assert not is_already_reported("Refused.", [error])
