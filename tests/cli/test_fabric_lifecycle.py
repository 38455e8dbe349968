"""A fabric from `add` to `disable` by command line, with a real worker."""

from datetime import UTC, datetime, timedelta

from fabrics.loop.loop import workflow_id
from tests.support.cli.command_line import CommandLine
from tests.support.cli.enabled_fabric import enable_and_sync
from tests.support.system.fleet import wait_for_round, wait_until_listed
from tests.support.system.installation import (
    SERVERS,
    Fabric,
    Installation,
    in_yaml,
    manifest,
    wait_until,
)

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
ADDED = manifest("Server", "server-4", {"description": "number 4"})


async def started(installation: Installation, starter: CommandLine, **fields: object) -> Fabric:
    """Enable a new fabric, and wait until it is in sync."""
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False, **fields)
    await enable_and_sync(starter, fabric)
    await wait_until_listed(installation.client, fabric.handle.id)
    return fabric


async def test_fabric_is_added_synced_and_disabled(
    installation: Installation, starter: CommandLine
) -> None:
    async with installation.worker():
        source = await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False)
        name = f"Düsseldorf [{installation.queue}]"
        added = await starter(
            *("add", name, "--kubernetes-server", source.api.server, "--interval", "3600"),
            *("--git-repository", source.repository.url, "--credentials", source.fabric_id),
            *("--enable", "--json"),
        )
        assert (added.code, added.err) == (0, "")
        fabric_id = added.fabric["fabric_id"]
        assert fabric_id == f"dusseldorf-{installation.queue}"

        report = (await starter("sync", name, "--json")).json["report"]
        assert report["sync_status"] == "in_sync"
        assert (report["objects"], report["drift_count"]) == (3, 0)

        await wait_until_listed(installation.client, workflow_id(fabric_id))
        status = await starter("status", fabric_id, "--json")
        assert (status.code, status.fabric["name"]) == (0, name)
        assert status.fabric["sync_status"] == "in_sync"
        assert status.fabric["counts"] == {"Server": 3}
        assert status.fabric["running"]
        assert status.fabric["next_sync"]

        disabled = await starter("disable", name, "--json")
        assert (disabled.code, disabled.fabric["sync_status"]) == (0, "disabled")
        assert (await starter("sync", name)).is_refused(f"`starter.py enable {fabric_id}`")


async def test_status_of_all_fabrics_includes_the_fleet(
    installation: Installation, starter: CommandLine
) -> None:
    async with installation.worker():
        fabric = await started(installation, starter)
        await wait_for_round(installation)
        all_fabrics = await starter("status", "--json")
        summary = all_fabrics.json["fleet"]
        assert (all_fabrics.code, summary["states"]) == (0, {"in_sync": 1})
        assert (summary["error"], summary["problems"], summary["elsewhere"]) == ("", [], 0)
        one = await starter("status", fabric.fabric_id, "--json")
        assert (one.code, one.json["fleet"]) == (0, None)


async def test_drift_exits_1(installation: Installation, starter: CommandLine) -> None:
    async with installation.worker():
        fabric = await started(installation, starter)
        fabric.repository.commit({"more.yaml": in_yaml([ADDED])})
        synced = await starter("sync", fabric.fabric_id, "--json")
        assert (synced.code, synced.json["report"]["drift_count"]) == (1, 1)
        page = await starter("status", fabric.fabric_id)
        assert page.code == 1
        assert "server-4" in page.out
        assert (await starter("status", fabric.fabric_id, "--json")).fabric["drift_count"] == 1


