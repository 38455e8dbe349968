"""Objects that all fabrics share in NetBox: who makes devices, what they are and what they are for.

They follow from a switch's profile *name* wherever possible, since not every fabric lets its profiles
be read and the same hardware must be the same type in all of them.
"""

from typing import Final

from fabrics.inventory.model.dcim import (
    GATEWAY_TYPE,
    SERVER_TYPE,
    DeviceRole,
    DeviceType,
    Manufacturer,
    Platform,
)
from fabrics.inventory.model.naming import LABEL, fit, slug
from fabrics.inventory.model.planned import Ref
from fabrics.inventory.plan.builder import Draft
from fabrics.inventory.specs.wiring import SwitchProfileSpec

_MAKERS: Final = {"vs": "Hedgehog"}
"""Makers of what is not named after its maker; the virtual switch is Hedgehog's own."""

_OTHER_NOS: Final = "-clsp"
"""The end of the names of profiles that run another operating system on the same hardware."""

_COLOURS: Final = {
    "spine": "3f51b5",
    "server-leaf": "2196f3",
    "border-leaf": "00bcd4",
    "mixed-leaf": "009688",
    "virtual-edge": "9e9e9e",
    "server": "4caf50",
    "gateway": "ff9800",
}


def role(draft: Draft, name: str) -> Ref:
    """The role of devices: `server-leaf` is `hh-server-leaf`, shown as "Hedgehog server leaf"."""
    key = slug(f"hh-{name}")
    shown = fit(f"Hedgehog {name.replace('-', ' ')}", LABEL)
    colour = _COLOURS.get(name, "9e9e9e")
    return draft.share(DeviceRole(key=key, name=shown, slug=key, color=colour))


def switch_type(draft: Draft, profile_name: str, profile: SwitchProfileSpec) -> Ref:
    """The type of switches with this profile."""
    hardware = profile_name.removesuffix(_OTHER_NOS)
    maker = hardware.partition("-")[0]
    model = profile.display_name or hardware
    return _type(draft, _MAKERS.get(maker, maker.capitalize()), model, slug(hardware))


def server_type(draft: Draft) -> Ref:
    return _type(draft, "Generic", "Hedgehog server", SERVER_TYPE.key)


def gateway_type(draft: Draft) -> Ref:
    return _type(draft, "Hedgehog", "Gateway", GATEWAY_TYPE.key)


def platform(draft: Draft, profile: SwitchProfileSpec) -> Ref | None:
    """The operating system, where the profile tells it."""
    if not profile.nos_type:
        return None
    key = slug(profile.nos_type)
    return draft.share(Platform(key=key, name=fit(profile.nos_type, LABEL), slug=key))


def _type(draft: Draft, maker: str, model: str, key: str) -> Ref:
    name = fit(maker, LABEL)
    manufacturer = draft.share(Manufacturer(key=slug(name), name=name, slug=slug(name)))
    wanted = DeviceType(key=key, manufacturer=manufacturer, model=fit(model, LABEL), slug=key)
    return draft.share(wanted)
