"""Ports in NetBox of which nobody can say that they are gone.

Without its profile it is not known what ports a switch has beside those that connections and
breakouts name. One that these no longer name is still there, only with nothing on it; and a profile
that can no longer be read takes no port away.
"""

from collections.abc import Iterable, Iterator

from fabrics.inventory.dcim import LAG, VIRTUAL, Interface
from fabrics.inventory.plan import Plan
from fabrics.inventory.ports import port_of
from fabrics.inventory.stored import Names, Stored
from fabrics.inventory.wanted import Model


def ports_kept(plan: Plan, absent: Iterable[Stored], names: Names) -> Iterator[Interface]:
    """The ports among `absent` rows that stay, as they should be from now on.

    One that was divided, or is so no longer, goes: the plan has the same port in another form.
    """
    wanted = {each.ref for each in plan.objects}
    planned = {
        (each.device, port_of(each.name)) for each in plan.objects if isinstance(each, Interface)
    }
    for row in absent:
        if row.id.model is not Model.INTERFACE or row.ref in wanted:
            continue
        values = row.named(names)
        device, name = values["device"], values["name"]
        is_port = values["type"] not in (LAG, VIRTUAL)
        if is_port and device in plan.unprofiled and (device, port_of(name)) not in planned:
            yield Interface(key=row.key, device=device, name=name, mgmt_only=values["mgmt_only"])
