"""The planned objects for transceivers: module bays, module types and modules."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from fabrics.inventory.model.planned import Model, PlannedObject, Ref, UniqueKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleType(PlannedObject):
    """A model of transceiver. Its key is `MANUFACTURER/MODEL`, with slugs.

    It has no component templates, since NetBox would make components of them in the device.
    """

    MODEL = Model.MODULE_TYPE
    SHARED = True
    IDENTIFIERS = ("manufacturer", "model")

    manufacturer: Ref
    model: str
    part_number: str = ""
    description: str = ""

    def unique_keys(self) -> Iterator[UniqueKey]:
        yield UniqueKey((self.MODEL, "of", self.manufacturer.key, self.model.lower()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleBay(PlannedObject):
    """A cage of a switch. It stays when its transceiver is pulled."""

    MODEL = Model.MODULE_BAY
    IDENTIFIERS = ("device", "name")

    device: Ref
    name: str

    def unique_keys(self) -> Iterator[UniqueKey]:
        yield UniqueKey(("the module bay", self.name, "of", self.device.key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Module(PlannedObject):
    """The transceiver in a cage. Another transceiver in its place is the same module.

    No interface refers to it: NetBox would delete the interface and its cable with the module.
    """

    MODEL = Model.MODULE
    IDENTIFIERS = ("module_bay",)
    UNKNOWN_VALUES: ClassVar[Mapping[str, Collection[object]]] = {"serial": ("",)}

    device: Ref
    module_bay: Ref
    module_type: Ref
    serial: str = ""

    def unique_keys(self) -> Iterator[UniqueKey]:
        yield UniqueKey(("the module in the bay", self.module_bay.key))
