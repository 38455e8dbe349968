"""Configuration changes that are not in the record yet."""

from fabrics.record.config import ConfigEdits, FabricConfig

CONFIG = FabricConfig(fabric_id="lab", name="Lab", record_id=1)


def test_edits_apply_to_a_copy() -> None:
    edited = ConfigEdits(paused=True, interval=0).apply_to(CONFIG)

    assert (edited.paused, edited.interval) == (True, 0)
    assert not CONFIG.paused


def test_without_edits_the_configuration_is_not_copied() -> None:
    """A loop asks for it some forty times in each workflow task."""
    assert ConfigEdits().apply_to(CONFIG) is CONFIG
