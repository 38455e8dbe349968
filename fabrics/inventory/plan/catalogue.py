"""Objects that all fabrics share in NetBox: who makes devices, what they are and what they are for.

They follow from a switch's profile *name* wherever possible, since not every fabric lets its profiles
be read and the same hardware must be the same type in all of them.
"""

from typing import Final

from fabrics.inventory.model.dcim import (
    GATEWAY_DEVICE_TYPE,
    SERVER_DEVICE_TYPE,
    DeviceRole,
    DeviceType,
    Manufacturer,
    Platform,
)
from fabrics.inventory.model.naming import MAX_LABEL_CHARS, shorten, slugify
from fabrics.inventory.model.planned import Ref
from fabrics.inventory.plan.builder import PlanBuilder
from fabrics.inventory.specs.wiring import SwitchProfileSpec

_MANUFACTURERS: Final = {"vs": "Hedgehog"}
"""Makers of what is not named after its maker; the virtual switch is Hedgehog's own."""

_OTHER_NOS_SUFFIX: Final = "-clsp"
"""The end of the names of profiles that run another operating system on the same hardware."""

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
    """The role of devices: `server-leaf` is `hh-server-leaf`, shown as "Hedgehog server leaf"."""
    key = slugify(f"hh-{name}")
    shown = shorten(f"Hedgehog {name.replace('-', ' ')}", MAX_LABEL_CHARS)
    colour = _ROLE_COLORS.get(name, "9e9e9e")
    return builder.add_shared(DeviceRole(key=key, name=shown, slug=key, color=colour))


def add_switch_type(builder: PlanBuilder, profile_name: str, profile: SwitchProfileSpec) -> Ref:
    """The type of switches with this profile."""
    hardware = profile_name.removesuffix(_OTHER_NOS_SUFFIX)
    maker = hardware.partition("-")[0]
    model = profile.display_name or hardware
    return _add_device_type(
        builder, _MANUFACTURERS.get(maker, maker.capitalize()), model, slugify(hardware)
    )


def add_server_type(builder: PlanBuilder) -> Ref:
    return _add_device_type(builder, "Generic", "Hedgehog server", SERVER_DEVICE_TYPE.key)


def add_gateway_type(builder: PlanBuilder) -> Ref:
    return _add_device_type(builder, "Hedgehog", "Gateway", GATEWAY_DEVICE_TYPE.key)


def add_platform(builder: PlanBuilder, profile: SwitchProfileSpec) -> Ref | None:
    """The operating system, where the profile tells it."""
    if not profile.nos_type:
        return None
    key = slugify(profile.nos_type)
    return builder.add_shared(
        Platform(key=key, name=shorten(profile.nos_type, MAX_LABEL_CHARS), slug=key)
    )


def _add_device_type(builder: PlanBuilder, maker: str, model: str, key: str) -> Ref:
    name = shorten(maker, MAX_LABEL_CHARS)
    manufacturer = builder.add_shared(
        Manufacturer(key=slugify(name), name=name, slug=slugify(name))
    )
    wanted = DeviceType(
        key=key, manufacturer=manufacturer, model=shorten(model, MAX_LABEL_CHARS), slug=key
    )
    return builder.add_shared(wanted)
