"""The states of all fabrics as metrics, as of the last round of the fleet.

They come from rounds alone, all at once, and are gone once they are old. So no worker that once synced a fabric keeps
an old value, a deleted fabric disappears with the next round, and a fleet that is no longer checked shows nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Final

from prometheus_client import REGISTRY, Metric
from prometheus_client.core import GaugeMetricFamily

from fabrics.drift.model import DriftType
from fabrics.fleet.reconcile import FabricRecord, FleetPlan, FleetSnapshot
from fabrics.fleet.summary import is_stale_record
from fabrics.loop.inventory_text import count_deletes_waiting, find_record_state
from fabrics.record.sync_status import ConnectionStatus, LastKnownState
from fabrics.resources.kinds import KINDS_BY_NAME

OTHER: Final = "other"
"""Stands for all kinds that this version does not know: whoever writes to Git can invent some."""

MAX_VALUE: Final = 10**15
"""People may write any number into a record, also one that no metric can hold."""

type Sample = tuple[tuple[str, ...], float]
"""The values of the labels after `fabric`, and the value."""


@dataclass(frozen=True)
class _Fabric:
    """One fabric as a round has found it; `known` is what can be true of it now."""

    record: FabricRecord
    known: LastKnownState
    is_stale: bool


@dataclass(frozen=True)
class _StateMetric:
    """A gauge with the label `fabric` and others, and its samples for one fabric."""

    name: str
    documentation: str
    labels: tuple[str, ...]
    read: Callable[[_Fabric], Iterable[Sample]]


class FabricStates:
    """A collector of what the last round has found, until it expires."""

    def __init__(self) -> None:
        self._published: tuple[float, tuple[Metric, ...]] = (0.0, ())

    def publish(
        self, snapshot: FleetSnapshot, plan: FleetPlan, problems: int, lifetime_seconds: float
    ) -> None:
        """Replace what was published before; `problems` counts those of the summary."""
        metrics = tuple(build_metrics(snapshot, plan, problems))
        self._published = monotonic() + lifetime_seconds, metrics

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of the last round, or none if they are too old."""
        expires, metrics = self._published
        return metrics if monotonic() < expires else ()


def build_metrics(snapshot: FleetSnapshot, plan: FleetPlan, problems: int) -> Iterator[Metric]:
    """Yield the metrics of the fleet, and of each fabric of this installation."""
    fabrics = [
        _Fabric(
            record,
            record.last_known.valid_for(record.config),
            is_stale_record(record, snapshot, plan),
        )
        for record in snapshot.own_records.values()
    ]
    yield _build_gauge(
        "last_round_timestamp_seconds",
        "Start of the last round that succeeded.",
        snapshot.now.timestamp(),
    )
    yield _build_gauge("loops", "Workflows that run for fabrics.", len(snapshot.loops))
    yield _build_gauge(
        "failing_loops", "Workflows whose task fails again and again.", len(plan.failing)
    )
    yield _build_gauge("problems", "Records that the round could not process.", problems)
    for metric in OF_ALL_FABRICS:
        yield _build_family(metric, fabrics)
    synced = [fabric for fabric in fabrics if fabric.record.config.needs_loop]
    for metric in OF_SYNCED_FABRICS:
        yield _build_family(metric, synced)


def _build_gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(f"fabric_sync_fleet_{name}", documentation, value=value)


def _build_family(metric: _StateMetric, fabrics: Iterable[_Fabric]) -> Metric:
    name, labels = f"fabric_sync_fabric_{metric.name}", ("fabric", *metric.labels)
    family = GaugeMetricFamily(name, metric.documentation, labels=labels)
    for fabric in fabrics:
        for values, number in metric.read(fabric):
            family.add_metric((fabric.record.config.fabric_id, *values), min(number, MAX_VALUE))
    return family


def _read_info(fabric: _Fabric) -> Iterable[Sample]:
    config = fabric.record.config
    yield (config.name, config.task_queue), 1


def _read_status(fabric: _Fabric) -> Iterable[Sample]:
    yield (str(fabric.record.status),), 1


def _read_health(fabric: _Fabric) -> Iterable[Sample]:
    yield (str(fabric.known.health),), 1


def _read_connected(fabric: _Fabric) -> Iterable[Sample]:
    status = fabric.known.connection_status
    if status is not ConnectionStatus.UNKNOWN:
        yield (), status is ConnectionStatus.CONNECTED


def _read_stale(fabric: _Fabric) -> Iterable[Sample]:
    yield (), fabric.is_stale


def _read_interval(fabric: _Fabric) -> Iterable[Sample]:
    yield (), fabric.record.config.interval


def _read_last_sync(fabric: _Fabric) -> Iterable[Sample]:
    if last_sync := fabric.known.last_sync:
        yield (), last_sync.timestamp()


def _read_last_success(fabric: _Fabric) -> Iterable[Sample]:
    if last_success := fabric.known.last_success:
        yield (), last_success.timestamp()


def _read_drift(fabric: _Fabric) -> Iterable[Sample]:
    if (count := fabric.known.drift_count) is not None:
        yield (), count


def _read_accepted(fabric: _Fabric) -> Iterable[Sample]:
    yield (), fabric.known.accepted_count


def _read_drift_entries(fabric: _Fabric) -> Iterable[Sample]:
    return Counter(
        (entry.kind if entry.kind in KINDS_BY_NAME else OTHER, _limit_change(entry.change))
        for entry in fabric.known.drift
    ).items()


def _limit_change(change: str) -> str:
    return change if change in tuple(DriftType) else OTHER


def _read_inventory(fabric: _Fabric) -> Iterable[Sample]:
    yield (str(find_record_state(fabric.record.config, fabric.known)),), 1


def _read_deletes_waiting(fabric: _Fabric) -> Iterable[Sample]:
    yield (), count_deletes_waiting(fabric.known.inventory_text)


OF_ALL_FABRICS: Final = (
    _StateMetric("info", "Fabrics of this installation.", ("name", "task_queue"), _read_info),
    _StateMetric("status", "1 for the status that a fabric has.", ("status",), _read_status),
)
OF_SYNCED_FABRICS: Final = (
    _StateMetric("health", "1 for the health that the agents report.", ("health",), _read_health),
    _StateMetric("connected", "Whether the Kubernetes API answered.", (), _read_connected),
    _StateMetric("stale", "Whether a fabric should sync and does not.", (), _read_stale),
    _StateMetric("interval_seconds", "Time between two syncs.", (), _read_interval),
    _StateMetric(
        "last_sync_timestamp_seconds",
        "Start of the last sync, as its record shows it: written at changes and heartbeats.",
        (),
        _read_last_sync,
    ),
    _StateMetric(
        "last_success_timestamp_seconds",
        "Start of the last sync without an error, as its record shows it.",
        (),
        _read_last_success,
    ),
    _StateMetric("drift_objects", "Objects that drifted.", (), _read_drift),
    _StateMetric(
        "accepted_objects", "Objects with differences that rules accept.", (), _read_accepted
    ),
    _StateMetric(
        "drift_entries",
        "The first 20 objects that drifted, by kind and change.",
        ("kind", "change"),
        _read_drift_entries,
    ),
    _StateMetric(
        "inventory", "1 for the state of a fabric's inventory.", ("state",), _read_inventory
    ),
    _StateMetric(
        "deletes_waiting", "Deletes in NetBox that need confirmation.", (), _read_deletes_waiting
    ),
)

FABRIC_STATES: Final = FabricStates()
"""Those of the worker's process."""

REGISTRY.register(FABRIC_STATES)
