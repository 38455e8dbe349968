"""Compares one desired object with its live counterpart, field by field."""

from typing import NamedTuple

from fabrics.drift.model import FieldDrift, UnmanagedField
from fabrics.resources import Resource


class Comparison(NamedTuple):
    """What one pair of objects gave."""

    fields: tuple[FieldDrift, ...]
    unmanaged: tuple[UnmanagedField, ...]


def compare(desired: Resource, live: Resource) -> Comparison:
    """The fields in which two versions of one object differ."""
    fields = tuple(
        FieldDrift(f"spec.{name}", desired.spec.get(name), live.spec.get(name))
        for name in sorted(desired.spec.keys() | live.spec.keys())
        if desired.spec.get(name) != live.spec.get(name)
    )
    return Comparison(fields, ())
