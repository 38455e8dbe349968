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
from fabrics.resources.kinds import SWITCH_PROFILE, WIRING_GROUP, Kind, get_kind
from fabrics.resources.manifests.files import DesiredState
from fabrics.resources.resource import Resource, ResourceKey

DEFAULT_FABRIC: Final = "default"
"""The fabric of an object that names none, and the only one of earlier releases."""

_FABRIC = get_kind("Fabric")
_SHARED_KINDS: Final = frozenset({get_kind("Server"), get_kind("VLANNamespace")})
"""The kinds whose objects belong to no fabric by themselves."""

MAX_NAME_CHARS: Final = 63

MAX_NAMED: Final = 10
"""How many names a sentence lists."""


type _Users = Mapping[ResourceKey, frozenset[str]]
"""The fabrics whose objects refer to an object of a shared kind."""


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
    in_api = _index_by_key(live)
    _check_name(name, in_git.values(), in_api.values(), live)
    git_users, api_users = _find_users(in_git.values()), _find_users(in_api.values())
    own_live = _find_own(name, in_api, api_users)
    own_desired = _find_own(name, in_git, git_users)
    unused = {key for key, resource in in_git.items() if _is_shared(resource)} - git_users.keys()
    compared = own_live | own_desired | unused
    in_scope = compared
    # Where Git leaves the wiring to the installer, shared objects there belong to other fabrics.
    if not any(key.kind.group == WIRING_GROUP for key in own_desired if not _is_shared_key(key)):
        in_scope = {key for key in compared if not _is_shared_key(key)} | unused
    known = in_git.keys() | git_users.keys() | api_users.keys()
    return FabricSelection(
        desired=_filter_desired(desired, in_scope, name) if desired else None,
        live=select_live(name, live),
        compared_live=_filter_live(live, compared),
        notices=(
            *_describe_moved(in_git, in_api, own_desired ^ own_live),
            *_describe_unassigned(resource for key, resource in in_api.items() if key not in known),
        ),
    )


def select_live(name: str, live: LiveState) -> LiveState:
    """Select what the API has of the fabric `name`, or all without a name."""
    if not name:
        return live
    in_api = _index_by_key(live)
    users = _find_users(in_api.values())
    own = _find_own(name, in_api, users)
    others = {key: tuple(sorted(users[key] - {name})) for key in own & users.keys()}
    return replace(
        _filter_live(live, own),
        elsewhere=frozenset(
            key
            for key, resource in in_api.items()
            if key not in own and (key in users or not _is_shared(resource))
        ),
        shared_with={key: names for key, names in others.items() if names},
    )


def _index_by_key(live: LiveState) -> dict[ResourceKey, Resource]:
    return {resource.key: resource for resource in chain.from_iterable(live.resources.values())}


def _find_own(
    name: str, resources: Mapping[ResourceKey, Resource], users: _Users
) -> set[ResourceKey]:
    """Return the objects that name the fabric, or that its objects refer to."""
    return {
        key
        for key, resource in resources.items()
        if resource.kind == SWITCH_PROFILE
        or (name in users.get(key, ()) if _is_shared(resource) else get_fabric(resource) == name)
    }


def _describe_moved(
    in_git: Mapping[ResourceKey, Resource],
    in_api: Mapping[ResourceKey, Resource],
    on_one_side: AbstractSet[ResourceKey],
) -> list[str]:
    """Describe objects that are in another fabric in Git than live."""
    moved = sorted(on_one_side & in_git.keys() & in_api.keys())
    sentences = [
        f"{key} is in the fabric {_shorten(in_git[key])} in Git, but in {_shorten(in_api[key])} live."
        for key in moved[:MAX_NAMED]
    ]
    others = len(moved) - len(sentences)
    return [*sentences, *([f"{others} more objects are in two fabrics."] if others else [])]


def _shorten(resource: Resource) -> str:
    """Return the name of an object's fabric, which may be any text."""
    name = get_fabric(resource)
    return (
        name if name.isprintable() and len(name) <= MAX_NAME_CHARS else repr(name[:MAX_NAME_CHARS])
    )


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
    return _is_shared_key(resource.key)


def _is_shared_key(key: ResourceKey) -> bool:
    return key.kind in _SHARED_KINDS


def _has_fabric(resource: Resource) -> bool:
    return not _is_shared(resource) and resource.kind != SWITCH_PROFILE


def _check_name(
    name: str, in_git: Iterable[Resource], in_api: Iterable[Resource], live: LiveState
) -> None:
    has_topology = _FABRIC in live.resources or any("topology" in r.spec for r in in_api)
    if not has_topology:
        if name != DEFAULT_FABRIC:
            raise UnknownFabricError(
                f"hh_fabric_name is {name}, but this release of Hedgehog has one fabric only: clear the field."
            )
        return
    names = {get_fabric(resource) for resource in filter(_has_fabric, chain(in_git, in_api))}
    if name not in names:
        known = ", ".join(sorted(names)[:MAX_NAMED]) or "not known yet"
        raise UnknownFabricError(
            f"hh_fabric_name is {name}, but no Fabric and no object has that name: the fabrics are {known}."
        )


def _find_users(resources: Iterable[Resource]) -> _Users:
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


def _filter_desired(
    desired: DesiredState, keys: AbstractSet[ResourceKey], name: str
) -> DesiredState:
    """Leave out other objects, and unknown kinds of other fabrics."""
    return replace(
        desired,
        resources={key: desired.resources[key] for key in desired.resources if key in keys},
        unknown_kinds={
            kind: own
            for kind, resources in desired.unknown_kinds.items()
            if (own := tuple(item for item in resources if get_fabric(item) == name))
        },
    )


def _filter_live(live: LiveState, keys: AbstractSet[ResourceKey]) -> LiveState:
    lists = {
        kind: tuple(resource for resource in listed if resource.key in keys)
        for kind, listed in live.resources.items()
    }
    return replace(live, resources=lists)
