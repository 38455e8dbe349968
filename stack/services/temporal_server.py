"""A Temporal development server with its Web UI."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from temporalio.client import Client

import temporal
from activities.search_attributes import SEARCH_ATTRIBUTES
from stack.processes.ports import LOOPBACK
from stack.processes.supervisor import Supervisor

POLL_OPTIONS: Final = [
    f"--dynamic-config-value=history.{queue}ProcessorMaxPollRPS=1000"
    for queue in ("transfer", "timer")
]
"""How often a second a shard may look for tasks. A development server has one shard, and with the default of 20 each
task waits for some 40 ms at ten syncs a second (see docs/scaling.md, "Temporal")."""

REPORT_PROBLEMS_AFTER: Final = 3
"""Failures of a workflow's task after which the server reports them: the third comes after 10 s, the fifth, its
default, after half a minute. Then a round of the fleet replaces the workflow."""

PROBLEM_OPTION: Final = (
    "--dynamic-config-value=system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute"
    f"={REPORT_PROBLEMS_AFTER}"
)


@dataclass(frozen=True)
class TemporalServer:
    """The gRPC service at `address` (host:port) and the Web UI at `ui_url`."""

    address: str
    ui_url: str


def start_temporal(
    supervisor: Supervisor, database: Path | None = None, port: int = 7233
) -> TemporalServer:
    """Start the server with its state in the file `database`, by default in memory.

    It listens at `port` if that is free.
    """
    port, ui_port = supervisor.ports.reserve(port), supervisor.ports.reserve(8233)
    server = TemporalServer(f"{LOOPBACK}:{port}", f"http://{LOOPBACK}:{ui_port}")
    # Without the write-ahead log the server has less than half the throughput.
    state = [f"--db-filename={database}", "--sqlite-pragma=journal_mode=WAL"] if database else []
    command = [str(Path(sys.prefix, "bin", "temporal")), "server", "start-dev", f"--ip={LOOPBACK}"]
    command += [f"--port={port}", f"--ui-port={ui_port}", *state, *POLL_OPTIONS]
    command.append(PROBLEM_OPTION)
    service = supervisor.start("Temporal", [*command, *_make_search_attribute_options()])
    service.wait_until(lambda: asyncio.run(_is_ready(server.address)), timeout_seconds=60)
    return server


def _make_search_attribute_options() -> list[str]:
    return [
        f"--search-attribute={name}={temporal.format_search_attribute_type(name)}"
        for name in SEARCH_ATTRIBUTES
    ]


async def _is_ready(address: str) -> bool:
    try:
        client = await Client.connect(address)
    except RuntimeError:  # the connection is refused
        return False
    return not await temporal.missing_search_attributes(client)
