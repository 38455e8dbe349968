"""README and docs say what is there."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cli.app import COMMANDS
from tests.support.generators import load_generator
from tests.support.paths import PROJECT

PYPROJECT: Final = tomllib.loads((PROJECT / "pyproject.toml").read_text())
ROOTS: Final[list[str]] = PYPROJECT["tool"]["importlinter"]["root_packages"]
PAGES = [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").glob("*.md"))]


def anchor_of(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_the_page_of_settings_is_generated_from_the_settings() -> None:
    page = (PROJECT / "docs/configuration.md").read_text()
    assert page == load_generator("configuration").render(), "run `python docs/configuration.py`"


def test_readme_names_every_command() -> None:
    readme = (PROJECT / "README.md").read_text()
    for name in COMMANDS:
        assert re.search(rf"`{name}\b", readme), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_docs_exist(page: Path) -> None:
    command = r"(?:`|^)(?:\.venv/bin/python |python )?(?:starter\.py|fabric-sync) ([a-z][a-z-]*)"
    named = set(re.findall(command, page.read_text(), re.MULTILINE))
    assert sorted(named - COMMANDS.keys()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for path, _, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(#([^)]*))?\)", page.read_text()):
        target = page.parent / path if path else page
        assert target.exists(), path
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert anchor in map(anchor_of, headings), anchor


def test_every_package_is_in_the_architecture() -> None:
    page = (PROJECT / "docs/architecture.md").read_text()
    for root in ROOTS:
        for module in (PROJECT / root).rglob("__init__.py"):
            package = module.parent.relative_to(PROJECT)
            assert f"`{package}/`" in page, package


def test_every_path_in_the_architecture_exists() -> None:
    page = (PROJECT / "docs/architecture.md").read_text()
    for path in re.findall(rf"`((?:{'|'.join(ROOTS)})/[\w/.]*)`", page):
        assert (PROJECT / path).exists(), path


def test_product_modules_and_packages_stay_small() -> None:
    packages: Counter[Path] = Counter()
    for root in (*ROOTS, "bench"):
        for module in (PROJECT / root).rglob("*.py"):
            assert len(module.read_text().splitlines()) <= 300, module
            packages[module.parent] += module.name != "__init__.py"
    assert max(packages.values()) <= 15, packages.most_common(1)


def test_docstrings_begin_with_a_short_line() -> None:
    definitions = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for path in PROJECT.rglob("*.py"):
        if ".venv" not in path.parts:
            for node in ast.walk(ast.parse(path.read_text())):
                text = ast.get_docstring(node) if isinstance(node, definitions) else None
                assert len((text or "").partition("\n")[0]) < 80, f"{path}: {text}"


def list_tests(path: Path) -> set[str]:
    """Return the names of the test functions of a module."""
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    nodes = ast.parse(path.read_text()).body
    return {node.name for node in nodes if isinstance(node, functions)}


def list_promises(page: str) -> Iterator[str]:
    """Yield the rows of all tables of a page whose last column names tests."""
    tables = re.findall(r"^\|.* \| test \|\n\|[-|]+\n((?:\|.*\n)+)", page, re.MULTILINE)
    for rows in tables:
        yield from rows.splitlines()


def test_every_promise_and_bound_of_security_names_tests_that_exist() -> None:
    page = (PROJECT / "docs/security.md").read_text()
    promises = page[page.index("\n## Connections\n") : page.index("\n## Known limits\n")]
    assert promises.count("|\n|---") == promises.count("| test |\n|---"), "each table has tests"
    rows = list(list_promises(page))
    assert len(rows) > 150
    for row in rows:
        *_, tests = row.strip("| ").split(" | ")
        for test in tests.split("<br>"):
            path, _, name = test.strip("`").partition("::")
            assert (PROJECT / path).is_file(), row
            assert name in list_tests(PROJECT / path), row


def test_every_restore_names_tests_that_exist() -> None:
    page = (PROJECT / "docs/backup.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    assert len(named) > 5
    assert [(path, name) for path, name in named if name not in list_tests(PROJECT / path)] == []
