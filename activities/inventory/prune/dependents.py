"""What people have put on objects of ours, or into them. NetBox deletes most of it with these, and refuses
for little of it.

NetBox shows some of it as numbers. The rest is asked for, as far as our user may see it: of the clusters
with a site as their scope only fabrics, and no wireless LANs. What says something of the object alone goes
with it: journal entries, pictures, contacts.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from itertools import batched
from typing import Final

from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import (
    INVENTORY_ITEMS,
    LOCATIONS,
    PARTS,
    PATHS,
    SERVICES,
    TUNNEL_ENDS,
    VIRTUAL_CIRCUIT_ENDS,
    VLAN_FIELDS,
    VM_INTERFACES,
    VRF_FIELDS,
)
from activities.inventory.read.template_components import came_with_devices, is_marked
from activities.netbox.client import CLUSTERS, Row
from fabrics.inventory.model.planned import Model

SCOPED: Final = {"cluster": CLUSTERS, "VLAN group": PATHS[Model.VLAN_GROUP]}
"""What may have a site as its scope, and is not among the numbers."""

COUNT: Final = "_count"

USES: Final[Mapping[str, str]] = {
    "cable": "cable",
    "count_ipaddresses": "IP address",
    "mac_addresses": "MAC address",
    "count_fhrp_groups": "FHRP group",
    "l2vpn_termination": "L2VPN",
    "installed_device": "device",
    "installed_module": "module",
}
"""What a component or a VLAN may have that would go with it, or lose it, by the field that REST shows it in."""

COMPONENTS: Final = {**PARTS, PATHS[Model.INTERFACE]: Model.INTERFACE}

ASKED: Final = 50
"""Interfaces in a question."""

type Found = Iterator[tuple[int, str]]
"""Ids of objects of ours, each with something that is on it, in words."""


def inhabitants(netbox: InventoryNetBox, model: Model, numbers: Collection[int]) -> dict[int, str]:
    """What is on or in the objects of ours with these ids, for people; without those that have nothing.

    Raises `PermanentError` where our user may not see it.
    """
    found: dict[int, list[str]] = defaultdict(list)
    if look := _LOOKS.get(model):
        rows = [row for row in netbox.rows(PATHS[model], id=list(numbers)) if row["id"] in numbers]
        for number, words in look(netbox, rows) if rows else ():  # no ids are no filter
            found[number].append(words)
    return {number: ", ".join(words) for number, words in found.items()}


# -- sites ----------------------------------------------------------------------------------------


def _in_sites(netbox: InventoryNetBox, rows: Sequence[Row]) -> Found:
    for row in rows:
        yield from ((row["id"], f"{n} {_noun(name)}") for name, n in _counted(row))
        yield from ((row["id"], words) for words in _named(netbox, row["id"]))


def _named(netbox: InventoryNetBox, site: int) -> Iterator[str]:
    """NetBox ignores filters that it does not know, so that each row is looked at."""
    for row in netbox.rows(LOCATIONS, site_id=site):
        if row["site"]["id"] == site:
            yield f"location {row['name']}"
    for word, path in SCOPED.items():
        for row in netbox.rows(path, scope_type=str(Model.SITE), scope_id=site):
            if _is_scope_of(site, row):
                yield f"{word} {row['name']}"


def _is_scope_of(site: int, row: Row) -> bool:
    return bool(row["scope_type"] == Model.SITE and row["scope_id"] == site)


# -- devices --------------------------------------------------------------------------------------


def _in_devices(netbox: InventoryNetBox, rows: Sequence[Row]) -> Found:
    """Their components but for those that NetBox made with them and nobody uses, and their services."""
    counted = {name for row in rows for name, _ in _counted(row)}
    for name in sorted(counted):
        yield from _parts(netbox, name, {row["id"]: row[name] for row in rows if row[name]})
    numbers = {row["id"] for row in rows}
    for row in netbox.rows(SERVICES, device_id=list(numbers)):
        if row["parent_object_type"] == Model.DEVICE and row["parent_object_id"] in numbers:
            yield row["parent_object_id"], f"service {row['name']}"


def _parts(netbox: InventoryNetBox, count: str, counts: Mapping[int, int]) -> Found:
    """Components of one sort in devices, as many as NetBox `counts` by the devices' ids."""
    path = f"dcim/{_noun(count).replace(' ', '-')}s"
    content_type = COMPONENTS.get(path)
    if content_type is None:  # a sort that a later NetBox has
        yield from ((number, _noun(count)) for number in counts)
        return
    parts = [row for row in netbox.rows(path, device_id=list(counts)) if _device(row) in counts]
    unused = _unused(netbox, content_type, parts)
    for part in parts:
        if part["id"] not in unused:
            yield _device(part), f"{_noun(count)} {part['name']}"
    seen = Counter(map(_device, parts))
    yield from ((number, _noun(count)) for number in counts if seen[number] < counts[number])


