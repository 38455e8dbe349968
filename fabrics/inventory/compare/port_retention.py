"""Ports that stay in NetBox because nothing says that they are gone.

Without its profile, only connections and breakouts tell which ports a switch has. A port that these no
longer name is still there, only with nothing on it, and a profile that can no longer be read takes no port
away. Nor does it join the lanes of a port that it divided: those stay until the switch itself states how
the port is divided.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from fabrics.inventory.model.dcim import INTERFACE_TYPE_LAG, INTERFACE_TYPE_VIRTUAL, Interface
from fabrics.inventory.model.existing import ExistingObject, RefsById
from fabrics.inventory.model.planned import Model, PlannedObject, Ref
from fabrics.inventory.plan.plan import Plan
from fabrics.inventory.plan.ports import is_lane, strip_lane

type BreakoutPorts = Collection[tuple[Ref, str]]
"""Divided ports, by switch and by name without a lane."""


def find_breakout_ports(
    plan: Plan, rows: Iterable[ExistingObject], refs: RefsById
) -> BreakoutPorts:
    """Return the ports that NetBox has divided and whose division nothing states."""
    first_lanes = (_locate_port(row, refs) for row in rows if _is_port(row) and _is_first_lane(row))
    return {
        (device, strip_lane(name))
        for device, name in first_lanes
        if device in plan.switches_without_profile
        and strip_lane(name) not in plan.switches_without_profile[device]
    }


def rename_to_first_lane(planned: PlannedObject, breakout_ports: BreakoutPorts) -> PlannedObject:
    """Return the object, named after the first lane if it is on one of these ports.

    That holds for the port itself and for its subinterfaces.
    """
    if not isinstance(planned, Interface) or planned.type == INTERFACE_TYPE_LAG:
        return planned
    port, dot, vlan = planned.name.partition(".")
    if (planned.device, port) not in breakout_ports:
        return planned
    return replace(planned, name=f"{port}/1{dot}{vlan}")


def find_retained_ports(
    plan: Plan, absent: Iterable[ExistingObject], refs: RefsById, breakout_ports: BreakoutPorts
) -> Iterator[Interface]:
    """Yield the absent ports that stay, in the form that they should have now.

    A port goes if the plan has it in another form: divided, or no longer so. Lanes of `breakout_ports` stay.
    """
    planned_refs = {planned.ref for planned in plan.objects}
    planned_ports = {
        (interface.device, strip_lane(interface.name))
        for interface in plan.objects
        if isinstance(interface, Interface)
    }
    for row in absent:
        if not _is_port(row) or row.ref in planned_refs:
            continue
        device, name = _locate_port(row, refs)
        port = device, strip_lane(name)
        stays = port not in planned_ports or (port in breakout_ports and is_lane(name))
        if device in plan.switches_without_profile and stays:
            mgmt_only = row.values["mgmt_only"]
            yield Interface(key=row.key, device=device, name=name, mgmt_only=mgmt_only)


def _is_port(row: ExistingObject) -> bool:
    return row.id.model is Model.INTERFACE and row.values["type"] not in (
        INTERFACE_TYPE_LAG,
        INTERFACE_TYPE_VIRTUAL,
    )


def _is_first_lane(row: ExistingObject) -> bool:
    name = row.values["name"]
    return is_lane(name) and row.key.endswith(f"#{strip_lane(name)}")


def _locate_port(row: ExistingObject, refs: RefsById) -> tuple[Ref, str]:
    values = row.resolve_values(refs)
    return values["device"], values["name"]
