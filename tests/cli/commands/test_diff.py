"""`diff` on files: its output and its exit statuses."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from cli.app import run
from cli.views.diff import render_diff
from fabrics.drift.diff_report import DiffReport

MANIFEST = """
apiVersion: wiring.githedgehog.com/v1beta1
kind: Server
metadata: {name: server-1}
spec: {description: rack 3}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Create a fabric's directory with one server."""
    folder = tmp_path / "desired"
    folder.mkdir()
    (folder / "servers.yaml").write_text(MANIFEST)
    return folder


def live(tmp_path: Path, **descriptions: str) -> str:
    """Write a file with servers of these descriptions, as kubectl prints them."""
    items = [
        {
            "apiVersion": "wiring.githedgehog.com/v1beta1",
            "kind": "Server",
            "metadata": {"name": name, "namespace": "default", "uid": "1"},
            "spec": {"description": text},
        }
        for name, text in descriptions.items()
    ]
    file = tmp_path / "live.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return str(file)


def test_no_drift_exits_0(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = live(tmp_path, **{"server-1": "rack 3"})
    assert run(["diff", "--desired", str(folder), "--live", file]) == 0
    assert "No drift." in capsys.readouterr().out


def test_drift_exits_1_and_shows_both_values(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = live(tmp_path, **{"server-1": "rack 4", "server-2": "new"})
    assert run(["diff", "--desired", str(folder), "--live", file, "--json"]) == 1
    report = DiffReport.model_validate_json(capsys.readouterr().out)
    changed, extra = report.entries
    assert (changed.name, changed.change) == ("server-1", "changed")
    assert [(field.path, field.desired, field.live) for field in changed.fields] == [
        ("spec.description", '"rack 3"', '"rack 4"')
    ]
    assert (extra.name, extra.change) == ("server-2", "extra")
    assert run(["diff", "--desired", str(folder), "--live", file]) == 1
    shown = capsys.readouterr().out
    assert '- "rack 3"' in shown
    assert '+ "rack 4"' in shown


def test_diff_names_the_file_in_git(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["diff", "--desired", str(folder), "--live", live(tmp_path, **{"server-2": "new"})]
    for options in ([], ["--markdown"]):
        assert run([*command, *options]) == 1
        lines = [line[2:] for line in capsys.readouterr().out.splitlines()]
        assert "Server/default/server-1 is in Git only (servers.yaml:2)" in lines
        assert "Server/default/server-2 is live only" in lines


def test_what_is_not_known_is_a_notice(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gizmo = "apiVersion: vpc.githedgehog.com/v9\nkind: Gizmo\nmetadata: {name: a}\n"
    (folder / "gizmo.yaml").write_text(gizmo)
    file = live(tmp_path, **{"server-1": "rack 3"})
    assert run(["diff", "--desired", str(folder), "--live", file]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "No drift." in shown
    assert "objects of the kind Gizmo (vpc.githedgehog.com)" in shown
    assert run(["diff", "--desired", str(folder), "--live", file, "--json"]) == 0
    report = DiffReport.model_validate_json(capsys.readouterr().out)
    assert len(report.notices) == 1


def test_unreadable_manifest_exits_2_and_is_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.yaml").write_text("kind: [")
    file = live(tmp_path, **{"server-1": "rack 4"})
    assert run(["diff", "--desired", str(folder), "--live", file]) == 2
    assert "broken.yaml" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (None, "cannot be read"),
        (b"{", "does not contain objects"),
        (b"\xff\xfe[1]", "does not contain"),
        (b"7", "does not contain"),
    ],
)
def test_invalid_live_file_exits_2(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    fragment: str,
) -> None:
    file = tmp_path / "live.json"
    if content is not None:
        file.write_bytes(content)
    assert run(["diff", "--desired", str(folder), "--live", str(file)]) == 2
    assert fragment in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--desired", "."], ["dc1", "--live", "x.json"]])
def test_incomplete_arguments_exit_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["diff", *arguments]) == 2
    assert "either a FABRIC, or both" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["dc1", "--branch", "x", "--commit", "y"], "only one of --desired, --branch"),
        (["dc1", "--desired", ".", "--commit", "y"], "only one of --desired, --branch"),
        (["dc1", "--branch", "x", "--export", "live"], "--export compares nothing"),
        (["dc1", "--desired", "missing"], "missing is not a directory"),
        (["--branch", "x"], "either a FABRIC, or both"),
    ],
)
def test_contradictory_arguments_exit_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["diff", *arguments]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())


RULE = """\
[[accept]]
kind = "Server"
name = "server-1"
path = "spec.description"
reason = "being replaced"
"""


