"""`setup`, and `doctor` for records of other installations."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client

from activities.netbox.client import NetBox
from activities.setup.access import TOKEN_DESCRIPTION, TOKENS, USER_ITEM
from tests.support.cli.command_line import CommandLine, Result
from tests.support.system.fleet import wait_until_listed
from tests.support.system.installation import SERVERS, Installation, in_yaml, wait_until

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}


async def test_doctor_passes_for_a_fabric_in_sync(
    installation: Installation, starter: CommandLine
) -> None:
    async with installation.worker():
        fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False)
        await starter("enable", fabric.fabric_id)
        await fabric.wait_for_status("in_sync")
        doctor = await starter("doctor", fabric.fabric_id, "--json")
        assert [check for check in doctor.json["checks"] if not check["ok"]] == []
        assert doctor.code == 0


async def test_second_setup_changes_nothing(
    installation: Installation, starter: CommandLine
) -> None:
    admin = starter.with_(
        FABRIC_SYNC_NETBOX_TOKEN=installation.stack.netbox.token,
        TEMPORAL_UI_URL=installation.stack.temporal.ui_url,
    )
    await admin("setup")  # other tests may have left another Temporal's address
    again = await admin("setup", "--json")
    assert (again.code, again.json) == (0, {"changes": [], "token": None, "trouble": ""})


async def create_full_namespace(client: Client, namespace: str) -> None:
    """Create a namespace with the ten Keyword attributes that its database holds."""
    retention = Duration(seconds=86_400)
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=namespace, workflow_execution_retention_period=retention)
    )
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    others = {f"Other{number}": keyword for number in range(10)}
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(namespace=namespace, search_attributes=others)
    )


@contextmanager
def without_token(admin: NetBox) -> Iterator[None]:
    """Hide the user's token during the block, and delete new ones after it."""

    def find_tokens() -> list[int]:
        key = (USER_ITEM.key["username"], TOKEN_DESCRIPTION)
        tokens = list(admin.list_rows(TOKENS))
        return [t["id"] for t in tokens if (t["user"]["username"], t["description"]) == key]

    [existing] = find_tokens()
    admin.update(TOKENS, existing, {"description": "put aside"})
    try:
        yield
    finally:
        for new in find_tokens():
            admin.delete(TOKENS, new)
        admin.update(TOKENS, existing, {"description": TOKEN_DESCRIPTION})


async def test_setup_creates_the_token_although_temporal_refuses_attributes(
    installation: Installation, starter: CommandLine
) -> None:
    namespace = f"full-{installation.queue}"
    await create_full_namespace(installation.client, namespace)
    admins = starter.with_(
        FABRIC_SYNC_NETBOX_TOKEN=installation.stack.netbox.token, TEMPORAL_NAMESPACE=namespace
    )
    with without_token(installation.admin):
        first = await admins("setup")
        again = await admins("setup", "--json")
    assert (first.code, "export FABRIC_SYNC_NETBOX_TOKEN=nbt_" in first.out) == (1, True), first
    assert "cannot have more than 10" in first.err
    assert (again.code, again.json["token"]) == (1, None)
    assert f"Ask an operator of the namespace {namespace} to add" in again.json["trouble"]
    for attribute in ("FabricName (Keyword)", "FabricStatus (Keyword)", "FabricDrift (Int)"):
        assert attribute in again.json["trouble"]


async def test_doctor_warns_before_the_token_expires_and_setup_renews_it(
    installation: Installation, starter: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    admins = starter.with_(FABRIC_SYNC_NETBOX_TOKEN=installation.stack.netbox.token)
    with without_token(installation.admin):
        token = (await admins("setup", "--token-expires", "30", "--json")).json["token"]
        file.write_text(token)
        workers = starter.with_(
            FABRIC_SYNC_NETBOX_TOKEN="", FABRIC_SYNC_NETBOX_TOKEN_FILE=str(file)
        )
        check = await check_token(workers)
        assert (check["ok"], "expires at 20" in check["sentence"]) == (True, True), check

        [row] = [row for row in installation.admin.list_rows(TOKENS) if row["key"] in token]
        soon = (datetime.now(UTC) + timedelta(days=3)).isoformat()
        installation.admin.update(TOKENS, row["id"], {"expires": soon})
        check = await check_token(workers)
        assert (
            check["ok"],
            "run `starter.py setup --token-expires DAYS`" in check["sentence"],
        ) == (False, True), check
        assert (await admins("setup", "--json")).json["token"] not in (None, token)


async def check_token(starter: CommandLine) -> dict[str, Any]:
    """Return what `doctor` says about the token."""
    checks = (await starter("doctor", "--json")).json["checks"]
    [check] = [check for check in checks if check["name"] == "NetBox token"]
    return dict(check)


async def test_setup_needs_an_administrator(starter: CommandLine) -> None:
    assert (await starter("setup")).is_refused("does not allow this user")


async def test_setup_is_not_removed_while_loops_run(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS)
    await installation.start(fabric)
    await wait_until_listed(installation.client, fabric.handle.id)
    assert (await starter("setup", "--remove")).is_refused("Confirmation needs a terminal")
    refused = await starter("setup", "--remove", "--yes")
    assert refused.is_refused("starter.py disable --all"), refused


async def test_setup_is_not_removed_if_another_installation_needs_it(
    installation: Installation, starter: CommandLine
) -> None:
    await installation.fabric(IN_GIT, SERVERS, hh_instance="default@elsewhere")
    await installation.fabric(IN_GIT, SERVERS)
    refused = await starter(
        "setup", "--remove", "--yes"
    )  # without an administrator's token, to be safe
    assert refused.is_refused("Nothing was removed, since other installations"), refused
    assert "`starter.py take-over --from default@elsewhere` moves it here." in refused.err


async def test_foreign_record_stays_unchanged_until_taken_over(
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
        await fabric.wait_for_status("in_sync")


def has_fleet(status: Result) -> bool:
    """True if the fleet has answered."""
    return status.json["fleet"] is not None


async def test_fabric_of_a_dead_installation_is_stale_until_taken_over(
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
        status = await wait_until(partial(starter.__call__, "status", "--json"), has_fleet)
        assert (status.code, status.fabric["sync_status"]) == (1, "in_sync")
        assert (status.fabric["stale"], status.fabric["owner"]) == (True, "default@elsewhere")
        page, doctor = await starter("status", name), await starter("doctor", name)
        assert f"`starter.py doctor {name} --take-over`" in " ".join(page.out.split())
        assert "its loop belongs to default@elsewhere" in " ".join(doctor.out.split())
        checks = {
            check["name"]: check for check in (await starter("doctor", "--json")).json["checks"]
        }
        assert not checks["Owners"]["ok"]
        assert "`starter.py take-over --from default@elsewhere`" in checks["Owners"]["sentence"]
        await starter("doctor", name, "--take-over")
        await wait_until(partial(starter.__call__, "status"), lambda status: status.code == 0)


async def test_enable_continues_after_a_failure(
    installation: Installation, starter: CommandLine
) -> None:
    foreign = await installation.fabric(
        IN_GIT, SERVERS, hh_sync_enabled=False, hh_instance="default@elsewhere"
    )
    own = await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False)
    enabled = await starter("enable", foreign.fabric_id, own.fabric_id, "--json")
    assert (enabled.code, enabled.fabric["fabric_id"]) == (2, own.fabric_id)
    assert f"starter.py: {foreign.fabric_id} belongs to another installation" in enabled.err
