"""Short ways to make plans for tests, and to look things up in them."""

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
    """The object of a kind with this key."""
    [found] = [each for each in made.objects if isinstance(each, kind) and each.key == key]
    return found


def keys(made: Plan, kind: type[PlannedObject]) -> list[str]:
    """The keys of all objects of a kind, in the plan's order."""
    return [each.key for each in made.objects if isinstance(each, kind)]


def skipped(made: Plan) -> dict[str, str]:
    return {each.key: each.reason for each in made.skipped}


def switch(name: str, **spec: Json) -> Resource:
    return live("Switch", name, {"role": "server-leaf", "profile": "vs", **spec})


def server(name: str) -> Resource:
    return live("Server", name)


def connection(name: str, kind: str, *links: dict[str, str], **body: Json) -> Resource:
    """A connection with these links; one that takes a single link gets the first."""
    listed: list[Json] = [{end: {"port": port} for end, port in link.items()} for link in links]
    single = kind in ("unbundled", "external", "staticExternal")
    stated: dict[str, Json] = {"link": listed[0]} if single else {"links": listed}
    return live("Connection", name, {kind: {**stated, **body}})


def cabled(made: Plan) -> dict[str, frozenset[tuple[str, str]]]:
    """The ends of every cable, as (device, port), by its key."""
    names = {each.ref: each.name for each in made.objects if isinstance(each, Device | Interface)}
    devices = {each.ref: names[each.device] for each in made.objects if isinstance(each, Interface)}
    return {
        each.key: frozenset((devices[end], names[end]) for end in each.terminations)
        for each in made.objects
        if isinstance(each, Cable)
    }
