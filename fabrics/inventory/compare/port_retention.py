"""Ports in NetBox of which nobody can say that they are gone.

Without its profile it is not known what ports a switch has beside those that connections and
breakouts name. One that these no longer name is still there, only with nothing on it; and a profile
that can no longer be read takes no port away. Nor does it join the lanes of one that it divided: it
stays as it is until the switch itself states how it is divided.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from fabrics.inventory.model.dcim import INTERFACE_TYPE_LAG, INTERFACE_TYPE_VIRTUAL, Interface
from fabrics.inventory.model.existing import ExistingObject, RefsById
from fabrics.inventory.model.planned import Model, PlannedObject, Ref
from fabrics.inventory.plan.plan import Plan
from fabrics.inventory.plan.ports import is_lane, strip_lane

type BreakoutPorts = Collection[tuple[Ref, str]]
"""Ports by their switches."""


def find_breakout_ports(
    plan: Plan, rows: Iterable[ExistingObject], refs: RefsById
) -> BreakoutPorts:
    """The ports whose own row NetBox has as a lane, while nobody says how they are divided."""
    places = (_locate_port(row, refs) for row in rows if _is_port(row) and _is_first_lane(row))
    return {
        (device, strip_lane(name))
        for device, name in places
        if device in plan.switches_without_profile
        and strip_lane(name) not in plan.switches_without_profile[device]
    }


def rename_to_first_lane(planned: PlannedObject, breakout_ports: BreakoutPorts) -> PlannedObject:
    """The object with the name of the first lane, if it is a port of these or a subinterface of one."""
    if not isinstance(planned, Interface) or planned.type == INTERFACE_TYPE_LAG:
        return planned
    port, dot, vlan = planned.name.partition(".")
    if (planned.device, port) not in breakout_ports:
        return planned
    return replace(planned, name=f"{port}/1{dot}{vlan}")


def find_retained_ports(
    plan: Plan, absent: Iterable[ExistingObject], refs: RefsById, breakout_ports: BreakoutPorts
) -> Iterator[Interface]:
    """The ports among `absent` rows that stay, as they should be from now on.

    One that was divided, or is so no longer, goes: the plan has the same port in another form. The
    lanes of `ports` stay.
    """
    wanted = {each.ref for each in plan.objects}
    planned = {
        (each.device, strip_lane(each.name)) for each in plan.objects if isinstance(each, Interface)
    }
    for row in absent:
        if not _is_port(row) or row.ref in wanted:
            continue
        device, name = _locate_port(row, refs)
        place = device, strip_lane(name)
        stays = place not in planned or (place in breakout_ports and is_lane(name))
        if device in plan.switches_without_profile and stays:
            kept = row.values["mgmt_only"]
            yield Interface(key=row.key, device=device, name=name, mgmt_only=kept)


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
