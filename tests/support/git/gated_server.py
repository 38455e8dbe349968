"""A Git server that tells what it was asked and can keep its answers back."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from threading import Condition
from typing import Any

from stack.processes.ports import PortPool
from stack.services.git_server import GitServer, StartResponse, WsgiEnviron

TIMEOUT_SECONDS = 30.0


class GatedGitServer(GitServer):
    """Records questions for branches, and answers those that are not held."""

    def __init__(self, root: Path, ports: PortPool) -> None:
        self.questions: list[str] = []
        """The path of every question for branches so far: one for each check, one for each fetch."""
        self.fetched: list[str] = []
        """The path of every transfer of objects so far."""
        self._held_questions = 0
        self._changed = Condition()
        super().__init__(root, ports)

    @contextmanager
    def hold(self, questions: int = 1_000) -> Iterator[None]:
        """Make up the next answers, so many at most, and send them when the block ends."""
        with self._changed:
            self._held_questions = len(self.questions) + questions
        try:
            yield
        finally:
            with self._changed:
                self._held_questions = 0
                self._changed.notify_all()

    def wait_for_questions(self, count: int) -> None:
        """Wait until `count` questions have been asked and their answers made up."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.questions) >= count, TIMEOUT_SECONDS)

    def _respond(self, environ: WsgiEnviron, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        head: list[Any] = []
        answer = super()._respond(
            environ | {"wsgi.input": BytesIO(body)}, lambda *arguments: head.extend(arguments)
        )
        with self._changed:
            if b"command=fetch" in body:
                self.fetched.append(environ["PATH_INFO"])
            if b"command=ls-refs" in body:
                self.questions.append(environ["PATH_INFO"])
                number = len(self.questions)
                self._changed.notify_all()
                self._changed.wait_for(lambda: number > self._held_questions, TIMEOUT_SECONDS)
        start_response(*head)
        return answer
