"""Tokens may be revoked, and renewed or accepted again."""

from dataclasses import replace
from functools import partial
from typing import Final
from uuid import uuid4

import pytest

from activities.setup.access import TOKENS
from stack.kubernetes.emulator import EmulatedKubernetesApi
from tests.faults.conftest import FleetKeeper
from tests.support.faults.faults import Dependency
from tests.support.faults.fleet import FaultyFleet
from tests.support.faults.outcomes import Triple
from tests.support.faults.results import RecordProperty, check_outcomes
from tests.support.faults.trials import Event, run_trial
from tests.support.system.fleet import fleet_summary
from tests.support.system.installation import wait_until

pytestmark = pytest.mark.soak

FABRICS: Final = 4


async def revoke_and_renew_kubernetes(fleet: FaultyFleet) -> None:
    """Let each API accept another token, and write that into the fabric's credential."""
    tokens = {fabric: uuid4().hex for fabric in fleet.fabrics}
    for fabric, token in tokens.items():
        api = fabric.fabric.api
        assert isinstance(api, EmulatedKubernetesApi)
        api._handler.auth = replace(api._handler.auth, token=token)
    await fleet.wait_for_errors()
    for fabric, token in tokens.items():
        (fabric.fabric.credential / "token").write_text(token)


async def revoke_and_renew_git(fleet: FaultyFleet) -> None:
    """Let each repository need a token, and write it into the fabric's credential."""
    tokens = {fabric: uuid4().hex for fabric in fleet.fabrics}
    for fabric, token in tokens.items():
        fleet.installation.stack.git.require_token(fabric.fabric.repository, token)
    await fleet.wait_for_errors()
    for fabric, token in tokens.items():
        (fabric.fabric.credential / "git-url").write_text(fleet.git.url)
        (fabric.fabric.credential / "git-token").write_text(token)


async def disable_and_enable_netbox(fleet: FaultyFleet) -> None:
    """Let NetBox refuse the worker's token until the fleet says so."""
    installation = fleet.installation
    key = installation.token.removeprefix("nbt_").partition(".")[0]
    [token] = [row["id"] for row in installation.admin.list_rows(TOKENS) if row["key"] == key]
    installation.admin.update(TOKENS, token, {"enabled": False})
    try:
        await wait_until(
            partial(fleet_summary, installation), lambda summary: "token" in summary.error
        )
    finally:
        installation.admin.update(TOKENS, token, {"enabled": True})


EVENTS: Final[tuple[tuple[Dependency, Event], ...]] = (
    (Dependency.KUBERNETES, revoke_and_renew_kubernetes),
    (Dependency.GIT, revoke_and_renew_git),
    (Dependency.NETBOX, disable_and_enable_netbox),
)


@pytest.mark.parametrize(
    ("dependency", "event"), EVENTS, ids=lambda value: getattr(value, "__name__", value)
)
async def test_token_is_revoked(
    fleets: FleetKeeper, dependency: Dependency, event: Event, record_property: RecordProperty
) -> None:
    fleet = await fleets.get(FABRICS)
    triple = Triple(dependency, "token revoked", "credential")
    check_outcomes(await run_trial(fleet, [triple], event), record_property)
