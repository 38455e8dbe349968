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
    NON_INTERFACE_COMPONENTS,
    PATHS,
    SERVICES,
    TUNNEL_TERMINATIONS,
    VIRTUAL_CIRCUIT_TERMINATIONS,
    VLAN_FIELDS,
    VM_INTERFACES,
    VRF_FIELDS,
)
from activities.inventory.read.template_components import (
    find_template_component_ids,
    is_owned_or_offered,
)
from activities.netbox.client import CLUSTERS_PATH, Row
from fabrics.inventory.model.planned import Model

SITE_SCOPED_PATHS: Final = {"cluster": CLUSTERS_PATH, "VLAN group": PATHS[Model.VLAN_GROUP]}
"""What may have a site as its scope, and is not among the numbers."""

COUNT_SUFFIX: Final = "_count"

USAGE_FIELDS: Final[Mapping[str, str]] = {
    "cable": "cable",
    "count_ipaddresses": "IP address",
    "mac_addresses": "MAC address",
    "count_fhrp_groups": "FHRP group",
    "l2vpn_termination": "L2VPN",
    "installed_device": "device",
    "installed_module": "module",
}
"""What a component or a VLAN may have that would go with it, or lose it, by the field that REST shows it in."""

COMPONENTS: Final = {**NON_INTERFACE_COMPONENTS, PATHS[Model.INTERFACE]: Model.INTERFACE}

INTERFACES_PER_REQUEST: Final = 50
"""Interfaces in a question."""

type Dependents = Iterator[tuple[int, str]]
"""Ids of objects of ours, each with something that is on it, in words."""


def find_dependents(
    netbox: InventoryNetBox, model: Model, object_ids: Collection[int]
) -> dict[int, str]:
    """What is on or in the objects of ours with these ids, for people; without those that have nothing.

    Raises `PermanentError` where our user may not see it.
    """
    found: dict[int, list[str]] = defaultdict(list)
    if look := _FINDERS.get(model):
        rows = [
            row
            for row in netbox.list_rows(PATHS[model], id=list(object_ids))
            if row["id"] in object_ids
        ]
        for number, words in look(netbox, rows) if rows else ():  # no ids are no filter
            found[number].append(words)
    return {number: ", ".join(words) for number, words in found.items()}


# -- sites ----------------------------------------------------------------------------------------


def _find_in_sites(netbox: InventoryNetBox, rows: Sequence[Row]) -> Dependents:
    for row in rows:
        yield from ((row["id"], f"{n} {_counted_noun(name)}") for name, n in _nonzero_counts(row))
        yield from ((row["id"], words) for words in _find_scoped_to_site(netbox, row["id"]))


def _find_scoped_to_site(netbox: InventoryNetBox, site: int) -> Iterator[str]:
    """NetBox ignores filters that it does not know, so that each row is looked at."""
    for row in netbox.list_rows(LOCATIONS, site_id=site):
        if row["site"]["id"] == site:
            yield f"location {row['name']}"
    for word, path in SITE_SCOPED_PATHS.items():
        for row in netbox.list_rows(path, scope_type=str(Model.SITE), scope_id=site):
            if _has_site_scope(site, row):
                yield f"{word} {row['name']}"


def _has_site_scope(site: int, row: Row) -> bool:
    return bool(row["scope_type"] == Model.SITE and row["scope_id"] == site)


# -- devices --------------------------------------------------------------------------------------


def _find_in_devices(netbox: InventoryNetBox, rows: Sequence[Row]) -> Dependents:
    """Their components but for those that NetBox made with them and nobody uses, and their services."""
    counted = {name for row in rows for name, _ in _nonzero_counts(row)}
    for name in sorted(counted):
        yield from _find_components(
            netbox, name, {row["id"]: row[name] for row in rows if row[name]}
        )
    numbers = {row["id"] for row in rows}
    for row in netbox.list_rows(SERVICES, device_id=list(numbers)):
        if row["parent_object_type"] == Model.DEVICE and row["parent_object_id"] in numbers:
            yield row["parent_object_id"], f"service {row['name']}"


def _find_components(
    netbox: InventoryNetBox, count_field: str, counts: Mapping[int, int]
) -> Dependents:
    """Components of one sort in devices, as many as NetBox `counts` by the devices' ids."""
    path = f"dcim/{_counted_noun(count_field).replace(' ', '-')}s"
    content_type = COMPONENTS.get(path)
    if content_type is None:  # a sort that a later NetBox has
        yield from ((number, _counted_noun(count_field)) for number in counts)
        return
    parts = [
        row for row in netbox.list_rows(path, device_id=list(counts)) if _device_id(row) in counts
    ]
    unused = _find_unused(netbox, content_type, parts)
    for part in parts:
        if part["id"] not in unused:
            yield _device_id(part), f"{_counted_noun(count_field)} {part['name']}"
    seen = Counter(map(_device_id, parts))
    yield from (
        (number, _counted_noun(count_field)) for number in counts if seen[number] < counts[number]
    )


