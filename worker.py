"""The worker: runs the loops of all fabrics and executes their activities.

It is two processes, so that activities that parse large states never delay workflows: the first executes the
activities and receives webhooks, its child runs the workflows. They start, stop and fail together. A remote
worker (`--task-queue NAME --activities-only`) is one process, and has only the activities of the fabrics whose
records name that queue in `hh_task_queue`.
"""

import asyncio
import gc
import logging
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from functools import partial
from multiprocessing import current_process
from threading import Timer
from typing import Annotated, Final

import typer
from prometheus_client import ProcessCollector
from temporalio.client import Client
from typer.exceptions import Abort, TyperException

import temporal
from activities.executions import check_key
from activities.fleet.installation import get_instance
from cli.errors import OPERATOR_ERRORS, load_settings
from cli.exit_codes import EXIT_FAILURE, EXIT_INTERRUPTED
from cli.program import Version, program_name
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from settings import Settings
from workers.activity_workers import (
    list_main_queues,
    running_activity_workers,
    running_site_worker,
)
from workers.connection_renewal import ConnectionRenewal
from workers.deployment import log_deployment
from workers.log_lines import configure_logging
from workers.metrics_server import serving_metrics
from workers.pulse import Pulse
from workers.temporal_runtime import set_up_temporal_runtime
from workers.workflow_process import STOP_SECONDS, WorkflowProcess, WorkflowProcessEnded
from workers.workflow_worker import running_workflow_worker

MAX_OPEN_FILES: Final = 16_384
"""Every fabric's connection to its Kubernetes API stays open; hosts usually allow 1,024 files unless asked."""

type Workers = Callable[[Client], AbstractAsyncContextManager[None]]

app: Final = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
log = logging.getLogger("fabric_sync.worker")


@asynccontextmanager
async def running_worker(client: Client, settings: Settings) -> AsyncIterator[None]:
    """Run all that an installation needs, in this process, until the block ends."""
    async with (
        running_activity_workers(client, settings),
        running_workflow_worker(client, settings),
    ):
        yield


def _run_workflows(settings: Settings, pulse: Pulse) -> None:
    workers = partial(running_workflow_worker, settings=settings)
    with _errors_as_sentences():
        asyncio.run(_run_until_stopped(workers, settings, pulse))


async def _run_until_stopped(
    workers: Workers, settings: Settings, pulse: Pulse, workflows: WorkflowProcess | None = None
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    set_up_temporal_runtime(settings)
    renewal = ConnectionRenewal()
    client = await temporal.connect(keys_file=settings.encryption_keys_file, plugins=[renewal])
    instance = await get_instance(client)  # before all else: it says why nothing can work here
    await check_key(client, FLEET_WORKFLOW_ID)
    child = workflows.running(on_end=stop.set) if workflows else nullcontext()
    async with pulse.beating(client), child, workers(client), renewal.running():
        pulse.begin_work()
        log.info("Working for Temporal at %s as %s.", temporal.get_address(), instance)
        await stop.wait()
        pulse.end_work()
        log.info("Stopping; running activities may finish.")
        end_process_after(settings.graceful_shutdown + STOP_SECONDS)


@app.command()
def run(
    task_queue: Annotated[
        str | None, typer.Option(help="Queue of a remote worker (its fabrics' hh_task_queue).")
    ] = None,
    *,
    activities_only: Annotated[
        bool, typer.Option("--activities-only", help="Read fabrics, but run no loops.")
    ] = False,
    version: Version = False,
) -> None:
    """Run the loops of all fabrics, or only the activities of one remote queue."""
    if bool(task_queue) != activities_only:
        raise TyperException(
            "--task-queue and --activities-only go together: a remote worker runs no loops"
        )
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level)
    log_deployment(settings)
    if task_queue in list_main_queues(settings):
        raise TyperException(
            f"{task_queue} is a queue of the workers that run the loops: give this worker a queue of its own and"
            " name it in hh_task_queue of its fabrics, or run `python worker.py` without options"
        )
    raise_open_file_limit()
    gc.freeze()  # what was imported stays: a search of it takes 50 ms, and unshares its memory
    pulse = Pulse("activities")
    if task_queue:
        workers = partial(running_site_worker, settings=settings, task_queue=task_queue)
        with _serving_metrics(settings, [pulse]):
            asyncio.run(_run_until_stopped(workers, settings, pulse))
        return
    child_pulse = Pulse("workflows")
    workflows = WorkflowProcess(partial(_run_workflows, settings, child_pulse))
    ProcessCollector("fabric_sync_workflows", lambda: str(workflows.pid))
    workers = partial(running_activity_workers, settings=settings)
    with _serving_metrics(settings, [pulse, child_pulse]):
        asyncio.run(_run_until_stopped(workers, settings, pulse, workflows))


def _serving_metrics(
    settings: Settings, pulses: Collection[Pulse]
) -> AbstractContextManager[object]:
    return serving_metrics(settings, pulses) if settings.metrics_port else nullcontext()


def end_process_after(seconds: float) -> None:
    """End this process if it has not stopped within `seconds`.

    Neither an activity that ignores its cancellation nor a poll that Temporal's client library never ends
    (https://github.com/temporalio/sdk-rust/issues/1297) may keep it. The rest is done again by another worker.
    """

    def end() -> None:
        log.warning("The worker did not stop within %g s, and was ended.", seconds)
        os._exit(EXIT_FAILURE)

    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()


def raise_open_file_limit() -> None:
    """Allow `MAX_OPEN_FILES` open files, or as many as the host grants."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, MAX_OPEN_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _errors_as_sentences() -> Iterator[None]:
    """End this process with one sentence for an error that the operator can correct."""
    try:
        yield
    except (*OPERATOR_ERRORS, WorkflowProcessEnded) as error:
        raise SystemExit(f"{program_name('worker.py')}: {error}") from None


def main() -> None:
    """Run the command in `sys.argv`."""
    current_process().name = "activities"
    configure_logging()
    program = program_name("worker.py")
    try:
        with _errors_as_sentences():
            app(prog_name=program, standalone_mode=False)
    except TyperException as error:
        sentence = error.format_message().rstrip(".")
        sys.stderr.write(f"{program}: {sentence} (see `{program} --help`).\n")
        raise SystemExit(EXIT_FAILURE) from None
    except Abort:
        raise SystemExit(EXIT_INTERRUPTED) from None
    logging.shutdown()
    sys.stdout.flush()
    # Temporal's client library may crash in its threads while the interpreter shuts down.
    os._exit(0)


if __name__ == "__main__":
    main()
