"""`setup`, `doctor` and whom a record belongs to."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client

from activities.netbox.client import NetBox
from activities.setup.access import TOKEN_DESCRIPTION, TOKENS, USER_ITEM
from tests.support.cli.command_line import CommandLine, Result
from tests.support.system.installation import SERVERS, Installation, in_yaml, until

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
    assert (again.code, again.json) == (0, {"changes": [], "token": None, "trouble": ""})


async def without_room(client: Client, namespace: str) -> None:
    """A new namespace that takes no more search attributes of type Keyword: its database has ten columns."""
    kept = Duration(seconds=86_400)
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=namespace, workflow_execution_retention_period=kept)
    )
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    others = {f"Other{number}": keyword for number in range(10)}
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(namespace=namespace, search_attributes=others)
    )


@contextmanager
def without_token(admin: NetBox) -> Iterator[None]:
    """As if the user had no token yet; one that it is given does not stay."""

    def described(text: str) -> list[int]:
        name = USER_ITEM.key["username"]
        tokens = list(admin.list_rows(TOKENS))
        return [
            t["id"] for t in tokens if (t["user"]["username"], t["description"]) == (name, text)
        ]

    [first] = described(TOKEN_DESCRIPTION)
    admin.update(TOKENS, first, {"description": "put aside"})
    try:
        yield
    finally:
        for new in described(TOKEN_DESCRIPTION):
            admin.delete(TOKENS, new)
        admin.update(TOKENS, first, {"description": TOKEN_DESCRIPTION})


async def test_what_temporal_refuses_is_said_and_keeps_nobody_from_the_token(
    installation: Installation, starter: CommandLine
) -> None:
    namespace = f"full-{installation.queue}"
    await without_room(installation.client, namespace)
    admins = starter.with_(
        FABRIC_SYNC_NETBOX_TOKEN=installation.stack.netbox.token, TEMPORAL_NAMESPACE=namespace
    )
    with without_token(installation.admin):
        first = await admins("setup")
        again = await admins("setup", "--json")
    assert (first.code, "export FABRIC_SYNC_NETBOX_TOKEN=nbt_" in first.out) == (1, True), first
    assert "cannot have more than 10" in first.err
    assert (again.code, again.json["token"]) == (1, None)
    assert f"have an operator of the namespace {namespace} add" in again.json["trouble"]
    for wanted in ("FabricName (Keyword)", "FabricStatus (Keyword)", "FabricDrift (Int)"):
        assert wanted in again.json["trouble"]


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


def has_fleet(status: Result) -> bool:
    return status.json["fleet"] is not None


async def test_a_fabric_whose_owner_is_dead_is_stale_until_taken_over(
    installation: Installation, starter: CommandLine
) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    async with installation.worker():
        fabric = await installation.fabric(
            IN_GIT,
            SERVERS,
            hh_instance="default@elsewhere",
            hh_last_sync=yesterday,
            hh_last_success=yesterday,
            hh_drift_count=0,
        )
        name = fabric.fabric_id
        status = await until(partial(starter.__call__, "status", "--json"), has_fleet)
        assert (status.code, status.fabric["sync_status"]) == (1, "in_sync")
        assert (status.fabric["stale"], status.fabric["owner"]) == (True, "default@elsewhere")
        page, doctor = await starter("status", name), await starter("doctor", name)
        assert f"`starter.py doctor {name} --take-over`" in " ".join(page.out.split())
        assert "its loop is that of default@elsewhere" in " ".join(doctor.out.split())
        await starter("doctor", name, "--take-over")
        await until(partial(starter.__call__, "status"), lambda status: status.code == 0)


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
