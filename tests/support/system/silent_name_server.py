"""A name server that does not answer before it may."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any
from unittest.mock import patch

from stack.processes.ports import LOOPBACK

NAME = "fabric.example"
WAIT_SECONDS = 20.0


class SilentNameServer:
    """Answers for `NAME` once it may; `asked` are the questions so far."""

    def __init__(self, look_up: Callable[..., Any]) -> None:
        self._look_up = look_up
        self.may_answer, self.was_asked = Event(), Event()
        self.asked: list[str] = []

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["SilentNameServer"]:
        """Answer this process's questions for names."""
        server = cls(socket.getaddrinfo)
        with patch.object(socket, "getaddrinfo", server.look_up):
            yield server
            server.may_answer.set()

    def look_up(self, host: str, port: int, **options: int) -> Any:  # noqa: ANN401  as in the standard library
        if host != NAME:
            return self._look_up(host, port, **options)
        if options.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "This is not an address.")
        self.asked.append(host)
        self.was_asked.set()
        self.may_answer.wait(WAIT_SECONDS)
        return self._look_up(LOOPBACK, port, **options)
