"""From a finding to a decision: accept it, preview it, bring it into Git."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fabrics.drift.diff_report import DiffReport
from tests.support.cli.command_line import CommandLine
from tests.support.system.installation import SERVERS, Installation, in_yaml, manifest

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
OTHER = manifest("Server", "server-3", {"description": "somebody was here"})
RENAMED = in_yaml([manifest("Server", "server-1", {"description": "new"}), *SERVERS[1:]])


async def test_accepted_difference_is_no_drift_until_its_last_day(
    installation: Installation,
) -> None:
    starter = CommandLine(installation.variables)
    async with installation.worker():
        fabric = await installation.fabric(IN_GIT, [*SERVERS[:2], OTHER], hh_sync_interval=5)
        await installation.start(fabric)
        await fabric.wait_for_status("out_of_sync")
        ref = fabric.fabric_id
        drafted = await starter("accept", ref, "server-3", "--reason", "being replaced", "--json")
        assert (drafted.code, drafted.json["file"]) == (0, ".fabric-sync.toml")
        shown = await starter("accept", ref, "Server/server-3", "--reason", "being replaced")
        assert shown.out.strip() == drafted.json["lines"]
        assert f"of {fabric.repository.url}, branch main" in shown.err
        fabric.repository.commit({".fabric-sync.toml": drafted.json["lines"]})
        record = await fabric.wait_for_status("in_sync")
        assert (record["drift_count"], record["accepted_count"]) == (0, 1)
        assert record["accepted"] == "Server server-3: spec.description (being replaced)"
        assert record["drift_report"] == f"**Accepted differences:** {record['accepted']}"
        assert (await starter("status", ref)).code == 0
        done = await starter("diff", ref)
        assert (done.code, "= Server/default/server-3 differs" in done.out) == (0, True)
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        expired = f"{drafted.json['lines']}\nuntil = {yesterday}\n"
        fabric.repository.commit({".fabric-sync.toml": expired})
        record = await fabric.wait_for_status("out_of_sync")
        assert (record["drift_count"], record["accepted_count"]) == (1, None)
        assert f"accepted until {yesterday}, so these differences count" in record["accepted"]


async def test_other_states_are_compared_without_a_trace_in_the_record(
    installation: Installation, tmp_path: Path
) -> None:
    starter = CommandLine(installation.variables)
    async with installation.worker():
        fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=3600)
        await installation.start(fabric)
        before = await fabric.wait_for_status("in_sync")
        files = {"fabric.yaml": RENAMED}
        commit = fabric.repository.commit(files, branch="pull-request")
        await asyncio.to_thread((tmp_path / "fabric.yaml").write_text, RENAMED)
        for options in (
            ("--branch", "pull-request"),
            ("--commit", commit),
            ("--desired", str(tmp_path)),
        ):
            done = await starter("diff", fabric.fabric_id, *options, "--json")
            report = DiffReport.model_validate(done.json)
            assert (done.code, [entry.name for entry in report.entries]) == (1, ["server-1"])
        markdown = await starter("diff", fabric.fabric_id, "--commit", commit, "--markdown")
        assert (markdown.code, "```diff\n# Server/default/server-1" in markdown.out) == (1, True)
        missing = await starter("diff", fabric.fabric_id, "--branch", "nowhere")
        assert (missing.code, "has no branch nowhere" in missing.out) == (2, True)
        assert await fabric.record() == before
        assert (await fabric.status()).syncs == 1


async def test_exported_live_state_ends_the_drift(installation: Installation) -> None:
    starter = CommandLine(installation.variables)
    async with installation.worker():
        fabric = await installation.fabric(IN_GIT, [*SERVERS[:2], OTHER], hh_sync_interval=5)
        await installation.start(fabric)
        await fabric.wait_for_status("out_of_sync")
        differing = await starter("diff", fabric.fabric_id)
        assert f"`starter.py diff {fabric.fabric_id} --export live`" in differing.err
        exported = await starter("diff", fabric.fabric_id, "--export", "live")
        assert exported.code == 0
        assert f"of {fabric.repository.url}, branch main" in exported.err
        assert "# changed: Server/default/server-3 is at fabric.yaml:" in exported.out
        fabric.repository.commit({"fabric.yaml": exported.out})
        record = await fabric.wait_for_status("in_sync")
        assert record["drift_count"] == 0
