"""Temporal's client library in each process: its metrics and its log.

It exports metrics by a listener of its own, one in each process, on the loopback interface. Those that workflows
record are among them.
"""

from multiprocessing import current_process
from typing import Final

from temporalio.runtime import (
    LoggingConfig,
    LoggingFormat,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
)

from activities.errors import PermanentError
from settings import Settings

PORT_OFFSETS: Final = {"activities": 1, "workflows": 2}
"""How far the port of each process is from that of the worker's metrics."""

BUCKETS: Final = {
    "fabric_sync_sync_lateness": [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 300],
    "fabric_sync_sync_duration": [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
}
"""Upper bounds in seconds, by metric."""


def get_exporter_address(settings: Settings, process: str) -> str:
    """Return where the library exports the metrics of a process, `host:port`."""
    return f"127.0.0.1:{settings.metrics_port + PORT_OFFSETS[process]}"


def set_up_temporal_runtime(settings: Settings) -> None:
    """Set up the library for this process, after the fork and before any client.

    Raises `PermanentError` if its port is taken.
    """
    process = current_process().name
    try:
        runtime = Runtime(
            telemetry=TelemetryConfig(
                logging=_build_logging_config(settings),
                metrics=_build_metrics_config(settings, process),
                global_tags={"process": process},
            )
        )
    except (RuntimeError, ValueError) as error:
        raise PermanentError(
            f"Temporal's metrics of the process {process} cannot be exported at"
            f" {get_exporter_address(settings, process)} ({error}): choose another FABRIC_SYNC_METRICS_PORT, which"
            " needs the two ports after it as well, or stop what listens there."
        ) from None
    Runtime.set_default(runtime)


def _build_metrics_config(settings: Settings, process: str) -> PrometheusConfig | None:
    if not settings.metrics_port:
        return None
    return PrometheusConfig(
        bind_address=get_exporter_address(settings, process),
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides=BUCKETS,
    )


def _build_logging_config(settings: Settings) -> LoggingConfig:
    as_json = LoggingFormat.JSON if settings.log_format == "json" else None
    return LoggingConfig(filter=LoggingConfig.default.filter, format=as_json)
