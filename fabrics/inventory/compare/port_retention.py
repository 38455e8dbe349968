"""Ports in NetBox of which nobody can say that they are gone.

Without its profile it is not known what ports a switch has beside those that connections and
breakouts name. One that these no longer name is still there, only with nothing on it; and a profile
that can no longer be read takes no port away. Nor does it join the lanes of one that it divided: it
stays as it is until the switch itself states how it is divided.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from fabrics.inventory.model.dcim import LAG, VIRTUAL, Interface
from fabrics.inventory.model.existing import Names, Stored
from fabrics.inventory.model.planned import Model, Ref, Wanted
from fabrics.inventory.plan.plan import Plan
from fabrics.inventory.plan.ports import is_lane, port_of

type Divided = Collection[tuple[Ref, str]]
"""Ports by their switches."""


def divided(plan: Plan, rows: Iterable[Stored], names: Names) -> Divided:
    """The ports whose own row NetBox has as a lane, while nobody says how they are divided."""
    places = (_place(row, names) for row in rows if _is_port(row) and _is_first_lane(row))
    return {
        (device, port_of(name))
        for device, name in places
        if device in plan.unprofiled and port_of(name) not in plan.unprofiled[device]
    }


def with_lanes(wanted: Wanted, ports: Divided) -> Wanted:
    """The object with the name of the first lane, if it is a port of these or a subinterface of one."""
    if not isinstance(wanted, Interface) or wanted.type == LAG:
        return wanted
    port, dot, vlan = wanted.name.partition(".")
    if (wanted.device, port) not in ports:
        return wanted
    return replace(wanted, name=f"{port}/1{dot}{vlan}")


def ports_kept(
    plan: Plan, absent: Iterable[Stored], names: Names, ports: Divided
) -> Iterator[Interface]:
    """The ports among `absent` rows that stay, as they should be from now on.

    One that was divided, or is so no longer, goes: the plan has the same port in another form. The
    lanes of `ports` stay.
    """
    wanted = {each.ref for each in plan.objects}
    planned = {
        (each.device, port_of(each.name)) for each in plan.objects if isinstance(each, Interface)
    }
    for row in absent:
        if not _is_port(row) or row.ref in wanted:
            continue
        device, name = _place(row, names)
        place = device, port_of(name)
        stays = place not in planned or (place in ports and is_lane(name))
        if device in plan.unprofiled and stays:
            kept = row.values["mgmt_only"]
            yield Interface(key=row.key, device=device, name=name, mgmt_only=kept)


def _is_port(row: Stored) -> bool:
    return row.id.model is Model.INTERFACE and row.values["type"] not in (LAG, VIRTUAL)


def _is_first_lane(row: Stored) -> bool:
    name = row.values["name"]
    return is_lane(name) and row.key.endswith(f"#{port_of(name)}")


def _place(row: Stored, names: Names) -> tuple[Ref, str]:
    values = row.named(names)
    return values["device"], values["name"]
