"""A first load of a large fabric during which twenty workers are killed."""

import pytest

from tests.support.fabrics.sample_sets import needs_samples
from tests.support.system.first_load import first_load, real_sample
from tests.support.system.installation import Installation

KILLS = 20


@pytest.mark.soak
@needs_samples
async def test_large_first_load_survives_many_kills(installation: Installation) -> None:
    async with first_load(installation, real_sample("gpu-rail-large")) as load:
        await load.kill_workers(KILLS)
        async with installation.worker():
            await load.check_completes()
