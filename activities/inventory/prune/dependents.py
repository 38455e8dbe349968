"""Find dependents: objects of people that NetBox would delete with ours.

NetBox shows some of them as counts. The rest is requested as far as our user may view it: among clusters
with a site as scope only fabrics, and no wireless LANs. What only describes the object itself is deleted
with it: journal entries, images, contacts.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from itertools import batched
from typing import Final

from activities.inventory.netbox import endpoints
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import NON_INTERFACE_COMPONENTS, PATHS
from activities.inventory.read.template_components import find_template_component_ids, is_claimed
from activities.netbox.client import CLUSTERS_PATH, Row
from fabrics.inventory.model.planned import Model

SITE_SCOPED_PATHS: Final = {"cluster": CLUSTERS_PATH, "VLAN group": PATHS[Model.VLAN_GROUP]}
"""Objects that may have a site as scope and that NetBox does not count."""

USAGE_FIELDS: Final[Mapping[str, str]] = {
    "cable": "cable",
    "count_ipaddresses": "IP address",
    "mac_addresses": "MAC address",
    "count_fhrp_groups": "FHRP group",
    "l2vpn_termination": "L2VPN",
    "installed_device": "device",
    "installed_module": "module",
}
"""REST fields of components and VLANs that show what would be deleted with them, or lose them."""

COMPONENTS: Final = {**NON_INTERFACE_COMPONENTS, PATHS[Model.INTERFACE]: Model.INTERFACE}
COUNT_SUFFIX: Final = "_count"
INTERFACES_PER_REQUEST: Final = 50

type Dependents = Iterator[tuple[int, str]]
"""Ids of our objects, each with a description of something on it."""


def find_dependents(
    netbox: InventoryNetBox, model: Model, object_ids: Collection[int]
) -> dict[int, str]:
    """Return descriptions of dependents, by the id of our object that has them.

    Raises `PermanentError` if our user may not view it.
    """
    dependents: dict[int, list[str]] = defaultdict(list)
    if finder := _FINDERS.get(model):
        listed = netbox.list_rows(PATHS[model], id=list(object_ids))
        rows = [row for row in listed if row["id"] in object_ids]
        for object_id, text in finder(netbox, rows) if rows else ():  # no ids are no filter
            dependents[object_id].append(text)
    return {object_id: ", ".join(texts) for object_id, texts in dependents.items()}


# -- sites ----------------------------------------------------------------------------------------


def _find_in_sites(netbox: InventoryNetBox, rows: Sequence[Row]) -> Dependents:
    for row in rows:
        yield from ((row["id"], f"{n} {_counted_noun(name)}") for name, n in _nonzero_counts(row))
        yield from ((row["id"], text) for text in _find_scoped_to_site(netbox, row["id"]))


def _find_scoped_to_site(netbox: InventoryNetBox, site_id: int) -> Iterator[str]:
    # NetBox ignores filters that it does not know, so each row is checked.
    for row in netbox.list_rows(endpoints.LOCATIONS, site_id=site_id):
        if row["site"]["id"] == site_id:
            yield f"location {row['name']}"
    for noun, path in SITE_SCOPED_PATHS.items():
        for row in netbox.list_rows(path, scope_type=str(Model.SITE), scope_id=site_id):
            if row["scope_type"] == Model.SITE and row["scope_id"] == site_id:
                yield f"{noun} {row['name']}"


# -- devices --------------------------------------------------------------------------------------


def _find_in_devices(netbox: InventoryNetBox, rows: Sequence[Row]) -> Dependents:
    """Yield services, and components unless NetBox created them and they are unused."""
    for name in sorted({name for row in rows for name, _ in _nonzero_counts(row)}):
        counts = {row["id"]: row[name] for row in rows if row[name]}
        yield from _find_components(netbox, name, counts)
    device_ids = {row["id"] for row in rows}
    for row in netbox.list_rows(endpoints.SERVICES, device_id=list(device_ids)):
        if row["parent_object_type"] == Model.DEVICE and row["parent_object_id"] in device_ids:
            yield row["parent_object_id"], f"service {row['name']}"


def _find_components(
    netbox: InventoryNetBox, count_field: str, counts: Mapping[int, int]
) -> Dependents:
    """Yield the components of one type; `counts` are NetBox's, by device id."""
    noun = _counted_noun(count_field)
    path = f"dcim/{noun.replace(' ', '-')}s"
    content_type = COMPONENTS.get(path)
    if content_type is None:  # a type of a later NetBox
        yield from ((device_id, noun) for device_id in counts)
        return
    listed = netbox.list_rows(path, device_id=list(counts))
    rows = [row for row in listed if _device_id(row) in counts]
    unused = _find_unused(netbox, content_type, rows)
    yield from (
        (_device_id(row), f"{noun} {row['name']}") for row in rows if row["id"] not in unused
    )
    visible = Counter(map(_device_id, rows))  # perhaps not all, for our user
    yield from ((device_id, noun) for device_id, n in counts.items() if visible[device_id] < n)


