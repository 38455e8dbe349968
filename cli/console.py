"""Output: results go to stdout; progress, notes and errors to stderr.

Names and errors come from NetBox, Temporal, Git and Kubernetes: none of them may control the terminal.
"""

import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, override

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.status import Status
from rich.text import Text

from cli.program import program_name

if TYPE_CHECKING:
    from pydantic import BaseModel

PIPED_WIDTH_COLUMNS: Final = 200
"""The width of tables in files and pipes, wide enough that lines rarely wrap."""

_CONTROLS: Final = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but line feeds, marks that reverse the order of text (Unicode TR 9), and halves of pairs,
which cannot be printed."""


class PlainConsole(Console):
    """A console that drops control characters, except those of Rich itself."""

    @override
    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=_strip(segment.text))


def _make_console(width: int | None = None, *, stderr: bool = False) -> Console:
    """Make a console that takes no text for markup, as names and errors are foreign."""
    return PlainConsole(
        width=width, stderr=stderr, soft_wrap=stderr, markup=False, emoji=False, highlight=False
    )


def _strip(text: str) -> str:
    return _CONTROLS.sub("", text)


def _join_lines(sentence: str) -> str:
    """Return a sentence on one line: a name in it may have several."""
    return sentence.replace("\n", " ")


out = _make_console(width=None if sys.stdout.isatty() else PIPED_WIDTH_COLUMNS)
err = _make_console(stderr=True)


def show(renderable: RenderableType) -> None:
    """Print a result for people."""
    out.print(renderable)


def show_line(text: str) -> None:
    """Print a result that people copy: one line, whatever its length."""
    out.print(text, soft_wrap=True)


def show_json(document: "BaseModel") -> None:
    """Print a result for programs: one line of ASCII, which escapes all else."""
    print(document.model_dump_json(ensure_ascii=True), flush=True)


def show_result(document: "BaseModel", renderable: RenderableType, json: bool) -> None:
    """Print a result: the document for programs, the renderable for people."""
    if json:
        show_json(document)
    else:
        show(renderable)


def note(sentence: str) -> None:
    """Print something that people should know beside the result."""
    err.print(_join_lines(sentence), style="yellow")


def print_error(sentence: str) -> None:
    """Print why there is no result."""
    err.print(f"{program_name('starter.py')}: {_join_lines(sentence)}", style="red")


def confirm(question: str) -> None:
    """Ask for a yes. Raises `typer.Abort` for any other answer."""
    typer.confirm(_strip(question), abort=True, err=True)


def progress(description: str) -> Status:
    """Show a spinner while the block runs, if stderr is a terminal."""
    return err.status(Text(description), spinner="dots")
