"""`setup`, `doctor` and whom a record belongs to."""

from tests.cli.conftest import CommandLine
from tests.e2e.installation import SERVERS, Installation, in_yaml

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}


async def test_everything_is_healthy(installation: Installation, starter: CommandLine) -> None:
    async with installation.worker():
        fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False)
        await starter("enable", fabric.fabric_id)
        await fabric.recorded("in_sync")
        doctor = await starter("doctor", fabric.fabric_id, "--json")
        assert [check for check in doctor.json["checks"] if not check["ok"]] == []
        assert doctor.code == 0


async def test_setting_up_again_changes_nothing(
    installation: Installation, starter: CommandLine
) -> None:
    admin = starter.with_(
        FABRIC_SYNC_NETBOX_TOKEN=installation.stack.netbox.token,
        TEMPORAL_UI_URL=installation.stack.temporal.ui_url,
    )
    await admin("setup")  # other tests may have left another Temporal's address
    again = await admin("setup", "--json")
    assert (again.code, again.json) == (0, {"changes": [], "token": None})


async def test_only_an_administrator_sets_up(starter: CommandLine) -> None:
    assert (await starter("setup")).refused("does not allow this user")


async def test_nothing_is_removed_while_loops_run(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS)
    await installation.start(fabric)
    assert (await starter("setup", "--remove")).refused("Without a terminal")
    refused = await starter("setup", "--remove", "--yes")
    assert refused.refused("starter.py disable --all"), refused


async def test_nothing_is_removed_that_another_installation_needs(
    installation: Installation, starter: CommandLine
) -> None:
    await installation.fabric(IN_GIT, SERVERS, hh_instance="default@elsewhere")
    await installation.fabric(IN_GIT, SERVERS)
    refused = await starter("setup", "--remove", "--yes")  # not as an administrator, to be safe
    assert refused.refused("other installations of Fabric Sync, too: default@elsewhere."), refused


async def test_a_record_of_another_installation_is_left_alone_until_taken_over(
    installation: Installation, starter: CommandLine
) -> None:
    async with installation.worker():
        fabric = await installation.fabric(
            IN_GIT, SERVERS, hh_sync_enabled=False, hh_instance="default@elsewhere"
        )
        refused = await starter("enable", fabric.fabric_id)
        assert (refused.code, "another installation" in refused.err) == (2, True)
        assert (await fabric.record())["sync_enabled"] is False
        doctor = await starter("doctor", fabric.fabric_id)
        assert (doctor.code, "--take-over" in doctor.out) == (1, True)

        taken = await starter("doctor", fabric.fabric_id, "--take-over")
        assert taken.code == 0
        assert (await starter("enable", fabric.fabric_id)).code == 0
        await fabric.recorded("in_sync")


async def test_one_that_fails_keeps_none_of_the_others_from_it(
    installation: Installation, starter: CommandLine
) -> None:
    theirs = await installation.fabric(
        IN_GIT, SERVERS, hh_sync_enabled=False, hh_instance="default@elsewhere"
    )
    ours = await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False)
    enabled = await starter("enable", theirs.fabric_id, ours.fabric_id, "--json")
    assert (enabled.code, enabled.fabric["fabric_id"]) == (2, ours.fabric_id)
    assert f"starter.py: {theirs.fabric_id} belongs to another installation" in enabled.err
