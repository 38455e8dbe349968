"""Shorthands that make plans for tests and look objects up in them."""

from fabrics.inventory.model.dcim import Cable, Device, Interface
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import PlannedObject
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.resources.json_types import Json
from fabrics.resources.resource import Resource
from tests.support.fabrics.objects import live, live_state

DC1 = FabricIdentity("dc1", "DC 1")


def plan(*resources: Resource, fabric: FabricIdentity = DC1) -> Plan:
    return make_plan(live_state(*resources), fabric)


def one[W: PlannedObject](made: Plan, kind: type[W], key: str) -> W:
    """Return the object of a kind with this key."""
    [match] = [
        planned for planned in made.objects if isinstance(planned, kind) and planned.key == key
    ]
    return match


def keys(made: Plan, kind: type[PlannedObject]) -> list[str]:
    """Return the keys of all objects of a kind, in the order of the plan."""
    return [planned.key for planned in made.objects if isinstance(planned, kind)]


def skipped(made: Plan) -> dict[str, str]:
    return {skip.key: skip.reason for skip in made.skipped}


def switch(name: str, **spec: Json) -> Resource:
    return live("Switch", name, {"role": "server-leaf", "profile": "vs", **spec})


def server(name: str) -> Resource:
    return live("Server", name)


def connection(name: str, kind: str, *links: dict[str, str], **body: Json) -> Resource:
    """Return a connection with these links, or the first if its type has one link."""
    listed: list[Json] = [{end: {"port": port} for end, port in link.items()} for link in links]
    single = kind in ("unbundled", "external", "staticExternal")
    stated: dict[str, Json] = {"link": listed[0]} if single else {"links": listed}
    return live("Connection", name, {kind: {**stated, **body}})


def cabled(made: Plan) -> dict[str, frozenset[tuple[str, str]]]:
    """Return the ends of every cable, as (device, port), by the key of the cable."""
    names = {
        planned.ref: planned.name
        for planned in made.objects
        if isinstance(planned, Device | Interface)
    }
    devices = {port.ref: names[port.device] for port in made.objects if isinstance(port, Interface)}
    return {
        cable.key: frozenset((devices[end], names[end]) for end in cable.terminations)
        for cable in made.objects
        if isinstance(cable, Cable)
    }
