"""A fabric from `add` to `disable`, with a real worker, by the command line alone."""

from typing import Any

from tests.support.cli.command_line import CommandLine
from tests.support.system.installation import (
    SERVERS,
    Fabric,
    Installation,
    in_yaml,
    manifest,
    until,
)

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
ADDED = manifest("Server", "server-4", {"description": "number 4"})


async def started(installation: Installation, starter: CommandLine, **fields: object) -> Fabric:
    """A fabric that `enable` has brought to its first sync."""
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False, **fields)
    assert (await starter("enable", fabric.fabric_id)).code == 0
    await fabric.recorded("in_sync")
    return fabric


async def test_from_add_to_disable(installation: Installation, starter: CommandLine) -> None:
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
        assert (report["sync_status"], report["objects"], report["drift_count"]) == (
            "in_sync",
            3,
            0,
        )

        shown = await starter("status", fabric_id, "--json")
        assert (shown.code, shown.fabric["sync_status"], shown.fabric["name"]) == (
            0,
            "in_sync",
            name,
        )
        assert shown.fabric["counts"] == {"Server": 3}
        assert shown.fabric["running"]
        assert shown.fabric["next_sync"]

        gone = await starter("disable", name, "--json")
        assert (gone.code, gone.fabric["sync_status"]) == (0, "disabled")
        assert (await starter("sync", name)).refused(f"`starter.py enable {fabric_id}`")


async def test_the_fleet_is_told_of_where_all_fabrics_are(
    installation: Installation, starter: CommandLine
) -> None:
    async with installation.worker():
        fabric = await started(installation, starter)

        async def fleet() -> Any:  # noqa: ANN401  JSON
            return (await starter("status", "--json")).json["fleet"]

        told = await until(fleet, lambda told: told and told["states"] == {"in_sync": 1})
        assert (told["error"], told["problems"], told["elsewhere"]) == ("", [], 0)
        one = await starter("status", fabric.fabric_id, "--json")
        assert (one.code, one.json["fleet"]) == (0, None)


async def test_drift_is_exit_status_1(installation: Installation, starter: CommandLine) -> None:
    async with installation.worker():
        fabric = await started(installation, starter)
        assert (await starter("sync", fabric.fabric_id)).code == 0
        fabric.repository.commit({"more.yaml": in_yaml([ADDED])})
        synced = await starter("sync", fabric.fabric_id, "--json")
        assert (synced.code, synced.json["report"]["drift_count"]) == (1, 1)
        page = await starter("status", fabric.fabric_id)
        assert page.code == 1
        assert "server-4" in page.out
        assert (await starter("status", fabric.fabric_id, "--json")).fabric["drift_count"] == 1


async def test_a_loop_obeys(installation: Installation, starter: CommandLine) -> None:
    async with installation.worker():
        fabric = await started(installation, starter, hh_sync_interval=3600)
        faster = await starter("set-interval", fabric.fabric_id, "5", "--json")
        assert (faster.code, faster.fabric["sync_interval"]) == (0, 5)
        await fabric.synced(3)

        paused = await starter("pause", fabric.fabric_id, "--reason", "work", "--json")
        assert (paused.code, paused.fabric["sync_status"]) == (0, "paused")
        record = await fabric.recorded("paused")
        assert (record["pause_reason"], record["sync_interval"]) == ("work", 5)
        assert (await starter("status", fabric.fabric_id)).code == 0

        resumed = await starter("resume", fabric.fabric_id, "--json")
        assert (resumed.code, resumed.fabric["paused"]) == (0, False)
        assert resumed.fabric["next_sync"]


async def test_history_tells_how_punctual(installation: Installation, starter: CommandLine) -> None:
    async with installation.worker():
        fabric = await started(installation, starter, hh_sync_interval=5)
        await fabric.synced(4)
        history = (await starter("history", fabric.fabric_id, "--json")).json
        late = [sync["lateness"] for sync in history["syncs"] if sync["trigger"] == "schedule"]
        assert len(late) >= 2
        assert min(late) >= 0
        assert min(late) <= history["median_lateness"] <= max(late)
        table = await starter("history", fabric.fabric_id)
        assert "median lateness" in table.out
        assert table.out.count("in_sync") >= 4


async def test_a_request_without_waiting(installation: Installation, starter: CommandLine) -> None:
    async with installation.worker():
        fabric = await started(installation, starter, hh_sync_interval=3600)
        before = (await fabric.status()).syncs
        asked = await starter("sync", fabric.fabric_id, "--no-wait", "--full", "--json")
        assert (asked.code, asked.json["report"]) == (0, None)
        await fabric.synced(before + 1)


async def test_a_terminated_loop_is_missed_and_started_by_sync(
    installation: Installation, starter: CommandLine
) -> None:
    async with installation.worker():
        fabric = await started(installation, starter)
    await fabric.handle.terminate()

    async def seen() -> bool:
        shown = await starter("status", fabric.fabric_id, "--json")
        return shown.code == 1 and bool(shown.fabric["lost"])

    await until(seen, bool)
    async with installation.worker():

        async def synced() -> bool:
            return (await starter("sync", fabric.fabric_id)).code == 0

        await until(synced, bool)
        assert (await starter("status", fabric.fabric_id)).code == 0


async def test_without_a_loop_the_record_is_written(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False)
    assert (await starter("pause", fabric.fabric_id, "--reason", "later")).code == 0
    assert (await starter("set-interval", fabric.fabric_id, "60")).code == 0
    record = await fabric.record()
    assert (record["paused"], record["pause_reason"], record["sync_interval"]) == (
        True,
        "later",
        60,
    )
    assert record["sync_status"]["value"] == "disabled"
    assert (await starter("resume", fabric.fabric_id)).code == 0
    assert not (await fabric.record())["paused"]


async def test_an_interval_of_0_switches_off_and_another_on(
    installation: Installation, starter: CommandLine
) -> None:
    async with installation.worker():
        fabric = await started(installation, starter)
        await starter("set-interval", fabric.fabric_id, "0")
        await fabric.recorded("disabled")
        assert (await starter("sync", fabric.fabric_id)).refused("interval 0")
        assert (await starter("set-interval", fabric.fabric_id, "5")).code == 0
        assert (await starter("sync", fabric.fabric_id)).code == 0
        await fabric.recorded("in_sync")
