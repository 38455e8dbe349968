"""Catalogue objects, which all fabrics share: types, roles, platforms.

They are derived from the *name* of a switch's profile wherever possible: not every fabric lets its profiles
be read, and the same hardware must have the same type in all fabrics.
"""

from typing import Final

from fabrics.inventory.model.dcim import (
    DEFAULT_ROLE_COLOR,
    GATEWAY_DEVICE_TYPE,
    SERVER_DEVICE_TYPE,
    DeviceRole,
    DeviceType,
    Manufacturer,
    Platform,
)
from fabrics.inventory.model.modules import ModuleType
from fabrics.inventory.model.naming import MAX_NAME_CHARS, shorten, slugify
from fabrics.inventory.model.planned import Ref
from fabrics.inventory.plan.builder import PlanBuilder
from fabrics.inventory.specs.wiring import SwitchProfileSpec

MAX_PART_NUMBER_CHARS: Final = 50
"""The longest part number that NetBox 4.7 accepts, in characters."""

_MANUFACTURERS: Final = {"vs": "Hedgehog"}
"""Manufacturers by the first part of profile names that do not begin with one: `vs` is the virtual switch."""

_ROLE_COLORS: Final = {
    "spine": "3f51b5",
    "server-leaf": "2196f3",
    "border-leaf": "00bcd4",
    "mixed-leaf": "009688",
    "virtual-edge": "9e9e9e",
    "server": "4caf50",
    "gateway": "ff9800",
}


def add_role(builder: PlanBuilder, name: str) -> Ref:
    """Add a device role: `server-leaf` is `hh-server-leaf`, "Hedgehog server leaf"."""
    key = slugify(f"hh-{name}")
    label = shorten(f"Hedgehog {name.replace('-', ' ')}", MAX_NAME_CHARS)
    color = _ROLE_COLORS.get(name, DEFAULT_ROLE_COLOR)
    return builder.add_shared(DeviceRole(key=key, name=label, slug=key, color=color))


def add_switch_type(builder: PlanBuilder, profile_name: str, profile: SwitchProfileSpec) -> Ref:
    """Add the type of switches with this profile."""
    hardware = profile_name.removesuffix("-clsp")  # the same with another operating system
    prefix = hardware.partition("-")[0]
    manufacturer = _MANUFACTURERS.get(prefix, prefix.capitalize())
    model = profile.display_name or hardware
    return _add_device_type(builder, manufacturer, model, slugify(hardware))


def add_server_type(builder: PlanBuilder) -> Ref:
    return _add_device_type(builder, "Generic", "Hedgehog server", SERVER_DEVICE_TYPE.key)


def add_gateway_type(builder: PlanBuilder) -> Ref:
    return _add_device_type(builder, "Hedgehog", "Gateway", GATEWAY_DEVICE_TYPE.key)


def add_platform(builder: PlanBuilder, profile: SwitchProfileSpec) -> Ref | None:
    """Add the operating system of a profile, if it states one."""
    if not profile.nos_type:
        return None
    key, name = slugify(profile.nos_type), shorten(profile.nos_type, MAX_NAME_CHARS)
    return builder.add_shared(Platform(key=key, name=name, slug=key))


def add_module_type(builder: PlanBuilder, vendor: str, part_number: str, form_factor: str) -> Ref:
    """Add a model of transceiver; its form factor may be empty."""
    maker = _add_manufacturer(builder, vendor)
    model = shorten(part_number, MAX_PART_NUMBER_CHARS)
    return builder.add_shared(
        ModuleType(
            key=f"{maker.key}/{model}",
            manufacturer=maker,
            model=model,
            part_number=model,
            description=form_factor,
        )
    )


def _add_device_type(builder: PlanBuilder, manufacturer: str, model: str, key: str) -> Ref:
    maker, model = _add_manufacturer(builder, manufacturer), shorten(model, MAX_NAME_CHARS)
    return builder.add_shared(DeviceType(key=key, manufacturer=maker, model=model, slug=key))


def _add_manufacturer(builder: PlanBuilder, manufacturer: str) -> Ref:
    name = shorten(manufacturer, MAX_NAME_CHARS)
    slug = slugify(name)
    return builder.add_shared(Manufacturer(key=slug, name=name, slug=slug))
