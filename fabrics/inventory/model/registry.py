"""The classes of wanted objects by their models."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Final

from fabrics.inventory.model.dcim import (
    Cable,
    Device,
    DeviceRole,
    DeviceType,
    Interface,
    MACAddress,
    Manufacturer,
    Platform,
    Site,
)
from fabrics.inventory.model.ipam import VLAN, VRF, IPAddress, IPRange, Prefix, VLANGroup
from fabrics.inventory.model.planned import Model, PlannedObject

_ALL_CLASSES: Final[tuple[type[PlannedObject], ...]] = (
    Site,
    Manufacturer,
    DeviceType,
    DeviceRole,
    Platform,
    VRF,
    VLANGroup,
    VLAN,
    Device,
    Interface,
    MACAddress,
    Prefix,
    IPRange,
    IPAddress,
    Cable,
)

PLANNED_CLASSES: Final[Mapping[Model, type[PlannedObject]]] = {
    kind.MODEL: kind for kind in _ALL_CLASSES
}

SHARED_MODELS: Final = frozenset(model for model, kind in PLANNED_CLASSES.items() if kind.SHARED)
"""NetBox's catalogue: created if absent, never changed or deleted."""

OWNED_MODELS: Final = tuple(model for model in PLANNED_CLASSES if model not in SHARED_MODELS)

MODELS_WITH_DETAILS: Final = tuple(
    model
    for model, kind in PLANNED_CLASSES.items()
    if "details" in {each.name for each in fields(kind)}
)
"""The models that have the custom field for details."""