def _find_unused(netbox: InventoryNetBox, content_type: str, components: Sequence[Row]) -> Set[int]:
    """Return the ids of unused components that NetBox created with their devices."""
    templated = find_template_component_ids(netbox, content_type, components)
    finder = _FINDERS.get(content_type, _find_in_usage_fields)
    batches = batched((row for row in components if row["id"] in templated), INTERFACES_PER_REQUEST)
    return templated - {used_id for batch in batches for used_id, _ in finder(netbox, batch)}


def _device_id(component: Row) -> int:
    return int(component["device"]["id"])


# -- interfaces, and other objects whose rows show what is on them ----------------------------------


def _find_at_interfaces(netbox: InventoryNetBox, rows: Sequence[Row]) -> Dependents:
    ids = {row["id"] for row in rows}
    yield from _find_in_usage_fields(netbox, rows)
    yield from _find_inventory_items(netbox, ids)
    filters = {"termination_type": str(Model.INTERFACE), "termination_id": list(ids)}
    for row in netbox.list_rows(endpoints.TUNNEL_TERMINATIONS, **filters):
        if row["termination_type"] == Model.INTERFACE and row["termination_id"] in ids:
            yield row["termination_id"], f"tunnel {row['tunnel']['name']}"
    for row in netbox.list_rows(endpoints.VIRTUAL_CIRCUIT_TERMINATIONS, interface_id=list(ids)):
        if row["interface"]["id"] in ids:
            yield row["interface"]["id"], f"virtual circuit {row['virtual_circuit']['cid']}"


def _find_inventory_items(netbox: InventoryNetBox, interface_ids: Set[int]) -> Dependents:
    filters = {"component_type": str(Model.INTERFACE), "component_id": list(interface_ids)}
    items = [
        row
        for row in netbox.list_rows(endpoints.INVENTORY_ITEMS, **filters)
        if row["component_type"] == Model.INTERFACE and row["component_id"] in interface_ids
    ]
    content_type = NON_INTERFACE_COMPONENTS[endpoints.INVENTORY_ITEMS]
    templated = find_template_component_ids(netbox, content_type, items)
    for item in items:
        if item["id"] not in templated:
            yield item["component_id"], f"inventory item {item['name']}"


def _find_in_modules(netbox: InventoryNetBox, rows: Sequence[Row]) -> Dependents:
    """Yield components that people assigned to a module, also ours: all go with it."""
    ids = {row["id"] for row in rows}
    for path in sorted(COMPONENTS.keys() - endpoints.COMPONENTS_WITHOUT_MODULE):
        noun = path.rpartition("/")[2].removesuffix("s").replace("-", " ")
        for row in netbox.list_rows(path, module_id=list(ids)):
            if (module := row["module"]) and module["id"] in ids:
                yield module["id"], f"{noun} {row['name']}"


def _find_in_usage_fields(_: InventoryNetBox, rows: Sequence[Row]) -> Dependents:
    for row in rows:
        yield from ((row["id"], noun) for name, noun in USAGE_FIELDS.items() if row.get(name))


# -- VLANs and VRFs -------------------------------------------------------------------------------


def _find_on_vlans(netbox: InventoryNetBox, rows: Sequence[Row]) -> Dependents:
    yield from _find_in_usage_fields(netbox, rows)
    for row in rows:  # NetBox's filter takes one VLAN
        yield from _find_users(netbox, {row["id"]}, endpoints.VLAN_FIELDS, vlan_id=row["id"])


def _find_on_vrfs(netbox: InventoryNetBox, rows: Sequence[Row]) -> Dependents:
    ids = {row["id"] for row in rows}
    yield from _find_users(netbox, ids, endpoints.VRF_FIELDS, vrf_id=list(ids))


def _find_users(
    netbox: InventoryNetBox, object_ids: Set[int], fields: Sequence[str], **filters: object
) -> Dependents:
    """Yield people's interfaces that refer to these objects in one of these fields."""
    interfaces = ((PATHS[Model.INTERFACE], "device"), (endpoints.VM_INTERFACES, "virtual_machine"))
    for path, parent in interfaces:
        for row in netbox.list_rows(path, **filters):
            if not is_claimed(row):
                text = f"interface {row['name']} of {row[parent]['display']}"
                used_ids = object_ids & _get_referenced_ids(row, fields)
                yield from ((used_id, text) for used_id in used_ids)


def _get_referenced_ids(row: Row, fields: Iterable[str]) -> Set[int]:
    values = (row[name] for name in fields)
    lists = (value if isinstance(value, list) else [value] for value in values)
    return {reference["id"] for references in lists for reference in references if reference}


_FINDERS: Final[Mapping[str, Callable[[InventoryNetBox, Sequence[Row]], Dependents]]] = {
    Model.SITE: _find_in_sites,
    Model.VRF: _find_on_vrfs,
    Model.VLAN: _find_on_vlans,
    Model.DEVICE: _find_in_devices,
    Model.INTERFACE: _find_at_interfaces,
    Model.MODULE_BAY: _find_in_usage_fields,
    Model.MODULE: _find_in_modules,
}


def _nonzero_counts(row: Row) -> Iterator[tuple[str, int]]:
    yield from ((name, row[name]) for name in row if name.endswith(COUNT_SUFFIX) and row[name])


def _counted_noun(count_field: str) -> str:
    return count_field.removesuffix(COUNT_SUFFIX).replace("_", " ")
