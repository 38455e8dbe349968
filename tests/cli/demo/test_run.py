"""What `demo` does when its worker dies, without the services behind it."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from unittest.mock import AsyncMock, Mock, patch

import pytest

from cli.demo import run
from cli.errors import CommandError
from stack.demo.demo import Demo
from stack.processes.supervisor import Service, Supervisor

FAILING = ["sh", "-c", "echo no such database; exit 3"]
"""A worker that dies."""


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    with patch.dict(os.environ):
        yield


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Service]:
    with closing(Supervisor(tmp_path)) as supervisor:
        yield supervisor.start("Worker", FAILING)


@pytest.mark.parametrize("has_polled", [False, True], ids=["at its start", "later"])
def test_death_of_the_worker_ends_the_demo_with_an_error(
    worker: Service, has_polled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []

    @contextmanager
    def demo(_progress: Callable[[str], None], folder: Path) -> Iterator[Demo]:
        try:
            yield Demo(Mock(), worker, "", {}, folder / ".demo.env")
        finally:
            ended.append("demo")

    monkeypatch.setattr(run, "running_demo", demo)
    monkeypatch.setattr(run, "_is_worker_polling", AsyncMock(return_value=has_polled))
    monkeypatch.setattr(run, "_enable_fabrics", AsyncMock())
    monkeypatch.setattr(run, "_get_view_if_settled", AsyncMock(return_value=None))
    with pytest.raises(CommandError, match=r"(?s)Worker ended with exit code 3.*no such database"):
        run.run_demo(once=True)
    assert ended == ["demo"]
