"""Drift: the difference between the desired and the live state of a fabric that means something."""

from fabrics.drift.compare import find_drift, managed_kinds
from fabrics.drift.dump import read_dump
from fabrics.drift.model import (
    Change,
    Drift,
    DriftEntry,
    FieldDrift,
    KindCount,
    Live,
    UnmanagedField,
)
from fabrics.drift.summary import (
    FOR_A_MESSAGE,
    FOR_A_RECORD,
    Bounds,
    Summary,
    SummaryEntry,
    SummaryField,
    summarise,
)

__all__ = [
    "FOR_A_MESSAGE",
    "FOR_A_RECORD",
    "Bounds",
    "Change",
    "Drift",
    "DriftEntry",
    "FieldDrift",
    "KindCount",
    "Live",
    "Summary",
    "SummaryEntry",
    "SummaryField",
    "UnmanagedField",
    "find_drift",
    "managed_kinds",
    "read_dump",
    "summarise",
]
