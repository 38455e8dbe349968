"""The usual port where it is free, another where it is taken."""

import socket
from contextlib import closing

import pytest

from stack.processes.ports import LOOPBACK, Ports, usual_or_free


@pytest.fixture
def free_port() -> int:
    return usual_or_free(0)


def test_the_usual_port_is_taken_when_free(free_port: int) -> None:
    assert usual_or_free(free_port) == free_port


@pytest.mark.parametrize("address", [LOOPBACK, "0.0.0.0"])  # noqa: S104
def test_another_port_when_something_listens_at_the_usual_one(free_port: int, address: str) -> None:
    with socket.create_server((address, free_port)):
        other = usual_or_free(free_port)

        assert other != free_port
        with socket.create_server((LOOPBACK, other)):
            pass


def test_no_other_stack_gets_a_port_whose_server_does_not_listen_yet(free_port: int) -> None:
    with closing(Ports()) as ours, closing(Ports()) as theirs:
        assert ours.usual_or_free(free_port) == free_port
        assert theirs.usual_or_free(free_port) != free_port

    with closing(Ports()) as later:
        assert later.usual_or_free(free_port) == free_port