def _unused(netbox: InventoryNetBox, content_type: str, parts: Sequence[Row]) -> Set[int]:
    """The ids of those that NetBox made with their devices, and that have nothing on them."""
    came = came_with_devices(netbox, content_type, parts)
    look = _LOOKS.get(content_type, _shown)
    some = batched((part for part in parts if part["id"] in came), ASKED)
    return came - {number for rows in some for number, _ in look(netbox, rows)}


def _device(part: Row) -> int:
    number: int = part["device"]["id"]
    return number


# -- interfaces, and what shows by itself what is on it -------------------------------------------


def _at_interfaces(netbox: InventoryNetBox, rows: Sequence[Row]) -> Found:
    numbers = {row["id"] for row in rows}
    yield from _shown(netbox, rows)
    yield from _items(netbox, numbers)
    ends = {"termination_type": str(Model.INTERFACE), "termination_id": list(numbers)}
    for row in netbox.rows(TUNNEL_ENDS, **ends):
        if row["termination_type"] == Model.INTERFACE and row["termination_id"] in numbers:
            yield row["termination_id"], f"tunnel {row['tunnel']['name']}"
    for row in netbox.rows(VIRTUAL_CIRCUIT_ENDS, interface_id=list(numbers)):
        if row["interface"]["id"] in numbers:
            yield row["interface"]["id"], f"virtual circuit {row['virtual_circuit']['cid']}"


def _items(netbox: InventoryNetBox, interfaces: Set[int]) -> Found:
    at = {"component_type": str(Model.INTERFACE), "component_id": list(interfaces)}
    items = [
        row
        for row in netbox.rows(INVENTORY_ITEMS, **at)
        if row["component_type"] == Model.INTERFACE and row["component_id"] in interfaces
    ]
    came = came_with_devices(netbox, PARTS[INVENTORY_ITEMS], items)
    for item in items:
        if item["id"] not in came:
            yield item["component_id"], f"inventory item {item['name']}"


def _shown(_: InventoryNetBox, rows: Sequence[Row]) -> Found:
    for row in rows:
        yield from ((row["id"], word) for name, word in USES.items() if row.get(name))


# -- VLANs and VRFs -------------------------------------------------------------------------------


def _on_vlans(netbox: InventoryNetBox, rows: Sequence[Row]) -> Found:
    yield from _shown(netbox, rows)
    for row in rows:  # NetBox takes one VLAN in a question
        yield from _using(netbox, {row["id"]}, VLAN_FIELDS, vlan_id=row["id"])


def _on_vrfs(netbox: InventoryNetBox, rows: Sequence[Row]) -> Found:
    numbers = {row["id"] for row in rows}
    yield from _using(netbox, numbers, VRF_FIELDS, vrf_id=list(numbers))


def _using(
    netbox: InventoryNetBox, numbers: Set[int], fields: Sequence[str], **filters: object
) -> Found:
    """People's interfaces that have any of these objects in these fields."""
    for path, owner in ((PATHS[Model.INTERFACE], "device"), (VM_INTERFACES, "virtual_machine")):
        for row in netbox.rows(path, **filters):
            if not is_marked(row):
                words = f"interface {row['name']} of {row[owner]['display']}"
                yield from ((number, words) for number in numbers & _ids(row, fields))


def _ids(row: Row, fields: Iterable[str]) -> Set[int]:
    values = (row[name] for name in fields)
    listed = (value if isinstance(value, list) else [value] for value in values)
    return {each["id"] for some in listed for each in some if each}


_LOOKS: Final[Mapping[str, Callable[[InventoryNetBox, Sequence[Row]], Found]]] = {
    Model.SITE: _in_sites,
    Model.VRF: _on_vrfs,
    Model.VLAN: _on_vlans,
    Model.DEVICE: _in_devices,
    Model.INTERFACE: _at_interfaces,
}


def _counted(row: Row) -> Iterator[tuple[str, int]]:
    yield from ((name, row[name]) for name in row if name.endswith(COUNT) and row[name])


def _noun(count: str) -> str:
    return count.removesuffix(COUNT).replace("_", " ")
