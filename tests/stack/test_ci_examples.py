"""The examples for CI follow their schemas, and give options that exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.app import load_command
from tests.support.paths import PROJECT

EXAMPLES = PROJECT / "deploy" / "ci"
SCHEMAS = {
    "github-actions.yaml": "vendor.github-workflows",
    "gitlab-ci.yaml": "vendor.gitlab-ci",
}


def check_schema(schema: str, file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_example_has_a_schema() -> None:
    assert {file.name for file in EXAMPLES.iterdir()} == SCHEMAS.keys()


@pytest.mark.parametrize("name", SCHEMAS)
def test_example_follows_the_schema_of_its_host(name: str) -> None:
    check = check_schema(SCHEMAS[name], EXAMPLES / name)
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("github-actions.yaml", "runs-on:", "run-on:"),
        ("gitlab-ci.yaml", "timeout: 10 minutes", "timeout: [10]"),
    ],
)
def test_schema_check_finds_mistakes(name: str, right: str, wrong: str, tmp_path: Path) -> None:
    broken = tmp_path / name
    broken.write_text((EXAMPLES / name).read_text().replace(right, wrong))
    assert check_schema(SCHEMAS[name], broken).returncode == 1


@pytest.mark.parametrize("name", SCHEMAS)
def test_example_gives_options_that_exist(name: str) -> None:
    options = {option for parameter in load_command("diff").params for option in parameter.opts}
    [command] = re.findall(r"starter\.py diff .*", (EXAMPLES / name).read_text())
    used = set(re.findall(r"--[a-z]+", command))
    assert used == {"--commit", "--markdown"} <= options
