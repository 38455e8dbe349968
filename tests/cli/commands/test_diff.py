"""`diff` on files: what it shows, and how it ends."""

import json
from pathlib import Path

import pytest

from cli.app import run
from fabrics.drift.diff_report import DiffReport

MANIFEST = """
apiVersion: wiring.githedgehog.com/v1beta1
kind: Server
metadata: {name: server-1}
spec: {description: rack 3}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fabric's directory with one server."""
    folder = tmp_path / "desired"
    folder.mkdir()
    (folder / "servers.yaml").write_text(MANIFEST)
    return folder


def live(tmp_path: Path, **descriptions: str) -> str:
    """A file with servers of these descriptions, as kubectl prints them."""
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


def test_no_difference_is_0(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run(["diff", "--desired", str(folder), "--live", live(tmp_path, **{"server-1": "rack 3"})])
        == 0
    )
    assert "No drift." in capsys.readouterr().out


def test_drift_is_1_with_both_values(
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


def test_an_unreadable_file_is_2_and_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.yaml").write_text("kind: [")
    file = live(tmp_path, **{"server-1": "rack 4"})
    assert run(["diff", "--desired", str(folder), "--live", file]) == 2
    assert "broken.yaml" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        (b"{", "does not hold objects"),
        (b"\xff\xfe[1]", "does not hold"),
        (b"7", "does not hold"),
    ],
)
def test_a_live_file_that_is_none_is_2(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    words: str,
) -> None:
    file = tmp_path / "live.json"
    if content is not None:
        file.write_bytes(content)
    assert run(["diff", "--desired", str(folder), "--live", str(file)]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--desired", "."], ["dc1", "--live", "x.json"]])
def test_half_a_question_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diff", *arguments]) == 2
    assert "either a FABRIC, or both" in capsys.readouterr().err


def test_links_out_of_the_directory_are_not_followed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "secret.yaml").symlink_to("/etc/passwd")
    assert run(["diff", "--desired", str(folder), "--live", live(tmp_path)]) == 2
    shown = capsys.readouterr().out
    assert "secret.yaml" in shown
    assert "root:" not in shown