def _find_unused(netbox: InventoryNetBox, content_type: str, components: Sequence[Row]) -> Set[int]:
    """The ids of those that NetBox made with their devices, and that have nothing on them."""
    came = find_template_component_ids(netbox, content_type, components)
    look = _FINDERS.get(content_type, _find_in_usage_fields)
    some = batched((part for part in components if part["id"] in came), INTERFACES_PER_REQUEST)
    return came - {number for rows in some for number, _ in look(netbox, rows)}


def _device_id(component: Row) -> int:
    number: int = component["device"]["id"]
    return number


# -- interfaces, and what shows by itself what is on it -------------------------------------------


def _find_at_interfaces(netbox: InventoryNetBox, rows: Sequence[Row]) -> Dependents:
    numbers = {row["id"] for row in rows}
    yield from _find_in_usage_fields(netbox, rows)
    yield from _find_inventory_items(netbox, numbers)
    ends = {"termination_type": str(Model.INTERFACE), "termination_id": list(numbers)}
    for row in netbox.list_rows(TUNNEL_TERMINATIONS, **ends):
        if row["termination_type"] == Model.INTERFACE and row["termination_id"] in numbers:
            yield row["termination_id"], f"tunnel {row['tunnel']['name']}"
    for row in netbox.list_rows(VIRTUAL_CIRCUIT_TERMINATIONS, interface_id=list(numbers)):
        if row["interface"]["id"] in numbers:
            yield row["interface"]["id"], f"virtual circuit {row['virtual_circuit']['cid']}"


def _find_inventory_items(netbox: InventoryNetBox, interfaces: Set[int]) -> Dependents:
    at = {"component_type": str(Model.INTERFACE), "component_id": list(interfaces)}
    items = [
        row
        for row in netbox.list_rows(INVENTORY_ITEMS, **at)
        if row["component_type"] == Model.INTERFACE and row["component_id"] in interfaces
    ]
    came = find_template_component_ids(netbox, NON_INTERFACE_COMPONENTS[INVENTORY_ITEMS], items)
    for item in items:
        if item["id"] not in came:
            yield item["component_id"], f"inventory item {item['name']}"


def _find_in_usage_fields(_: InventoryNetBox, rows: Sequence[Row]) -> Dependents:
    for row in rows:
        yield from ((row["id"], word) for name, word in USAGE_FIELDS.items() if row.get(name))


# -- VLANs and VRFs -------------------------------------------------------------------------------


def _find_on_vlans(netbox: InventoryNetBox, rows: Sequence[Row]) -> Dependents:
    yield from _find_in_usage_fields(netbox, rows)
    for row in rows:  # NetBox takes one VLAN in a question
        yield from _find_interfaces_using(netbox, {row["id"]}, VLAN_FIELDS, vlan_id=row["id"])


def _find_on_vrfs(netbox: InventoryNetBox, rows: Sequence[Row]) -> Dependents:
    numbers = {row["id"] for row in rows}
    yield from _find_interfaces_using(netbox, numbers, VRF_FIELDS, vrf_id=list(numbers))


def _find_interfaces_using(
    netbox: InventoryNetBox, object_ids: Set[int], fields: Sequence[str], **filters: object
) -> Dependents:
    """People's interfaces that have any of these objects in these fields."""
    for path, owner in ((PATHS[Model.INTERFACE], "device"), (VM_INTERFACES, "virtual_machine")):
        for row in netbox.list_rows(path, **filters):
            if not is_owned_or_offered(row):
                words = f"interface {row['name']} of {row[owner]['display']}"
                yield from (
                    (number, words) for number in object_ids & _get_referenced_ids(row, fields)
                )


def _get_referenced_ids(row: Row, fields: Iterable[str]) -> Set[int]:
    values = (row[name] for name in fields)
    listed = (value if isinstance(value, list) else [value] for value in values)
    return {each["id"] for some in listed for each in some if each}


_FINDERS: Final[Mapping[str, Callable[[InventoryNetBox, Sequence[Row]], Dependents]]] = {
    Model.SITE: _find_in_sites,
    Model.VRF: _find_on_vrfs,
    Model.VLAN: _find_on_vlans,
    Model.DEVICE: _find_in_devices,
    Model.INTERFACE: _find_at_interfaces,
}


def _nonzero_counts(row: Row) -> Iterator[tuple[str, int]]:
    yield from ((name, row[name]) for name in row if name.endswith(COUNT_SUFFIX) and row[name])


def _counted_noun(count_field: str) -> str:
    return count_field.removesuffix(COUNT_SUFFIX).replace("_", " ")
