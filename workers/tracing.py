"""Traces of OpenTelemetry, off by default.

Only workers trace, no clients: then each call of an activity by a loop is a trace of its own, across the workflow, the
activity and their waits, and each pass over an inventory is one trace. With clients, all loops would be part of the
trace of the fleet's workflow, which never ends.
"""

from multiprocessing import current_process

from temporalio.worker import Interceptor

from activities.errors import PermanentError
from fabrics.version import VERSION
from settings import Settings


def create_tracing_interceptors(settings: Settings) -> list[Interceptor]:
    """Return the interceptor that sends the traces of this process, if that is on.

    They begin a thread, so all forks come first. Spans name workflows and have what activities raise, so this one
    belongs before the interceptor that converts errors. Raises `PermanentError`.
    """
    if not settings.traces:
        return []
    try:
        # An extra, which most installations do without.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from temporalio.contrib.opentelemetry import TracingInterceptor  # noqa: PLC0415
    except ImportError as error:
        raise PermanentError(
            f"FABRIC_SYNC_TRACES needs the packages of the extra `traces` ({error.name} is missing): install them, or"
            " switch it off."
        ) from None
    resource = Resource.create(
        {
            "service.name": "fabric-sync",
            "service.version": VERSION,
            "fabric_sync.process": current_process().name,
        }
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracer = provider.get_tracer("fabric_sync")
    return [TracingInterceptor(tracer, always_create_workflow_spans=True)]
