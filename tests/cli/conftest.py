"""Fixtures: the command line of a test's installation."""

import pytest

from tests.support.cli.command_line import CommandLine
from tests.support.system.installation import Installation


@pytest.fixture
def starter(installation: Installation) -> CommandLine:
    """The command line of this test's installation."""
    return CommandLine(installation.variables)
