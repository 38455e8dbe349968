"""`inventory` of a file and of a running loop, and `confirm-deletes`."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from cli.app import run
from cli.commands.inventory import FabricInventory
from cli.exit_codes import EXIT_FAILURE, EXIT_OK, EXIT_UNHEALTHY
from cli.fabrics.fleet_view import FleetView
from cli.views.inventory import (
    format_changes,
    render_cabling,
    render_inventory,
    summarize_inventory,
)
from cli.views.results import FabricsOutput
from cli.views.tables import render_history_table
from fabrics.agents.cabling import CablingFinding, CablingFindingType
from fabrics.fleet.overview import build_overview_from_loop
from fabrics.inventory.report.report import (
    DeletesWaiting,
    Finding,
    FindingType,
    InventoryProgress,
    InventoryReport,
)
from fabrics.inventory.report.request import InventoryRequest
from fabrics.loop.active_sync import Trigger
from fabrics.loop.inventory_pass import PassRequest, inventory_workflow_id
from fabrics.loop.inventory_state import InventoryStatus
from fabrics.loop.loop import FabricLoop
from fabrics.loop.report import FabricStatus, SyncReport
from fabrics.record.config_fields import parse_config
from fabrics.record.sync_status import InventoryState, SyncStatus
from fabrics.resources.kinds import get_kind
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from tests.support.cli.command_line import CommandLine
from tests.support.fabrics.reports import SYNC_STARTED, manual_report
from tests.support.system.installation import (
    Fabric,
    Installation,
    in_yaml,
    manifest,
    wait_until,
)

MANY = [manifest("Server", f"server-{number}", {"description": "one"}) for number in range(1, 15)]
FEW = MANY[:2]
REMOVED_COUNT = len(MANY) - len(FEW)

REPORT = InventoryReport(
    created=3,
    deleted=1200,
    problems={FindingType.FAILED: 2},
    findings=(Finding(problem=FindingType.FAILED, what="VLAN/x", why="It is [taken]."),),
)
WAITING = DeletesWaiting(digest="d1ce", counts={"dcim.device": 30}, first=("dcim.device Switch/x",))


def rendered(status: InventoryStatus) -> str:
    """Return the inventory as it is printed."""
    console = Console(width=120, markup=False)
    with console.capture() as captured:
        console.print(render_inventory(status, "dc"))
    return captured.get()


def test_inventory_shows_report_findings_and_pending_deletes() -> None:
    mirrored = datetime(2026, 3, 1, 12, tzinfo=UTC)
    page = rendered(InventoryStatus(report=REPORT, mirrored=mirrored, deletes_waiting=WAITING))
    assert "3 created, 1,200 deleted, 2 refused by NetBox, 2026-03-01 12:00:00 UTC" in page
    assert "It is [taken]." in page
    assert "and 1 more" in page
    assert "`starter.py confirm-deletes dc`" in page
    assert (
        "  - dcim.device Switch/x\n  and 29 more; `starter.py inventory dc --plan` lists absent objects\n"
        in page
    )
    assert "Nothing of this fabric is in NetBox yet." in rendered(InventoryStatus())


def test_inventory_being_written_shows_its_progress() -> None:
    writing = InventoryStatus(
        state=InventoryState.RUNNING, progress=InventoryProgress(done=120, total=1064)
    )
    progress = "Writing to NetBox: 120 of 1,064 objects done."
    assert summarize_inventory(writing) == progress
    again = writing.model_copy(update={"report": InventoryReport(unchanged=7)})
    assert summarize_inventory(again).startswith(f"{progress} Before: 7 unchanged")
    for unknown in (None, InventoryProgress(done=0, total=0)):
        summary = summarize_inventory(
            InventoryStatus(state=InventoryState.RUNNING, progress=unknown)
        )
        assert summary == "Comparing with NetBox, or waiting for a free worker slot."


SWAPPED = CablingFinding(
    key="Connection/default/c",
    type=CablingFindingType.SWAPPED,
    ends=("s-1/e1", "leaf-1/E1/5"),
    observed="s-2 at leaf-1/E1/5",
    other_key="Connection/default/d",
)
DOWN = CablingFinding("Connection/default/e", CablingFindingType.LINK_DOWN, ("leaf-1/E1", "gw/e1"))


@pytest.mark.parametrize(
    ("cabling", "code", "lines"),
    [
        (
            (SWAPPED, DOWN),
            EXIT_UNHEALTHY,
            [
                "swapped    s-1/e1 - leaf-1/E1/5  It is swapped with Connection/default/d: the switches"
                " see s-2 at leaf-1/E1/5.",
                "link down  leaf-1/E1 - gw/e1     The link is down.",
            ],
        ),
        ((DOWN,), EXIT_OK, ["link down  leaf-1/E1 - gw/e1  The link is down."]),
        ((), EXIT_OK, ["All links that the switches can judge are cabled as stated."]),
        (None, EXIT_OK, ["It is not known yet what the switches see at their ports. Two readings"]),
    ],
)
def test_cabling_is_one_line_for_each_finding_and_only_a_contradiction_is_unhealthy(
    cabling: tuple[CablingFinding, ...] | None,
    code: int,
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def query(_fabric: str) -> FabricInventory:
        return FabricInventory(name="DC", fabric_id="dc", cabling=cabling)

    monkeypatch.setattr("cli.commands.inventory._query_inventory", query)
    assert run(["inventory", "dc", "--cabling", "--json"]) == code
    rows = json.loads(capsys.readouterr().out)["cabling"]
    assert rows == (
        None
        if cabling is None
        else [
            {**finding._asdict(), "ends": [*finding.ends], "text": finding.text}
            for finding in cabling
        ]
    )
    console = Console(width=160)
    with console.capture() as captured:
        console.print(render_cabling(cabling))
    shown = [line.strip() for line in captured.get().splitlines()]
    assert [line[: len(start)] for line, start in zip(shown, lines, strict=False)] == lines


def test_status_names_the_values_of_cabling_findings() -> None:
    inventory = InventoryStatus(cabling=(SWAPPED, DOWN))
    status = FabricLoop(fabric_id="dc").status().model_copy(update={"inventory": inventory})
    overview = build_overview_from_loop(status, 900, SYNC_STARTED)
    shown = json.loads(FabricsOutput(fabrics=[overview]).model_dump_json())
    assert shown["fabrics"][0]["inventory"]["cabling"] == [
        {**finding._asdict(), "ends": [*finding.ends]} for finding in (SWAPPED, DOWN)
    ]
    assert InventoryStatus.model_validate_json(inventory.model_dump_json()) == inventory


def test_history_shows_what_syncs_wrote() -> None:
    now = SYNC_STARTED
    assert format_changes(REPORT) == "+3 -1,200"
    assert format_changes(InventoryReport(unchanged=9)) == format_changes(None) == ""
    syncs = [
        SyncReport(
            number=number,
            trigger=Trigger.SCHEDULE,
            slot=now,
            started=now,
            duration=1,
            sync_status=SyncStatus.IN_SYNC,
            inventory=inventory,
        )
        for number, inventory in enumerate((REPORT, REPORT, None, InventoryReport(unchanged=9)), 1)
    ]
    console = Console(width=80)
    with console.capture() as captured:
        console.print(render_history_table(syncs, now))
    assert "1 to 2  +3 -1,200 objects in NetBox" in captured.get()
    assert captured.get().count("objects in NetBox") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Give either a FABRIC or --live FILE.json."),
        (["dc", "--live", "x.json"], "Give either a FABRIC or --live FILE.json."),
        (["--live", "x.json"], "x.json cannot be read"),
    ],
)
def test_invalid_arguments_are_refused(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inventory", *arguments]) == EXIT_FAILURE
    assert sentence in capsys.readouterr().err


def test_inventory_of_a_file_works_offline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "live.json"
    file.write_text(json.dumps({"kind": "List", "items": MANY}))
    assert run(["inventory", "--live", str(file), "--json"]) == EXIT_OK
    planned = json.loads(capsys.readouterr().out)
    assert planned["counts"]["dcim.device"] == len(MANY)
    assert len(planned["objects"]) == sum(planned["counts"].values())
    assert planned["skipped"] == {}
    assert run(["inventory", "--live", str(file)]) == EXIT_OK
    shown = capsys.readouterr().out
    assert "dcim.device" in shown
    assert "0 skipped" in shown


def test_confirm_deletes_exits_1_if_deletes_still_wait(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = FabricLoop(fabric_id="dc").status()
    waiting = done.model_copy(update={"inventory": InventoryStatus(deletes_waiting=WAITING)})
    now, report = SYNC_STARTED, manual_report(4)

    def confirm_deletes(status: FabricStatus, report: SyncReport) -> tuple[int, bool]:
        async def confirm(_fabric: str, _digest: str) -> tuple[FleetView, SyncReport]:
            return FleetView(fabrics=[build_overview_from_loop(status, 900, now)], now=now), report

        monkeypatch.setattr("cli.commands.inventory._confirm_deletes", confirm)
        code = run(["confirm-deletes", "dc", "--digest", "d1ce"])
        return code, "30 deletes in NetBox need confirmation" in capsys.readouterr().err

    failed = replace(report, error="NetBox does not answer.")
    assert confirm_deletes(waiting, report) == (EXIT_UNHEALTHY, True)
    assert confirm_deletes(waiting, failed) == (EXIT_UNHEALTHY, False)
    assert confirm_deletes(done, report) == (EXIT_OK, False)


async def test_many_deletes_wait_for_confirmation_by_digest(
    installation: Installation, starter: CommandLine
) -> None:
    installation.overrides["FABRIC_SYNC_INVENTORY"] = "true"
    fabric = await installation.fabric({"fabric.yaml": in_yaml(MANY)}, MANY, hh_sync_interval=3600)
    name = fabric.fabric_id
    async with installation.worker():
        await installation.start(fabric)
        await fabric.wait_for_inventory()
        loaded = await starter("inventory", name, "--json")
        assert (loaded.code, loaded.json["report"]["deleted"]) == (0, 0)
        assert loaded.json["report"]["created"] >= len(MANY)
        assert (await starter("confirm-deletes", name)).is_refused("No deletes of")

        unchanged = (await starter("inventory", name, "--plan", "--json")).json
        assert unchanged["counts"] == {"create": 0, "update": 0, "delete": 0}
        assert unchanged["unchanged"] >= len(MANY)

        fabric.repository.commit({"fabric.yaml": in_yaml(FEW)})
        for server in MANY[len(FEW) :]:
            fabric.api.delete(get_kind("Server"), server["metadata"]["name"])
        planned = await starter("inventory", name, "--plan")
        assert planned.code == 0
        assert "- dcim.device Server/default/server-14\n" in planned.out
        for _ in range(3):
            synced = await starter("sync", name, "--full", "--json")
            assert synced.json["report"]["inventory"]["deleted"] == 0

        waiting = (await starter("inventory", name, "--json")).json["deletes_waiting"]
        assert waiting["counts"]["dcim.device"] == REMOVED_COUNT
        status = await starter("status", name)
        assert (status.code, f"starter.py confirm-deletes {name}" in status.out) == (1, True)
        total = sum(waiting["counts"].values())
        record = await wait_until(fabric.record, lambda record: record["inventory"])
        assert record["inventory"].startswith(f"{total} deletes in NetBox need confirmation")
        assert (await starter("confirm-deletes", name)).is_refused("pass --digest with the digest")
        wrong = await starter("confirm-deletes", name, "--digest", "d1ce")
        assert wrong.is_refused("The pending deletes have changed")
        declined = await starter.run_with_answer("n", "confirm-deletes", name)
        assert declined.code == 130
        assert (await fabric.status()).inventory.deletes_waiting is not None

        confirmed = await starter.run_with_answer("y", "confirm-deletes", name)
        assert confirmed.code == 0
        assert "Server/default/server-14" in confirmed.err
        assert f"{total} deleted" in confirmed.err
        await wait_until(fabric.record, lambda record: record["inventory"] is None)
        assert (await starter("inventory", name, "--json")).json["deletes_waiting"] is None
        assert (await starter("confirm-deletes", name)).is_refused("No deletes of")
        assert (await starter("status", name)).code == 0


async def test_plan_does_not_wait_for_running_loads(
    installation: Installation, starter: CommandLine
) -> None:
    """The only slot for loads waits for a silent fabric longer than a person would."""
    off = partial(installation.fabric, {"fabric.yaml": in_yaml(FEW)}, FEW, hh_sync_enabled=False)
    loading, planned = await off(), await off()
    one_slot = {
        "FABRIC_SYNC_CONCURRENT_NETBOX_CALLS": "1",
        "FABRIC_SYNC_READ_TIMEOUT": "100",
        "FABRIC_SYNC_FLEET_INTERVAL": "3600",  # a round would cancel a load without a loop
    }
    async with installation.worker(**one_slot):
        api = loading.api
        assert isinstance(api, EmulatedKubernetesApi)
        api.inject_fault(Fault(0))
        try:
            await start_load(installation, loading)
            await wait_until(partial(count_requests, api), bool)
            preview = await starter("inventory", planned.fabric_id, "--plan", "--json")
        finally:
            api.clear_faults()
    assert preview.code == 0
    assert preview.json["counts"]["create"] >= len(FEW)


async def start_load(installation: Installation, fabric: Fabric) -> None:
    """Start a pass whose live state no worker has cached."""
    record, _ = await asyncio.to_thread(installation.admin.get_record, fabric.record_id)
    request = InventoryRequest(
        config=parse_config(record), live_digest="not cached", expected_counts={}, sync_number=1
    )
    await installation.client.start_workflow(
        "FabricInventory",
        PassRequest(token="load", request=request, retry=False),
        id=inventory_workflow_id(fabric.fabric_id),
        task_queue=installation.queue,
    )


async def count_requests(api: EmulatedKubernetesApi) -> int:
    """Return the number of requests so far."""
    return len(api.request_paths)


async def test_missing_kind_keeps_the_inventory_until_accepted(
    installation: Installation, starter: CommandLine
) -> None:
    installation.overrides["FABRIC_SYNC_INVENTORY"] = "true"
    fabric = await installation.fabric({"fabric.yaml": in_yaml(FEW)}, FEW, hh_sync_interval=3600)
    name = fabric.fabric_id
    async with installation.worker():
        await installation.start(fabric)
        await fabric.wait_for_inventory()
        await wait_until(fabric.record, lambda record: record["counts"] == {"Server": len(FEW)})
        fabric.api.stop_serving(get_kind("Server"))
        planned = await starter("inventory", name, "--plan")
        assert planned.code == 1
        assert "no longer lists any Server, so the inventory stays as it is" in planned.out
        assert f"`starter.py sync {name} --accept-empty`" in planned.out
        for _ in range(2):
            refused = await starter("sync", name, "--full", "--json")
            assert (refused.code, refused.json["report"]["inventory"]) == (1, None)
            assert refused.fabric["counts"] == {"Server": len(FEW)}
            assert "no longer lists any Server" in refused.fabric["inventory"]["failure"]
        fabric.repository.commit({"fabric.yaml": "# nothing is left\n"})
        accepted = await starter("sync", name, "--accept-empty", "--json")
        assert (accepted.code, accepted.json["report"]["objects"]) == (0, 0)
        await wait_until(fabric.record, lambda record: record["counts"] is None)
