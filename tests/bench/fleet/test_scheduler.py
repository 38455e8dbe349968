"""Sizes of fleets."""

import pytest

from bench.fleet.scheduler import FleetSize


def test_size_is_fabrics_at_interval() -> None:
    size = FleetSize.parse("100@10")
    assert size == FleetSize(100, 10)
    assert len(set(size.fabric_ids)) == 100


@pytest.mark.parametrize("text", ["100", "@10", "100@", "a@b"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        FleetSize.parse(text)