async def test_loop_follows_interval_pause_resume_and_disable_and_history_shows_lateness(
    installation: Installation, starter: CommandLine
) -> None:
    async with installation.worker():
        fabric = await started(installation, starter, hh_sync_interval=3600)
        faster = await starter("set-interval", fabric.fabric_id, "5", "--json")
        assert (faster.code, faster.fabric["sync_interval"]) == (0, 5)
        claimed = faster.fabric["next_sync"]  # none if the loop is at work, and plans afterwards
        slot = datetime.fromisoformat(claimed) if claimed else datetime.now(UTC)
        assert slot - datetime.now(UTC) < timedelta(seconds=10)
        await fabric.wait_for_syncs(faster.fabric["syncs"] + 2)

        paused = await starter("pause", fabric.fabric_id, "--reason", "work", "--json")
        assert (paused.code, paused.fabric["paused"]) == (0, True)
        # It waits for a sync that is still running; afterwards the paused fabric has none.
        assert (await starter("sync", fabric.fabric_id)).code == 0
        record = await fabric.wait_for_status("paused")
        assert (record["pause_reason"], record["sync_interval"]) == ("work", 5)
        assert (await starter("status", fabric.fabric_id)).code == 0

        history = (await starter("history", fabric.fabric_id, "--json")).json
        scheduled = [sync for sync in history["syncs"] if sync["trigger"] == "schedule"]
        lateness = [sync["lateness"] for sync in scheduled]
        assert len(lateness) >= 2
        assert min(lateness) >= 0
        assert min(lateness) <= history["median_lateness"] <= max(lateness)
        table = await starter("history", fabric.fabric_id)
        assert "median lateness" in table.out
        in_sync = [sync for sync in history["syncs"] if sync["sync_status"] == "in_sync"]
        assert table.out.count("in_sync") == len(in_sync) >= 3

        resumed = await starter("resume", fabric.fabric_id, "--json")
        assert (resumed.code, resumed.fabric["paused"]) == (0, False)
        await wait_until(fabric.status, lambda status: status.next_sync is not None)

        await fabric.wait_for_syncs(resumed.fabric["syncs"] + 1)  # the record shows none of these
        disabled = await starter("disable", fabric.fabric_id, "--json")
        history = (await starter("history", fabric.fabric_id, "--json")).json
        started_last = datetime.fromisoformat(history["syncs"][-1]["started"])
        shown = datetime.fromisoformat(disabled.fabric["last_sync"])
        assert abs(shown - started_last) < timedelta(seconds=1)


async def test_no_wait_returns_without_report(
    installation: Installation, starter: CommandLine
) -> None:
    async with installation.worker():
        fabric = await started(installation, starter, hh_sync_interval=3600)
        before = (await fabric.status()).syncs
        requested = await starter("sync", fabric.fabric_id, "--no-wait", "--full", "--json")
        assert (requested.code, requested.json["report"]) == (0, None)
        await fabric.wait_for_syncs(before + 1)


async def test_terminated_loop_is_shown_as_lost_and_started_by_sync(
    installation: Installation, starter: CommandLine
) -> None:
    async with installation.worker():
        fabric = await started(installation, starter)
    await fabric.handle.terminate()

    async def is_lost() -> bool:
        status = await starter("status", fabric.fabric_id, "--json")
        return status.code == 1 and bool(status.fabric["lost"])

    await wait_until(is_lost, bool)
    async with installation.worker():

        async def is_synced() -> bool:
            return (await starter("sync", fabric.fabric_id)).code == 0

        await wait_until(is_synced, bool)
        await wait_until_listed(installation.client, fabric.handle.id)
        assert (await starter("status", fabric.fabric_id)).code == 0


async def test_pause_and_interval_are_written_to_the_record_without_a_loop(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False)
    assert (await starter("pause", fabric.fabric_id, "--reason", "later")).code == 0
    assert (await starter("set-interval", fabric.fabric_id, "60")).code == 0
    record = await fabric.record()
    assert record["paused"] is True
    assert (record["pause_reason"], record["sync_interval"]) == ("later", 60)
    assert record["sync_status"]["value"] == "disabled"
    assert record["paused_until"] is None
    assert (await starter("pause", fabric.fabric_id, "--for", "2h")).code == 0
    end = datetime.fromisoformat((await fabric.record())["paused_until"])
    assert timedelta(hours=1, minutes=50) < end - datetime.now(UTC) <= timedelta(hours=2)
    assert (await starter("resume", fabric.fabric_id)).code == 0
    record = await fabric.record()
    assert (record["paused"], record["paused_until"]) == (False, None)


async def test_interval_0_disables_and_another_enables(
    installation: Installation, starter: CommandLine
) -> None:
    async with installation.worker():
        fabric = await started(installation, starter)
        await starter("set-interval", fabric.fabric_id, "0")
        await fabric.wait_for_status("disabled")
        assert (await starter("sync", fabric.fabric_id)).is_refused("its interval is 0")
        assert (await starter("set-interval", fabric.fabric_id, "5")).code == 0
        assert (await starter("sync", fabric.fabric_id)).code == 0
        await fabric.wait_for_status("in_sync")
