"""The list of commands, and what `--help` costs."""

import inspect
import subprocess
import sys

import pytest

from cli.app import COMMANDS, load_command
from tests.support.paths import PROJECT

HELP = """
import sys
from cli.app import run
code = run(["--help"])
print(*sys.modules, sep="\\n", file=sys.stderr)
raise SystemExit(code)
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_list_of_commands_shows_the_first_sentence_of_each_help(name: str) -> None:
    command = load_command(name)
    assert command.name == name
    assert inspect.cleandoc(command.help or "").splitlines()[0] == COMMANDS[name]


def test_help_imports_no_client_library() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", HELP], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert all(name in shown.stdout for name in COMMANDS)
    imported = {module.partition(".")[0] for module in shown.stderr.split()}
    assert not imported & {"kubernetes", "pynetbox", "requests", "temporalio", "pydantic", "git"}
