"""The HTTP server for metrics and probes: `/metrics`, `/livez` and `/readyz`.

It has a thread and an event loop of its own, so that it can say that the worker's event loop hangs.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from threading import Thread
from time import monotonic

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, REGISTRY, disable_created_metrics
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from activities.errors import PermanentError
from settings import Settings
from telemetry.credential_expiry import CredentialExpiry
from telemetry.metrics import PROCESS_LIVE, PROCESS_READY
from webhooks.repetitions import limited_warnings
from webhooks.server import running_server
from workers.exposition import render_metrics
from workers.pulse import Pulse
from workers.temporal_runtime import get_exporter_address

log = logging.getLogger("fabric_sync.worker")


@contextmanager
def serving_metrics(settings: Settings, pulses: Collection[Pulse]) -> Iterator[str]:
    """Serve metrics and probes of the processes until the block ends; the URL.

    Begins a thread, so all forks come first. Raises `PermanentError` if the address
    cannot be used.
    """
    # Each would be a second series, which nobody looks at.
    disable_created_metrics()  # type: ignore[no-untyped-call]  # upstream has no annotations
    exporters = [
        f"http://{get_exporter_address(settings, pulse.process)}/metrics" for pulse in pulses
    ]
    for pulse in pulses:
        PROCESS_LIVE.labels(pulse.process).set_function(partial(_show_life, pulse))
        PROCESS_READY.labels(pulse.process).set_function(partial(_show_readiness, pulse))
    app = create_app(partial(render_metrics, exporters), pulses)
    with (
        limited_warnings("uvicorn.error"),
        _serving_in_thread(app, settings.metrics_host, settings.metrics_port) as url,
        _exporting_credential_expiry(settings),
    ):
        log.info("Serving metrics at %s/metrics, probes at %s/livez and %s/readyz.", url, url, url)
        yield url


def create_app(render: Callable[[], str], pulses: Collection[Pulse]) -> Starlette:
    """Return the application; `render` returns the page of metrics."""

    def show_metrics(_: Request) -> Response:  # Starlette runs it in a thread: it takes a while
        return Response(render(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    async def show_liveness(_: Request) -> Response:
        return _answer_probe(_find_faults(pulses))

    async def show_readiness(_: Request) -> Response:
        return _answer_probe(_find_faults(pulses) or _find_idle_processes(pulses))

    return Starlette(
        routes=[
            Route("/metrics", show_metrics),
            Route("/livez", show_liveness),
            Route("/readyz", show_readiness),
        ]
    )


def _find_faults(pulses: Collection[Pulse]) -> list[str]:
    return [fault for pulse in pulses for fault in pulse.find_faults(monotonic())]


def _show_life(pulse: Pulse) -> float:
    return float(not pulse.find_faults(monotonic()))


def _show_readiness(pulse: Pulse) -> float:
    return float(pulse.takes_work(monotonic()))


def _find_idle_processes(pulses: Collection[Pulse]) -> list[str]:
    """Say which processes do not take work."""
    return [
        f"The process {pulse.process} takes no work: its workers do not run, or Temporal does not answer."
        for pulse in pulses
        if not pulse.takes_work(monotonic())
    ]


def _answer_probe(faults: Collection[str]) -> Response:
    return PlainTextResponse(" ".join(faults) or "ok", 503 if faults else 200)


@contextmanager
def _exporting_credential_expiry(settings: Settings) -> Iterator[None]:
    collector = CredentialExpiry(settings.credentials_dir)
    REGISTRY.register(collector)
    try:
        yield
    finally:
        REGISTRY.unregister(collector)


@contextmanager
def _serving_in_thread(app: ASGIApp, host: str, port: int) -> Iterator[str]:
    event_loop, stop, started = asyncio.new_event_loop(), asyncio.Event(), Future[str]()

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            try:
                url = await stack.enter_async_context(running_server(app, host, port))
            except OSError as error:
                started.set_exception(_cannot_listen_error(host, port, error))
                return
            except Exception as error:  # the thread that waits for the URL raises it
                started.set_exception(error)
                return
            started.set_result(url)
            await stop.wait()

    thread = Thread(
        target=event_loop.run_until_complete, args=(serve(),), name="metrics", daemon=True
    )
    thread.start()
    try:
        yield started.result()
    finally:
        event_loop.call_soon_threadsafe(stop.set)
        thread.join()
        event_loop.close()


def _cannot_listen_error(host: str, port: int, error: OSError) -> PermanentError:
    return PermanentError(
        f"The metrics server cannot listen on {host} port {port} ({error.strerror}): correct"
        " FABRIC_SYNC_METRICS_HOST and FABRIC_SYNC_METRICS_PORT, or stop what listens there."
    )
