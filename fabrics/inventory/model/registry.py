"""The classes of planned objects, by their models."""

from dataclasses import fields
from typing import Final

from fabrics.inventory.model import dcim, ipam, modules
from fabrics.inventory.model.planned import Model, PlannedObject, Ref

_ALL_CLASSES: Final[tuple[type[PlannedObject], ...]] = (
    dcim.Site,
    dcim.Manufacturer,
    dcim.DeviceType,
    dcim.DeviceRole,
    dcim.Platform,
    ipam.VRF,
    ipam.VLANGroup,
    ipam.VLAN,
    dcim.Device,
    dcim.Interface,
    dcim.MACAddress,
    ipam.Prefix,
    ipam.IPRange,
    ipam.IPAddress,
    dcim.Cable,
    modules.ModuleType,
    modules.ModuleBay,
    modules.Module,
)

PLANNED_CLASSES: Final = {planned_class.MODEL: planned_class for planned_class in _ALL_CLASSES}

SHARED_MODELS: Final = tuple(
    model for model, planned_class in PLANNED_CLASSES.items() if planned_class.SHARED
)
"""NetBox's catalogue: created if absent, never changed or deleted."""

OWNED_MODELS: Final = tuple(model for model in PLANNED_CLASSES if model not in SHARED_MODELS)


def _list_models_with(name: str) -> tuple[Model, ...]:
    return tuple(
        model
        for model, planned_class in PLANNED_CLASSES.items()
        if name in {field.name for field in fields(planned_class)}
    )


MODELS_WITH_DETAILS: Final = _list_models_with("details")
"""The models that have the custom field for details."""

MODELS_WITH_DRIFT: Final = _list_models_with("drift")
"""The models whose objects say that their resource differs from Git."""


def describe_ref(ref: Ref) -> str:
    """Return an object's key; a shared one's after its model, `device type vs`."""
    return f"{ref.model.noun} {ref.key}" if ref.model in SHARED_MODELS else ref.key
