"""Where the command line writes: results to stdout, everything about getting them to stderr."""

import sys
from typing import Final

from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.status import Status
from rich.text import Text

PIPED_WIDTH_COLUMNS: Final = 200
"""Columns of a table that goes to a file or a pipe, where nobody sees it wrap."""


def _make_console(width: int | None = None, *, stderr: bool = False) -> Console:
    """Names and errors are other people's text: never markup. Sentences on stderr wrap by themselves."""
    return Console(
        width=width, stderr=stderr, soft_wrap=stderr, markup=False, emoji=False, highlight=False
    )


out = _make_console(width=None if sys.stdout.isatty() else PIPED_WIDTH_COLUMNS)
err = _make_console(stderr=True)


def show(renderable: RenderableType) -> None:
    """A result for people."""
    out.print(renderable)


def show_json(document: BaseModel) -> None:
    """A result for programs: one line of JSON."""
    print(document.model_dump_json(), flush=True)


def note(sentence: str) -> None:
    """Something people should know beside the result."""
    err.print(sentence, style="yellow")


def print_error(sentence: str) -> None:
    """Why there is no result."""
    err.print(f"starter.py: {sentence}", style="red")


def progress(description: str) -> Status:
    """A spinner beside `doing` while the block runs; invisible where nobody watches."""
    return err.status(Text(description), spinner="dots")
