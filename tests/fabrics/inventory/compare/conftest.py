"""What all tests of comparing share."""

import pytest

from tests.support.inventory.fake_netbox import FakeNetBox


@pytest.fixture
def netbox() -> FakeNetBox:
    """A NetBox in memory, still empty."""
    return FakeNetBox()
