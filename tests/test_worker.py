"""What the worker asks of its host."""

import resource
from collections.abc import Iterator

import pytest

from worker import MAX_OPEN_FILES, raise_open_file_limit


@pytest.fixture
def usual_limit() -> Iterator[int]:
    """The limit of most hosts for this process, and the highest that it may ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard), hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_limit_of_open_files_is_raised_as_far_as_the_host_allows(usual_limit: int) -> None:
    for _ in range(2):
        raise_open_file_limit()
        expected = min(MAX_OPEN_FILES, usual_limit), usual_limit
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == expected


def test_higher_limit_stays(usual_limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.MAX_OPEN_FILES", 512)
    raise_open_file_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(1024, usual_limit)
