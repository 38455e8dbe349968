"""Configuration changes that are not in the record yet."""

from datetime import UTC, datetime

import pytest

from fabrics.record.config import RESUME, ConfigEdits, FabricConfig

END = "2026-12-24T08:00:00+01:00"
CONFIG = FabricConfig(fabric_id="lab", name="Lab", record_id=1)


def test_edits_apply_to_a_copy() -> None:
    edited = ConfigEdits(paused=True, interval=0).apply_to(CONFIG)

    assert (edited.paused, edited.interval) == (True, 0)
    assert not CONFIG.paused


def test_without_edits_the_configuration_is_not_copied() -> None:
    """A loop asks for it some forty times in each workflow task."""
    assert ConfigEdits().apply_to(CONFIG) is CONFIG


def test_each_pause_has_its_own_end_or_none_and_resuming_leaves_none() -> None:
    paused = ConfigEdits.pause("work", END).apply_to(CONFIG)
    assert paused.paused_until == datetime(2026, 12, 24, 7, tzinfo=UTC)
    assert ConfigEdits.pause("more work").apply_to(paused).paused_until is None
    assert RESUME.apply_to(paused) == CONFIG


def test_pause_without_end_that_follows_one_with_an_end_is_still_to_be_written() -> None:
    timed, endless = ConfigEdits.pause("work", END), ConfigEdits.pause("work")
    remaining = timed.merge(endless).remaining_after(timed)
    assert remaining.apply_to(timed.apply_to(CONFIG)).paused_until is None
    assert not endless.remaining_after(endless)


def test_edits_are_the_same_after_their_way_through_temporal() -> None:
    for edits in (ConfigEdits.pause("work", END), ConfigEdits.pause(""), RESUME, ConfigEdits()):
        assert ConfigEdits.model_validate_json(edits.model_dump_json()) == edits


@pytest.mark.parametrize("end", ["16:00", 7, "2100-01-01T00:00:00Z", "2099-12-31T23:59:59-01:00"])
def test_unusable_end_of_a_pause_is_refused(end: object) -> None:
    with pytest.raises(ValueError, match="must be a time before 2100"):
        ConfigEdits.pause("work", end)


def test_hash_is_that_of_earlier_releases_unless_a_pause_has_an_end() -> None:
    timed, later = (
        CONFIG.model_copy(update={"paused_until": datetime(2026, 12, day, tzinfo=UTC)})
        for day in (24, 25)
    )
    assert len({CONFIG.hash, timed.hash, later.hash}) == 3
    assert CONFIG.hash == "c3dc02c42f41"
