"""`take-over` moves the fabrics of one former installation here, and no others."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.errors import NoResponseError, PermanentError
from cli.commands.lifecycle.enable_disable import run_for_each
from cli.exit_codes import EXIT_INTERRUPTED
from cli.fabrics.fabric import Fabric as Record
from tests.support.cli.command_line import CommandLine
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
FORMER, THIRD = "default@former", "default@third"


async def make_fabric(installation: Installation, owner: str | None, **fields: object) -> Fabric:
    """Create a fabric that another installation owned, and that is switched off."""
    return await installation.fabric(
        IN_GIT, SERVERS, hh_sync_enabled=False, hh_instance=owner, **fields
    )


async def owner_of(fabric: Fabric) -> str | None:
    """Return the owner in the record."""
    owner: str | None = (await fabric.record())["instance"]
    return owner


async def test_only_fabrics_of_the_named_installation_are_taken_over(
    installation: Installation, starter: CommandLine
) -> None:
    former = [await make_fabric(installation, FORMER) for _ in range(2)]
    third = await make_fabric(installation, THIRD)
    nobodys = await make_fabric(installation, None)

    unnamed = await starter("take-over", "--yes")
    assert unnamed.is_refused("Say from whom. 2 fabrics belong to another installation"), unnamed
    assert f"`starter.py take-over --from {FORMER}` moves them here." in unnamed.err
    assert f"1 fabric belongs to another installation, {THIRD}." in unnamed.err
    doctor = await starter("doctor", "--json")
    [owners] = [check for check in doctor.json["checks"] if check["name"] == "Owners"]
    assert owners["sentence"] in unnamed.err

    taken = await starter("take-over", "--from", FORMER, "--yes", "--json")
    names = sorted(fabric.fabric_id for fabric in former)
    assert (taken.code, taken.json) == (0, {"former": FORMER, "taken_over": names})
    new_owners = {await owner_of(fabric) for fabric in former}
    assert len(new_owners) == 1
    assert not new_owners & {FORMER, None}
    assert (await owner_of(third), await owner_of(nobodys)) == (THIRD, None)
    again = await starter("take-over", "--from", FORMER, "--yes")
    assert again.is_refused(f"There is nothing to take over from {FORMER}. 1 fabric"), again


async def test_nothing_is_taken_over_without_a_yes(
    installation: Installation, starter: CommandLine
) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    fabric = await make_fabric(installation, FORMER, hh_last_sync=yesterday)
    silent = await starter("take-over", "--from", FORMER)
    assert "Confirmation needs a terminal" in silent.err.splitlines()[-1]
    refused = await starter.run_with_answer("n", "take-over", "--from", FORMER)
    assert (silent.code, refused.code) == (2, EXIT_INTERRUPTED)
    assert f"Take over 1 fabric from {FORMER}?" in refused.err
    assert "Last sync in these records: 24 h ago." in refused.err
    assert await owner_of(fabric) == FORMER

    taken = await starter.run_with_answer("y", "take-over", "--from", FORMER)
    assert (taken.code, taken.out.strip()) == (
        0,
        f"Took over 1 fabric from {FORMER}: {fabric.fabric_id}.",
    )
    assert await owner_of(fabric) not in (FORMER, None)


def make_records(*names: str) -> list[Record]:
    """Return fabrics of these names."""
    return [Record.from_record({"id": 1, "name": name, "custom_fields": {}}) for name in names]


async def test_failure_of_one_fabric_does_not_end_a_command_for_many() -> None:
    async def refuse_first(fabric: Record) -> Record:
        if fabric.config.name == "A":
            raise PermanentError("NetBox refused.")
        return fabric

    fabrics = make_records("A", "B")
    assert await run_for_each("Moving", fabrics, refuse_first) == (fabrics[1:], True)


async def test_command_for_many_ends_once_netbox_does_not_answer() -> None:
    asked = []

    async def wait_in_vain(fabric: Record) -> Record:
        asked.append(fabric.config.name)
        raise NoResponseError("NetBox did not answer in time.")

    with pytest.raises(NoResponseError):
        await run_for_each("Moving", make_records("A", "B"), wait_in_vain)
    assert asked == ["A"]