def test_accepted_difference_exits_0_and_is_shown_apart(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".fabric-sync.toml").write_text(RULE)
    file = live(tmp_path, **{"server-1": "rack 4"})
    assert run(["diff", "--desired", str(folder), "--live", file]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "No drift. Objects with accepted differences, which are no drift: 1." in shown
    assert "= Server/default/server-1 differs spec.description" in shown
    assert "accepted by .fabric-sync.toml:1: being replaced" in shown
    assert run(["diff", "--desired", str(folder), "--live", file, "--json"]) == 0
    report = DiffReport.model_validate_json(capsys.readouterr().out)
    assert (report.drift_count, report.accepted_count, report.accepted[0].until) == (0, 1, None)
    (folder / ".fabric-sync.toml").write_text(RULE + "until = 2020-01-01\n")
    assert run(["diff", "--desired", str(folder), "--live", file]) == 1
    assert "accepted until 2020-01-01, so these differences count" in capsys.readouterr().out


def test_markdown_holds_the_words_of_others_in_blocks(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = "![x](http://host/x.png) | ``` <b>@team</b>"
    file = live(tmp_path, **{"server-1": image, "```": "x"})
    assert run(["diff", "--desired", str(folder), "--live", file, "--markdown"]) == 1
    lines = capsys.readouterr().out.splitlines()
    fences = [number for number, line in enumerate(lines) if line.startswith("```")]
    assert [lines[number] for number in fences] == ["```diff", "```"]
    first, last = fences
    inside, outside = lines[first + 1 : last], lines[:first] + lines[last + 1 :]
    assert f'+     "{image}"' in inside
    assert '-     "rack 3"' in inside
    assert all(line[:2] in {"# ", "  ", "- ", "+ "} for line in inside)
    assert "**Objects that differ from Git: 2.**" in outside
    assert "http" not in " ".join(outside)


def test_long_markdown_fits_into_a_comment(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = live(tmp_path, **{f"server-{number:03}": "x" * 900 for number in range(500)})
    assert run(["diff", "--desired", str(folder), "--live", file, "--markdown"]) == 1
    assert len(capsys.readouterr().out) < 65_536


def test_markdown_says_what_was_not_compared(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.yaml").write_text("kind: [")
    file = live(tmp_path, **{"server-1": "rack 3"})
    assert run(["diff", "--desired", str(folder), "--live", file, "--markdown"]) == 2
    shown = capsys.readouterr().out
    assert "**Not compared**\n\n```text\n- broken.yaml:" in shown


def test_exported_live_state_takes_the_place_of_the_directory(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = live(tmp_path, **{"server-1": "rack 4", "server-2": "65000:10"})
    assert run(["diff", "--desired", str(folder), "--live", file, "--export", "live"]) == 0
    manifests = capsys.readouterr().out
    assert "# changed: Server/default/server-1 is at servers.yaml:2 in Git" in manifests
    (folder / "servers.yaml").write_text(manifests)
    assert run(["diff", "--desired", str(folder), "--live", file]) == 0
    capsys.readouterr()
    command = ["diff", "--desired", str(folder), "--live", file, "--export", "live", "--json"]
    assert run(command) == 0
    again = json.loads(capsys.readouterr().out)["manifests"]
    assert [line for line in again.splitlines() if not line.startswith("#")] == [
        line for line in manifests.splitlines() if not line.startswith("#")
    ]


def test_partial_state_is_not_exported(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.yaml").write_text("kind: [")
    file = live(tmp_path, **{"server-1": "rack 4"})
    assert run(["diff", "--desired", str(folder), "--live", file, "--export", "live"]) == 2
    assert "a part would be lost: broken.yaml" in " ".join(capsys.readouterr().err.split())


def test_symbolic_links_are_not_followed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "secret.yaml").symlink_to("/etc/passwd")
    assert run(["diff", "--desired", str(folder), "--live", live(tmp_path)]) == 2
    shown = capsys.readouterr().out
    assert "secret.yaml" in shown
    assert "root:" not in shown


def test_one_of_several_fabrics_in_the_files(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    switch = {"apiVersion": "wiring.githedgehog.com/v1beta1", "kind": "Switch"}
    switches = [
        {**switch, "metadata": {"name": f"leaf-{name}"}, "spec": {"topology": {"fabric": name}}}
        for name in "ab"
    ]
    (folder / "servers.yaml").write_text(
        json.dumps({**switches[0], "spec": {"topology": {"fabric": "a"}, "role": "spine"}})
    )
    file = tmp_path / "live.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": switches}))
    command = ["diff", "--desired", str(folder), "--live", str(file), "--json"]
    found: dict[str, list[str]] = {}
    for name in ("a", "b", ""):
        assert run([*command, "--fabric-name", name]) == (0 if name == "b" else 1)
        report = DiffReport.model_validate_json(capsys.readouterr().out)
        found[name] = [f"{entry.name} {entry.change}" for entry in report.entries]
    assert found == {"a": ["leaf-a changed"], "b": [], "": ["leaf-a changed", "leaf-b extra"]}
    assert run([*command, "--fabric-name", "c"]) == 2
    assert "the fabrics are a, b." in " ".join(capsys.readouterr().err.split())


def test_values_left_to_the_installer_that_are_not_listed_are_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    field = "Switch/default/leaf-01 spec.asn"
    Console().print(render_diff(DiffReport(unmanaged=(field,), unmanaged_count=3)))
    shown = capsys.readouterr().out
    assert f"  {field}\n  and 2 more\n" in shown
    Console().print(render_diff(DiffReport(unmanaged=(field,), unmanaged_count=1)))
    assert "more" not in capsys.readouterr().out
