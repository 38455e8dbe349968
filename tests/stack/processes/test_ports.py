"""The usual port where it is free, another where it is taken."""

import socket
from contextlib import closing

import pytest

from stack.processes.ports import LOOPBACK, PortPool, choose_port


@pytest.fixture
def free_port() -> int:
    return choose_port(0)


def test_the_usual_port_is_taken_when_free(free_port: int) -> None:
    assert choose_port(free_port) == free_port


@pytest.mark.parametrize("address", [LOOPBACK, "0.0.0.0"])  # noqa: S104
def test_another_port_when_something_listens_at_the_usual_one(free_port: int, address: str) -> None:
    with socket.create_server((address, free_port)):
        other = choose_port(free_port)

        assert other != free_port
        with socket.create_server((LOOPBACK, other)):
            pass


def test_no_other_stack_gets_a_port_whose_server_does_not_listen_yet(free_port: int) -> None:
    with closing(PortPool()) as ours, closing(PortPool()) as theirs:
        assert ours.reserve(free_port) == free_port
        assert theirs.reserve(free_port) != free_port

    with closing(PortPool()) as later:
        assert later.reserve(free_port) == free_port
