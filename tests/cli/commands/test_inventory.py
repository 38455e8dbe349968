"""What NetBox shows of a fabric, by the command line: of a file, of a running loop, and what waits for a word."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from cli.app import run
from cli.errors import EXIT_FAILURE, EXIT_OK, EXIT_UNHEALTHY
from cli.fabrics.fleet_view import FleetView
from cli.views.inventory import format_changes, render_inventory, summarize_inventory
from cli.views.tables import render_history_table
from fabrics.fleet.overview import build_overview_from_loop
from fabrics.inventory.report.report import (
    DeletesWaiting,
    Finding,
    FindingType,
    InventoryProgress,
    InventoryReport,
)
from fabrics.loop.active_sync import Trigger
from fabrics.loop.inventory_state import InventoryStatus
from fabrics.loop.loop import FabricLoop
from fabrics.loop.report import FabricStatus, SyncReport
from fabrics.record.status import SyncStatus
from fabrics.resources.kinds import get_kind
from tests.support.cli.command_line import CommandLine
from tests.support.system.installation import Installation, in_yaml, manifest, until

MANY = [manifest("Server", f"server-{number}", {"description": "one"}) for number in range(1, 15)]
FEW = MANY[:2]
GONE = len(MANY) - len(FEW)

REPORT = InventoryReport(
    created=3,
    deleted=1200,
    problems={FindingType.FAILED: 2},
    findings=(Finding(problem=FindingType.FAILED, what="VLAN/x", why="It is [taken]."),),
)
WAITING = DeletesWaiting(digest="d1ce", counts={"dcim.device": 30}, first=("dcim.device Switch/x",))


def rendered(status: InventoryStatus) -> str:
    """The page as it is printed."""
    console = Console(width=120, markup=False)
    with console.capture() as captured:
        console.print(render_inventory(status, "dc"))
    return captured.get()


def test_the_page_has_the_report_its_findings_and_what_waits() -> None:
    mirrored = datetime(2026, 3, 1, 12, tzinfo=UTC)
    page = rendered(InventoryStatus(report=REPORT, mirrored=mirrored, deletes_waiting=WAITING))
    assert "3 created, 1,200 deleted, 2 refused by NetBox, 2026-03-01 12:00:00 UTC" in page
    assert "It is [taken]." in page
    assert "and 1 more" in page
    assert "`starter.py confirm-deletes dc`" in page
    assert (
        "  - dcim.device Switch/x\n  and 29 more; `starter.py inventory dc --plan` lists what is absent\n"
        in page
    )
    assert "Nothing of it is in NetBox yet." in rendered(InventoryStatus())


def test_one_that_is_being_written_says_how_far_it_is() -> None:
    writing = InventoryStatus(writing=True, progress=InventoryProgress(done=120, total=1064))
    how_far = "Being written to NetBox now: 120 of 1,064 objects done."
    assert summarize_inventory(writing) == how_far
    before = summarize_inventory(
        writing.model_copy(update={"report": InventoryReport(unchanged=7)})
    )
    assert before.startswith(f"{how_far} Before: 7 unchanged")
    for unknown in (None, InventoryProgress(done=0, total=0)):
        seen = summarize_inventory(InventoryStatus(writing=True, progress=unknown))
        assert seen == "Being compared with NetBox now, or waiting for its turn."


def test_a_sync_in_history_shows_what_it_wrote_and_nothing_else() -> None:
    assert format_changes(REPORT) == "+3 -1,200"
    assert format_changes(InventoryReport(unchanged=9)) == format_changes(None) == ""
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
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
def test_what_makes_no_sense_is_refused(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inventory", *arguments]) == EXIT_FAILURE
    assert sentence in capsys.readouterr().err


def test_the_inventory_of_a_file_needs_nobody(
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


def test_a_word_after_which_deletes_still_wait_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    told = FabricLoop(fabric_id="dc").status()
    waits = told.model_copy(update={"inventory": InventoryStatus(deletes_waiting=WAITING)})
    report = SyncReport(
        number=4,
        trigger=Trigger.MANUAL,
        slot=None,
        started=now,
        duration=1,
        sync_status=SyncStatus.IN_SYNC,
    )

    def ends_with(then: FabricStatus, report: SyncReport) -> tuple[int, bool]:
        async def confirm(_fabric: str, _digest: str) -> tuple[FleetView, SyncReport]:
            return FleetView(fabrics=[build_overview_from_loop(then, 900, now)], now=now), report

        monkeypatch.setattr("cli.commands.inventory._confirm_deletes", confirm)
        code = run(["confirm-deletes", "dc", "--digest", "d1ce"])
        return code, "30 deletes in NetBox wait to be confirmed" in capsys.readouterr().err

    failed = report.model_copy(update={"error": "NetBox does not answer."})
    assert ends_with(waits, report) == (EXIT_UNHEALTHY, True)
    assert ends_with(waits, failed) == (EXIT_UNHEALTHY, False)
    assert ends_with(told, report) == (EXIT_OK, False)


async def test_many_deletes_wait_for_a_word_that_is_good_for_one_plan(
    installation: Installation, starter: CommandLine
) -> None:
    installation.changes["FABRIC_SYNC_INVENTORY"] = "true"
    fabric = await installation.fabric({"fabric.yaml": in_yaml(MANY)}, MANY, hh_sync_interval=3600)
    name = fabric.fabric_id
    async with installation.worker():
        await installation.start(fabric)
        await fabric.synced(1)
        loaded = await starter("inventory", name, "--json")
        assert (loaded.code, loaded.json["report"]["deleted"]) == (0, 0)
        assert loaded.json["report"]["created"] >= len(MANY)
        assert (await starter("confirm-deletes", name)).refused("No deletes of")

        unchanged = (await starter("inventory", name, "--plan", "--json")).json
        assert unchanged["counts"] == {"create": 0, "update": 0, "delete": 0}
        assert unchanged["unchanged"] >= len(MANY)

        fabric.repository.commit({"fabric.yaml": in_yaml(FEW)})
        for gone in MANY[len(FEW) :]:
            fabric.api.delete(get_kind("Server"), gone["metadata"]["name"])
        planned = await starter("inventory", name, "--plan")
        assert planned.code == 0
        assert "- dcim.device Server/default/server-14\n" in planned.out
        for _ in range(3):
            synced = await starter("sync", name, "--json")
            assert synced.json["report"]["inventory"]["deleted"] == 0

        waiting = (await starter("inventory", name, "--json")).json["deletes_waiting"]
        assert waiting["counts"]["dcim.device"] == GONE
        status = await starter("status", name)
        assert (status.code, f"starter.py confirm-deletes {name}" in status.out) == (1, True)
        total = sum(waiting["counts"].values())
        record = await until(fabric.record, lambda record: record["inventory"])
        assert record["inventory"].startswith(f"{total} deletes in NetBox wait to be confirmed")
        assert (await starter("confirm-deletes", name)).refused("as --digest")
        wrong = await starter("confirm-deletes", name, "--digest", "d1ce")
        assert wrong.refused("others by now")
        declined = await starter.answered("n", "confirm-deletes", name)
        assert declined.code == 130
        assert (await fabric.status()).inventory.deletes_waiting is not None

        agreed = await starter.answered("y", "confirm-deletes", name)
        assert agreed.code == 0
        assert "Server/default/server-14" in agreed.err
        *_, last = await fabric.history()
        assert last.inventory is not None
        assert last.inventory.deleted == total
        await until(fabric.record, lambda record: record["inventory"] is None)
        assert (await starter("inventory", name, "--json")).json["deletes_waiting"] is None
        assert (await starter("confirm-deletes", name)).refused("No deletes of")
        assert (await starter("status", name)).code == 0


async def test_a_kind_that_is_no_longer_served_leaves_the_inventory_until_that_is_accepted(
    installation: Installation, starter: CommandLine
) -> None:
    installation.changes["FABRIC_SYNC_INVENTORY"] = "true"
    fabric = await installation.fabric({"fabric.yaml": in_yaml(FEW)}, FEW, hh_sync_interval=3600)
    name = fabric.fabric_id
    async with installation.worker():
        await installation.start(fabric)
        await fabric.synced(1)
        await until(fabric.record, lambda record: record["counts"] == {"Server": len(FEW)})
        fabric.api.stop_serving(get_kind("Server"))
        planned = await starter("inventory", name, "--plan")
        assert planned.code == 1
        assert "no longer has any Server: the inventory stays as it is" in planned.out
        assert f"`starter.py sync {name} --accept-empty`" in planned.out
        for _ in range(2):
            held = await starter("sync", name, "--json")
            assert (held.code, held.json["report"]["inventory"]) == (1, None)
            assert held.fabric["counts"] == {"Server": len(FEW)}
            assert "no longer has any Server" in held.fabric["sync_error"]
        fabric.repository.commit({"fabric.yaml": "# nothing is left\n"})
        accepted = await starter("sync", name, "--accept-empty", "--json")
        assert (accepted.code, accepted.fabric["counts"]) == (0, {})
