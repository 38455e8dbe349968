"""`inventory` on files: what it shows, and how it ends."""

import json
from pathlib import Path

import pytest

from cli.app import run
from cli.inventory_view import NAMES
from fabrics.inventory import Model, Preview
from fabrics.values import Json
from tests.fabrics.inventory.live_sets import LiveSet, each_set
from tests.fabrics.inventory.reader import Reader

WIRING = "wiring.githedgehog.com/v1beta1"


def item(kind: str, name: str, spec: Json) -> Json:
    return {"apiVersion": WIRING, "kind": kind, "metadata": {"name": name}, "spec": spec}


def link(server: str) -> Json:
    ends: Json = {"server": {"port": f"{server}/e1"}, "switch": {"port": "leaf-01/E1/1"}}
    return {"unbundled": {"link": ends}}


def write(folder: Path, *items: Json) -> str:
    file = folder / "Berlin_DC 1.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return str(file)


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A fabric of a switch and a server, one link of which leads nowhere."""
    return write(
        tmp_path,
        item("Switch", "leaf-01", {"role": "server-leaf", "profile": "vs"}),
        item("Server", "server-1", {}),
        item("Connection", "a", link("server-1")),
        item("Connection", "b", link("server-2")),
    )


def test_people_see_how_much_and_what_is_left_out(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inventory", "--live", file, "--plan"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    for line in (["Devices", "2"], ["Interfaces", "3"], ["Cables", "1"], ["Device", "roles", "2"]):
        assert line in lines
    assert ["Left", "out:", "1."] in lines
    reason = "names the Server server-2, which is not there"
    assert ["Connection/default/b", *reason.split()] in lines


def test_programs_see_everything(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inventory", "--live", file, "--plan", "--json"]) == 0
    shown = Preview.model_validate_json(capsys.readouterr().out)
    assert shown.fabric_id == "berlin-dc-1"
    assert shown.counts["dcim.cable"] == 1
    assert [each.key for each in shown.skipped] == ["Connection/default/b"]
    [cable] = [each for each in shown.objects if each.model == "dcim.cable"]
    assert cable.key == "Connection/default/a"
    assert cable.fields["a_terminations"] == [
        {"model": "dcim.interface", "key": "Server/default/server-1#e1"}
    ]
    assert {each.key for each in shown.objects if each.shared} >= {"hh-server", "hedgehog-server"}


@each_set
def test_every_set_can_be_previewed(
    sample: LiveSet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / f"{sample.name}.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": sample.items()}))
    assert run(["inventory", "--live", str(file), "--plan", "--json"]) == 0
    shown = Preview.model_validate_json(capsys.readouterr().out)
    assert shown.counts.get("dcim.cable", 0) == len(Reader(sample.items()).cables())
    assert sum(shown.counts.values()) == len(shown.objects)


def test_every_model_has_a_name() -> None:
    assert NAMES.keys() == set(Model)


@pytest.mark.parametrize("arguments", [[], ["--plan"], ["--live", "x.json"]])
def test_half_a_question_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inventory", *arguments]) == 2
    assert "Give both --live FILE.json and --plan" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        ("{", "does not hold objects"),
        ('{"apiVersion": "v1", "kind": "List", "items": []}', "holds no objects of a fabric"),
        ('{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}', "holds no objects"),
    ],
)
def test_a_file_without_a_fabric_is_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, words: str
) -> None:
    file = tmp_path / "live.json"
    if content is not None:
        file.write_text(content)
    assert run(["inventory", "--live", str(file), "--plan"]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.out == ""
