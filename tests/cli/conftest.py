"""The fixture for tests that run commands."""

import pytest

from tests.support.cli.command_line import CommandLine
from tests.support.system.installation import Installation


@pytest.fixture
def starter(installation: Installation) -> CommandLine:
    """The command line of this test's installation."""
    return CommandLine(installation.variables)
