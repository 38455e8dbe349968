"""A first load of a large fabric, of which twenty workers in a row see a part and no more."""

import pytest

from tests.support.fabrics.sample_sets import needs_samples
from tests.support.system.first_load import first_load, real
from tests.support.system.installation import Installation

KILLS = 20


@pytest.mark.soak
@needs_samples
async def test_a_large_first_load_survives_many_kills(installation: Installation) -> None:
    async with first_load(installation, real("gpu-rail-large")) as load:
        await load.survives(KILLS)
        async with installation.worker():
            await load.ends()
