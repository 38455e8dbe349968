"""Fixtures of the fault suite: fleets that many faults strike in turn."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from activities.netbox.client import NetBox
from stack.stack import Stack
from tests.support.faults.fleet import FaultyFleet, run_fleet
from tests.support.system.fresh_installation import fresh_installation
from tests.support.system.installation import Installation


@dataclass
class FleetKeeper:
    """Keeps a fleet for several tests, and replaces one that does not recover."""

    stack: Stack
    admin: NetBox
    token: str
    folders: pytest.TempPathFactory
    fleet: FaultyFleet | None = None
    size: int = 0
    exits: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def get(self, size: int) -> FaultyFleet:
        """Return a healthy fleet of this size."""
        if self.fleet is None or self.size != size or not await self.fleet.recovers():
            await self.close()
            installation = await self.install(self.folders.mktemp("fleet"))
            self.fleet = await self.exits.enter_async_context(run_fleet(installation, size))
            self.size = size
        return self.fleet

    async def install(self, folder: Path) -> Installation:
        """Make an installation that lasts until `exits` closes."""
        return await self.exits.enter_async_context(
            fresh_installation(self.stack, self.admin, self.token, folder, ExitStack())
        )

    async def close(self) -> None:
        """End the fleet."""
        exits, self.exits, self.fleet = self.exits, AsyncExitStack(), None
        await exits.aclose()


@pytest.fixture(scope="module")
async def fleets(
    stack: Stack, admin: NetBox, constrained_token: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FleetKeeper]:
    """The fleet of a module."""
    keeper = FleetKeeper(stack, admin, constrained_token, tmp_path_factory)
    try:
        yield keeper
    finally:
        await keeper.close()
