"""What the command line prints: nothing in it controls the terminal."""

import json
from io import StringIO

import pytest
import typer
from pydantic import BaseModel
from rich.console import Group
from rich.table import Table
from rich.text import Text

from cli import console

HOSTILE = "dc\x1b]0;title\x07\x1b[2K\x9b31m\r\b\x7f\u202e\ud800-1"
HARMLESS = "dc]0;title[2K31m-1"


class Document(BaseModel):
    name: str


def make_table(text: str) -> Table:
    table = Table(text, title=text, caption=text)
    table.add_row(Text(text, style="red"))
    return table


@pytest.mark.parametrize(
    "renderable",
    [
        HOSTILE,
        Text(HOSTILE, style="red"),
        make_table(HOSTILE),
        Group(HOSTILE, Group(make_table(HOSTILE))),
    ],
    ids=["text", "styled text", "table", "group"],
)
def test_names_of_others_do_not_control_the_terminal(
    capsys: pytest.CaptureFixture[str], renderable: str
) -> None:
    console.show(renderable)
    shown = capsys.readouterr().out
    assert HARMLESS in shown
    assert shown.replace("\n", "").isprintable()


def test_errors_and_notes_do_not_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console.show_line(HOSTILE)
    console.note(HOSTILE)
    console.print_error(HOSTILE)
    out, err = capsys.readouterr()
    assert out == f"{HARMLESS}\n"
    assert err == f"{HARMLESS}\nstarter.py: {HARMLESS}\n"


def test_errors_and_notes_are_single_lines(capsys: pytest.CaptureFixture[str]) -> None:
    forged = "dc1\nstarter.py: All is well."
    console.note(forged)
    console.print_error(forged)
    line = forged.replace("\n", " ")
    assert capsys.readouterr().err == f"{line}\nstarter.py: {line}\n"


def test_colors_and_lines_stay() -> None:
    terminal = console.PlainConsole(file=StringIO(), force_terminal=True, color_system="standard")
    with terminal.capture() as captured:
        terminal.print(Text(f"{HOSTILE}\nZürich → 東京", style="red"))
    assert captured.get() == f"\x1b[31m{HARMLESS}\x1b[0m\n\x1b[31mZürich → 東京\x1b[0m\n"


def test_questions_do_not_control_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()

    def confirm(question: str, **_: bool) -> None:
        asked.append(question)

    monkeypatch.setattr(typer, "confirm", confirm)
    console.confirm(f"Remove {HOSTILE}?")
    assert asked == [f"Remove {HARMLESS}?"]


def test_json_is_printable_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    name = "Zürich\x1b[2K\x9b31m\n"
    console.show_json(Document(name=name))
    shown = capsys.readouterr().out
    assert json.loads(shown) == {"name": name}
    assert shown.isascii()
    assert shown.removesuffix("\n").isprintable()
