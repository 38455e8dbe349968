"""Write `docs/troubleshooting.md` from the code and `troubleshooting.toml`.

The code's own list are all texts of two words and more that the product can show. Each is a sentence of one
entry in the TOML file, which has its cause and its remedy, or it is listed there as no error.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).parents[1]
PAGE: Final = Path(__file__).with_suffix(".md")
ENTRIES: Final = Path(__file__).with_suffix(".toml")

WITHOUT_ERRORS: Final = frozenset(
    {
        "Argument",
        "Option",
        "create_counter",
        "create_histogram_timedelta",
        "debug",
        "info",
        "progress",
    }
)
"""Functions whose texts are no errors: help, metrics, progress, and what the log says of success."""

WORD_PATTERN: Final = re.compile(r"(?<!\S)[A-Za-z']{2,}(?=[ .,:;)]|$)")

INTRODUCTION: Final = """\
# Troubleshooting

`starter.py doctor` checks everything that syncs depend on, one line each, and says how to fix it. `starter.py doctor
FABRIC` also tries the fabric's credentials, Git and Kubernetes, from the worker that reads the fabric. Begin there.

![starter.py doctor](pictures/doctor.svg)

This page has every sentence by which Fabric Sync says that something is wrong, wherever it is shown: in NetBox, in
Temporal's Web UI, by `starter.py` or in a log. `…` stands for a name, a number or the words of somebody else: search
the page for a few words between these. Some sentences are made of two that are listed here, such as "The Git
repository … refused the connection: nothing listens there."

`python docs/troubleshooting.py` generates the page from `docs/troubleshooting.toml`; a test compares its sentences with
those in the code.

"""


def list_texts() -> set[str]:
    """Return the texts of the product, except for modules that tell of no errors."""
    without = tuple(_load_entries()["not_errors"]["modules"])
    linter = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]
    folders = (PROJECT / name for name in linter["root_packages"])
    modules = (
        *PROJECT.glob("*.py"),
        *(path for folder in folders for path in folder.rglob("*.py")),
    )
    return {
        text
        for module in modules
        if not str(module.relative_to(PROJECT)).startswith(without)
        for text in find_texts(module.read_text())
    }


def find_texts(source: str) -> Iterator[str]:
    """Yield the texts of a module that have two words or more."""
    nodes = list(ast.walk(ast.parse(source)))
    ignored = {id(part) for node in nodes for part in _list_ignored(node)}
    for node in nodes:
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in ignored:
            text = _to_text(node)
            if len(WORD_PATTERN.findall(text)) >= 2:
                yield text


def list_entries() -> list[str]:
    """Return the texts that have an entry in the TOML file, or are no errors."""
    entries = _load_entries()
    sentences = [
        sentence
        for section in entries["section"]
        for entry in section["entry"]
        for sentence in entry["sentences"]
    ]
    others: list[str] = entries["not_errors"]["texts"]
    return sentences + others


def render() -> str:
    """Return the page."""
    sections = _load_entries()["section"]
    titles = [section["title"] for section in sections]
    index = " ·\n".join(f"[{title}](#{title.lower().replace(' ', '-')})" for title in titles)
    return INTRODUCTION + index + "\n" + "".join(map(_render_section, sections))


def _load_entries() -> dict[str, Any]:
    return tomllib.loads(ENTRIES.read_text())


def _list_ignored(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is no text of its own: docstrings, help, parts of f-strings."""
    match node:
        case ast.Expr(value=ast.Constant() as docstring):
            yield docstring
        case ast.keyword(arg="summary"):
            yield node.value
        case ast.JoinedStr():
            yield from node.values
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in WITHOUT_ERRORS:
            for argument in (*node.args, *node.keywords):
                yield from ast.walk(argument)


def _to_text(node: ast.Constant | ast.JoinedStr) -> str:
    """Return a string with `…` for each value; nothing for other constants."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    text = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
    return " ".join(re.sub(r"{[^{}]*}|%(\.\d+)?[dgrs]", "…", text).split()).removeprefix("- ")


def _render_section(section: dict[str, Any]) -> str:
    entries = "".join(map(_render_entry, section["entry"]))
    text = f"{section['text']}\n" if section["text"] else ""
    return f"\n## {section['title']}\n\n{text}{entries}".replace("\n\n\n", "\n\n")


def _render_entry(entry: dict[str, Any]) -> str:
    sentences = "".join(f"- {sentence}\n" for sentence in entry["sentences"])
    return (
        f"\n### {entry['title']}\n\n{sentences}\n**Cause:** {entry['cause']}\n\n"
        f"**Remedy:** {entry['remedy']}\n"
    )


if __name__ == "__main__":
    PAGE.write_text(render())
