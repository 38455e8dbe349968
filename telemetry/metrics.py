"""Metrics of the process that executes activities.

Their labels have few values. None of them is by fabric: their number does not grow with the fleet, and nothing is left
of a fabric that was deleted. What holds for one fabric is in `telemetry.fabric_states`. Metrics of syncs come from the
process of the workflows (`workflows.sync_reports`).
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram, Info

from fabrics.version import VERSION

BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
"""Upper bounds in seconds: from an unchanged fabric to the first load of a large one."""

BUILD: Final = Info("fabric_sync_build", "The release that the worker runs.")
BUILD.info({"version": VERSION})

PHASE_LATENESS: Final = Histogram(
    "fabric_sync_phase_lateness_seconds",
    "Time that activities of a phase waited for a worker slot.",
    ["phase"],
    buckets=BUCKETS,
)
PHASE_DURATION: Final = Histogram(
    "fabric_sync_phase_duration_seconds",
    "Time that activities of a phase took.",
    ["phase"],
    buckets=BUCKETS,
)
PHASE_RUNS: Final = Counter(
    "fabric_sync_phase_runs_total",
    "Activities of a phase that have ended, by result; retries count.",
    ["phase", "result"],
)

SOURCE_READ_DURATION: Final = Histogram(
    "fabric_sync_source_read_duration_seconds",
    "Time that reading Git or a Kubernetes API took.",
    ["source"],
    buckets=BUCKETS,
)
SOURCE_READS: Final = Counter(
    "fabric_sync_source_reads_total",
    "Reads of Git and of Kubernetes APIs, by result.",
    ["source", "result"],
)

NETBOX_REQUEST_DURATION: Final = Histogram(
    "fabric_sync_netbox_request_duration_seconds",
    "Time from sending a request to NetBox to the end of its answer.",
    ["method"],
    buckets=BUCKETS,
)
NETBOX_REQUESTS: Final = Counter(
    "fabric_sync_netbox_requests_total",
    "Requests to NetBox, by HTTP status; none without a whole answer.",
    ["method", "code"],
)
for _code in ("none", "500", "502", "503", "504"):
    # A counter that begins at 1 has not increased for Prometheus: let the first failure count.
    NETBOX_REQUESTS.labels("GET", _code)
NETBOX_PERMITS: Final = Gauge(
    "fabric_sync_netbox_permits", "Requests that may be sent to NetBox at a time."
)
NETBOX_PERMITS_IN_USE: Final = Gauge(
    "fabric_sync_netbox_permits_in_use", "Requests to NetBox that are under way."
)

NETBOX_TOKEN_EXPIRY: Final = Gauge(
    "fabric_sync_netbox_token_expiry_timestamp_seconds",
    "When the token of a NetBox expires, if it does.",
    ["netbox"],
)

PROCESS_LIVE: Final = Gauge(
    "fabric_sync_process_live",
    "1 while a process of the worker lives, as /livez says.",
    ["process"],
)
PROCESS_READY: Final = Gauge(
    "fabric_sync_process_ready",
    "1 while a process of the worker takes work and Temporal answers it, as /readyz says.",
    ["process"],
)

INVENTORY_OBJECTS: Final = Counter(
    "fabric_sync_inventory_objects_total",
    "Objects of inventories that were written to NetBox, or that it refused.",
    ["result"],
)

WEBHOOKS: Final = Counter(
    "fabric_sync_webhooks_total", "Webhooks by the status of the answer.", ["source", "code"]
)
