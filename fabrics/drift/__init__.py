"""Drift: the difference between the desired and the live state of a fabric that means something."""

from fabrics.drift.compare import find_drift, select_managed_kinds
from fabrics.drift.dump import parse_dump
from fabrics.drift.model import (
    Drift,
    DriftEntry,
    DriftType,
    FieldDrift,
    KindCount,
    LiveState,
    UnmanagedField,
)
from fabrics.drift.summary import (
    PAYLOAD_LIMITS,
    RECORD_LIMITS,
    DriftSummary,
    SummaryEntry,
    SummaryField,
    SummaryLimits,
    summarise,
)

__all__ = [
    "PAYLOAD_LIMITS",
    "RECORD_LIMITS",
    "Drift",
    "DriftEntry",
    "DriftSummary",
    "DriftType",
    "FieldDrift",
    "KindCount",
    "LiveState",
    "SummaryEntry",
    "SummaryField",
    "SummaryLimits",
    "UnmanagedField",
    "find_drift",
    "parse_dump",
    "select_managed_kinds",
    "summarise",
]
