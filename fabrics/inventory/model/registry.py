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
from fabrics.inventory.model.planned import Model, Wanted

_KINDS: Final[tuple[type[Wanted], ...]] = (
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

KINDS: Final[Mapping[Model, type[Wanted]]] = {kind.MODEL: kind for kind in _KINDS}

SHARED: Final = frozenset(model for model, kind in KINDS.items() if kind.SHARED)
"""NetBox's catalogue: created if absent, never changed or deleted."""

OWNED: Final = tuple(model for model in KINDS if model not in SHARED)

DETAILED: Final = tuple(
    model for model, kind in KINDS.items() if "details" in {each.name for each in fields(kind)}
)
"""The models that have the custom field for details."""
