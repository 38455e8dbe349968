"""Output: results go to stdout; progress, notes and errors to stderr."""

import sys
from typing import TYPE_CHECKING, Final

from rich.console import Console, RenderableType
from rich.status import Status
from rich.text import Text

if TYPE_CHECKING:
    from pydantic import BaseModel

PIPED_WIDTH_COLUMNS: Final = 200
"""The width of tables in files and pipes, wide enough that lines rarely wrap."""


def _make_console(width: int | None = None, *, stderr: bool = False) -> Console:
    """Make a console that takes no text for markup, as names and errors are foreign."""
    return Console(
        width=width, stderr=stderr, soft_wrap=stderr, markup=False, emoji=False, highlight=False
    )


out = _make_console(width=None if sys.stdout.isatty() else PIPED_WIDTH_COLUMNS)
err = _make_console(stderr=True)


def show(renderable: RenderableType) -> None:
    """Print a result for people."""
    out.print(renderable)


def show_json(document: "BaseModel") -> None:
    """Print a result for programs: one line of JSON."""
    print(document.model_dump_json(), flush=True)


def show_result(document: "BaseModel", renderable: RenderableType, json: bool) -> None:
    """Print a result: the document for programs, the renderable for people."""
    if json:
        show_json(document)
    else:
        show(renderable)


def note(sentence: str) -> None:
    """Print something that people should know beside the result."""
    err.print(sentence, style="yellow")


def print_error(sentence: str) -> None:
    """Print why there is no result."""
    err.print(f"starter.py: {sentence}", style="red")


def progress(description: str) -> Status:
    """Show a spinner while the block runs, if stderr is a terminal."""
    return err.status(Text(description), spinner="dots")
