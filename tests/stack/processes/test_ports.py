"""The preferred port if it is free, otherwise another one."""

import socket
from contextlib import closing

import pytest

from stack.processes.ports import LOOPBACK, PortPool, choose_port


@pytest.fixture
def free_port() -> int:
    return choose_port(0)


def test_preferred_port_is_chosen_if_free(free_port: int) -> None:
    assert choose_port(free_port) == free_port


@pytest.mark.parametrize("address", [LOOPBACK, "0.0.0.0"])  # noqa: S104
def test_other_port_is_chosen_if_preferred_one_is_in_use(free_port: int, address: str) -> None:
    with socket.create_server((address, free_port)):
        other = choose_port(free_port)

        assert other != free_port
        with socket.create_server((LOOPBACK, other)):
            pass


def test_other_stacks_do_not_get_a_reserved_port_before_its_server_listens(free_port: int) -> None:
    with closing(PortPool()) as ours, closing(PortPool()) as theirs:
        assert ours.reserve(free_port) == free_port
        assert theirs.reserve(free_port) != free_port

    with closing(PortPool()) as later:
        assert later.reserve(free_port) == free_port
