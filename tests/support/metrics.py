"""The metrics of the process in which a test runs."""

from collections.abc import Callable

from prometheus_client import REGISTRY

from stack.processes.ports import PortPool


def read_metric(name: str, **labels: str) -> float:
    """Return the value of a sample; 0 if there is none yet."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def count_from_now(name: str, **labels: str) -> Callable[[], float]:
    """Return a function that tells by how much the sample has grown since this call."""
    before = read_metric(name, **labels)
    return lambda: read_metric(name, **labels) - before


def reserve_metrics_port(ports: PortPool) -> int:
    """Return a port for a worker's metrics; the two ports after it are free as well."""
    while True:
        port = ports.reserve(0)
        if all(ports.reserve(next_port) == next_port for next_port in (port + 1, port + 2)):
            return port
