"""A fabric can be read from the API with fixed lists."""

import asyncio
from pathlib import Path

from activities.kubernetes.live_state import read_live_state
from bench.installation.static_api import StaticKubernetesApi, static_api
from bench.manifests import make_fabric, make_live_object
from fabrics.record.config import KubernetesTarget
from settings import Settings

OBJECTS = 700
"""More than fit on a page."""


async def test_a_fabric_is_read_whole(tmp_path: Path) -> None:
    api = StaticKubernetesApi()
    manifests = make_fabric(OBJECTS)
    api.serve("large", (make_live_object(n, item) for n, item in enumerate(manifests)))
    async with static_api(api) as server:
        api.auth.write_credential(tmp_path / "shared", server)
        target = KubernetesTarget(server=server, namespace="large", credential="shared")
        live = await asyncio.to_thread(read_live_state, target, Settings(credentials_dir=tmp_path))
    assert sum(map(len, live.resources.values())) == OBJECTS
