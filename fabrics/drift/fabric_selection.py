"""The objects of one fabric, where an API or a Git directory holds several.

From the release after 26.03 on, an object names its fabric in `spec.topology.fabric`, and objects refer only to
objects of their own fabric. Servers and VLAN namespaces name none, since several fabrics may use them: they
count for the fabrics whose objects refer to them. Source: `githedgehog/fabric`, `api/**`, 2026-11-28.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from fabrics.drift.model import LiveState
from fabrics.resources.defaults import apply_defaults
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import SWITCH_PROFILE, Kind, get_kind
from fabrics.resources.manifests.files import DesiredState
from fabrics.resources.resource import Resource, ResourceKey

DEFAULT_FABRIC: Final = "default"
"""The fabric of an object that names none, and the only one of earlier releases."""

_FABRIC = get_kind("Fabric")
_SHARED_KINDS: Final = frozenset({get_kind("Server"), get_kind("VLANNamespace")})
"""The kinds whose objects belong to no fabric by themselves."""

MAX_NAMED: Final = 10
"""How many names a sentence lists."""


class UnknownFabricError(Exception):
    """A fabric's name that neither the API nor Git has; the text says what to do."""


@dataclass(frozen=True, slots=True)
class FabricSelection:
    """The objects of one fabric.

    `live` is what the fabric has. `desired` and `compared_live` also hold objects that are in this fabric on one
    side only and in another one on the other side, and shared objects that no object refers to, but Git defines.
    `notices` has a sentence on each object that is in two fabrics, and one on each kind whose live objects belong
    to no fabric.
    """

    desired: DesiredState | None
    live: LiveState
    compared_live: LiveState
    notices: tuple[str, ...] = ()


def select_fabric(name: str, desired: DesiredState | None, live: LiveState) -> FabricSelection:
    """Select the objects of the fabric `name`; all objects if it is empty.

    Raises `UnknownFabricError` if neither side has such a fabric.
    """
    if not name:
        return FabricSelection(desired, live, live)
    in_git = desired.resources if desired else {}
    in_api = {resource.key: resource for resource in chain(*live.resources.values())}
    _check_name(name, in_git.values(), in_api.values(), live)
    users = _find_users(chain(in_git.values(), in_api.values()))

    def is_own(resource: Resource) -> bool:
        if resource.kind == SWITCH_PROFILE:
            return True
        if _is_shared(resource):
            return name in users.get(resource.key, ())
        return get_fabric(resource) == name

    own_live = {key for key, resource in in_api.items() if is_own(resource)}
    own_desired = {key for key, resource in in_git.items() if is_own(resource)}
    unused = {key for key, resource in in_git.items() if _is_shared(resource) and key not in users}
    compared = own_live | own_desired | unused
    return FabricSelection(
        desired=desired
        and replace(desired, resources={k: r for k, r in in_git.items() if k in compared}),
        live=replace(
            _filter_live(live, own_live),
            elsewhere=in_api.keys() - own_live,
            shared_with={
                key: tuple(sorted(users[key] - {name}))
                for key in own_live
                if len(users.get(key, ())) > 1
            },
        ),
        compared_live=_filter_live(live, compared),
        notices=(
            *_describe_moved(in_git, in_api, own_desired ^ own_live),
            *_describe_unassigned(r for key, r in in_api.items() if key not in {*users, *in_git}),
        ),
    )


def _describe_moved(
    in_git: Mapping[ResourceKey, Resource],
    in_api: Mapping[ResourceKey, Resource],
    on_one_side: AbstractSet[ResourceKey],
) -> list[str]:
    """Describe objects that are in another fabric in Git than live."""
    moved = sorted(on_one_side & in_git.keys() & in_api.keys())
    sentences = [
        f"{key} is in the fabric {get_fabric(in_git[key])} in Git, but in {get_fabric(in_api[key])} live."
        for key in moved[:MAX_NAMED]
    ]
    others = len(moved) - len(sentences)
    return [*sentences, *([f"{others} more objects are in two fabrics."] if others else [])]


def _describe_unassigned(unused: Iterable[Resource]) -> Iterator[str]:
    """Yield a sentence on each kind whose objects belong to no fabric."""
    counts = Counter(resource.kind.name for resource in unused if _is_shared(resource))
    for kind, count in sorted(counts.items()):
        yield f"{count} {kind} objects belong to no fabric: no object refers to them."


def get_fabric(resource: Resource) -> str:
    """Return the fabric that an object names, or the default one."""
    if resource.kind == _FABRIC:
        return resource.name
    topology = resource.spec.get("topology")
    name = topology.get("fabric") if isinstance(topology, dict) else None
    return name if isinstance(name, str) and name else DEFAULT_FABRIC


def _is_shared(resource: Resource) -> bool:
    return resource.kind in _SHARED_KINDS


def _check_name(
    name: str, in_git: Iterable[Resource], in_api: Iterable[Resource], live: LiveState
) -> None:
    has_topology = live.resources.get(_FABRIC) or any("topology" in r.spec for r in in_api)
    if not has_topology:
        if name != DEFAULT_FABRIC:
            raise UnknownFabricError(
                f"hh_fabric_name is {name}, but this release of Hedgehog has one fabric only: clear the field."
            )
        return
    names = {get_fabric(r) for r in chain(in_git, in_api) if not _is_shared(r)}
    if name not in names:
        known = ", ".join(sorted(names)[:MAX_NAMED])
        raise UnknownFabricError(
            f"hh_fabric_name is {name}, but no Fabric and no object has that name: the fabrics are {known}."
        )


def _find_users(resources: Iterable[Resource]) -> Mapping[ResourceKey, frozenset[str]]:
    """Return the fabrics whose objects refer to an object of a shared kind."""
    users: defaultdict[ResourceKey, set[str]] = defaultdict(set)
    for resource in resources:
        for kind, name in _find_references(resource):
            users[ResourceKey(kind, resource.key.namespace, name)].add(get_fabric(resource))
    return {key: frozenset(names) for key, names in users.items()}


def _find_references(resource: Resource) -> Iterator[tuple[Kind, str]]:
    """Yield the kinds and names of objects of shared kinds that an object refers to."""
    match resource.kind.name:
        case "Connection":
            yield from ((get_kind("Server"), name) for name in _find_servers(resource.spec))
        case "Switch":
            names = apply_defaults(resource.kind, resource.spec).get("vlanNamespaces")
            for name in names if isinstance(names, list) else ():
                yield get_kind("VLANNamespace"), str(name)
        case "VPC":
            spec = apply_defaults(resource.kind, resource.spec)
            yield get_kind("VLANNamespace"), str(spec.get("vlanNamespace"))


def _find_servers(spec: Mapping[str, Json]) -> Iterator[str]:
    """Yield the servers at the ends of a connection's links."""
    for body in spec.values():
        if not isinstance(body, dict):
            continue
        links = body.get("links")
        for link in (body.get("link"), *(links if isinstance(links, list) else ())):
            end = link.get("server") if isinstance(link, dict) else None
            port = end.get("port") if isinstance(end, dict) else None
            if isinstance(port, str):
                yield port.partition("/")[0]


def _filter_live(live: LiveState, keys: AbstractSet[ResourceKey]) -> LiveState:
    lists = {
        kind: tuple(resource for resource in listed if resource.key in keys)
        for kind, listed in live.resources.items()
    }
    return replace(live, resources=lists)
