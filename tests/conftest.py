"""Fixtures of the whole suite. They start what they give when the first test asks for it."""

from collections.abc import Iterator

import pytest

from stack.stack import Stack


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The real Temporal, NetBox and Git server, one for the whole run."""
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    with Stack(progress=reporter.write_line if reporter else print) as running:
        yield running
