"""Where the command line writes: results to stdout, everything about getting them to stderr."""

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final

from pydantic import BaseModel, TypeAdapter
from rich.console import Console, RenderableType

PIPED_WIDTH: Final = 200
"""Columns of a table that goes to a file or a pipe, where nobody sees it wrap."""

out = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def show(thing: RenderableType) -> None:
    """A result for people."""
    out.print(thing)


def show_json(document: BaseModel | dict[str, object]) -> None:
    """A result for programs: one line of JSON."""
    print(TypeAdapter(type(document)).dump_json(document).decode())


def note(sentence: str) -> None:
    """Something people should know beside the result."""
    err.print(sentence, style="yellow", markup=False)


def complain(sentence: str) -> None:
    """Why there is no result."""
    err.print(f"starter.py: {sentence}", style="red", markup=False)


def progress(doing: str) -> AbstractContextManager[object]:
    """A spinner beside `doing` while the block runs; invisible where nobody watches."""
    return err.status(doing, spinner="dots")


def listed(things: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(things[:-1]), *things[-1:])))
