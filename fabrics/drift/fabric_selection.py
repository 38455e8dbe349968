"""The objects of one fabric, where an API or a Git directory holds several.

From the release after 26.03 on, an object names its fabric in `spec.topology.fabric`, and objects refer only to
objects of their own fabric. Servers and VLAN namespaces name none, since several fabrics may use them: they
count for the fabrics whose objects refer to them, and where Git has some to which no object refers, for its own.
Source: `githedgehog/fabric`, `api/**`, 2026-11-28.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, NamedTuple, Self

from fabrics.drift.model import LiveState
from fabrics.drift.sentences import join_names, shorten
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

MAX_NAMED: Final = 10
"""How many names a sentence lists."""

MAX_MOVED: Final = 3
"""How many objects that are in two fabrics get a sentence."""

MAX_NAME_CHARS: Final = 63
MAX_KEY_CHARS: Final = 200

type _Users = Mapping[ResourceKey, frozenset[str]]
"""The fabrics whose objects refer to an object of a shared kind."""


class _Source(NamedTuple):
    """The objects that Git defines or the API holds."""

    resources: Mapping[ResourceKey, Resource]
    users: _Users

    @classmethod
    def build(cls, resources: Mapping[ResourceKey, Resource]) -> Self:
        return cls(resources, _find_users(resources.values()))


class UnknownFabricError(Exception):
    """A fabric's name that neither the API nor Git has; the text says what to do."""


@dataclass(frozen=True, slots=True)
class FabricSelection:
    """The objects of one fabric.

    `live` is what the fabric has. `desired` and `compared_live` also hold objects that are in this fabric on one
    side only and in another one on the other side. `notices` has sentences on these, and one on how many live objects
    belong to no fabric.
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
    git, api = _Source.build(desired.resources if desired else {}), _Source.build(_index(live))
    _check_name(name, git, api, live)
    own_in_git = _find_own_in_git(name, git, api)
    own_in_api = _find_own(name, api, api.users) | (own_in_git & api.resources.keys())
    in_scope = own_in_git | {key for key in own_in_api if not _is_shared(key)}
    known = git.resources.keys() | git.users.keys() | api.users.keys()
    return FabricSelection(
        desired=_filter_desired(name, desired, live, in_scope) if desired else None,
        live=_select_live(name, live, api, own_in_git),
        compared_live=_filter_live(live, own_in_api),
        notices=(
            *_describe_moved(name, git, api),
            *_describe_unassigned(api.resources.keys() - known),
        ),
    )


def select_live(name: str, live: LiveState, desired: DesiredState | None) -> LiveState:
    """Select what the API has of the fabric `name`; all objects if it is empty.

    Of Git only the objects of shared kinds count. While it cannot be read, `desired` is None.
    """
    if not name:
        return live
    git, api = _Source.build(desired.resources if desired else {}), _Source.build(_index(live))
    return _select_live(name, live, api, _find_own_in_git(name, git, api))


def _select_live(
    name: str, live: LiveState, api: _Source, own_in_git: AbstractSet[ResourceKey]
) -> LiveState:
    own = _find_own(name, api, api.users)
    own |= {key for key in own_in_git if _is_shared(key) and key in api.resources}
    others = {key: tuple(sorted(api.users[key] - {name})) for key in own & api.users.keys()}
    return replace(
        _filter_live(live, own),
        elsewhere=api.resources.keys() - own,
        shared_with={key: names for key, names in others.items() if names},
    )


def _index(live: LiveState) -> dict[ResourceKey, Resource]:
    return {resource.key: resource for resource in chain.from_iterable(live.resources.values())}


def _find_own(name: str, source: _Source, users: _Users) -> set[ResourceKey]:
    """Return the objects that name the fabric, or that its objects refer to."""
    return {
        key
        for key, resource in source.resources.items()
        if resource.kind == SWITCH_PROFILE
        or (name in users.get(key, ()) if _is_shared(key) else get_fabric(resource) == name)
    }


def _find_own_in_git(name: str, git: _Source, api: _Source) -> set[ResourceKey]:
    """Return what Git has of a fabric, also shared objects that no object refers to.

    Where Git has the wiring of other fabrics only, it leaves that of this one to the installer, and shared objects
    there belong to the others.
    """
    own = _find_own(name, git, git.users) | _find_own(name, git, api.users)
    wired = {
        get_fabric(resource)
        for key, resource in git.resources.items()
        if key.kind.group == WIRING_GROUP and not _is_shared(key)
    }
    if wired and name not in wired:
        return {key for key in own if not _is_shared(key)}
    shared = {key for key in git.resources if _is_shared(key)}
    return own | (shared - git.users.keys() - api.users.keys())


def _describe_moved(name: str, git: _Source, api: _Source) -> Iterator[str]:
    """Yield sentences on objects that are in another fabric in Git than live."""
    fabrics = {
        key: (get_fabric(git.resources[key]), get_fabric(api.resources[key]))
        for key in git.resources.keys() & api.resources.keys()
        if not _is_shared(key)
    }
    moved = sorted(key for key, names in fabrics.items() if set(names) > {name})
    for key in moved[:MAX_MOVED]:
        in_git, in_api = (shorten(fabric, MAX_NAME_CHARS) for fabric in fabrics[key])
        yield (
            f"{shorten(str(key), MAX_KEY_CHARS)} is in the fabric {in_git} in Git, but in {in_api} live."
        )
    if len(moved) > MAX_MOVED:
        yield f"{len(moved) - MAX_MOVED} more objects are in one fabric in Git and in another one live."


def _describe_unassigned(keys: Iterable[ResourceKey]) -> Iterator[str]:
    """Yield a sentence with the numbers of objects that belong to no fabric."""
    counts = Counter(key.kind.name for key in keys if _is_shared(key))
    if counts:
        numbers = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
        yield (
            "Live objects that belong to no fabric, as they are not in Git and no object refers to"
            f" them: {numbers}."
        )


def get_fabric(resource: Resource) -> str:
    """Return the fabric that an object names, or the default one."""
    return (
        resource.name
        if resource.kind == _FABRIC
        else _get_stated_fabric(resource) or DEFAULT_FABRIC
    )


def _get_stated_fabric(resource: Resource) -> str:
    topology = resource.spec.get("topology")
    name = topology.get("fabric") if isinstance(topology, dict) else None
    return name if isinstance(name, str) else ""


def _is_shared(key: ResourceKey) -> bool:
    return key.kind in _SHARED_KINDS


def _check_name(name: str, git: _Source, api: _Source, live: LiveState) -> None:
    in_git, in_api = git.resources.values(), api.resources.values()
    has_topology = _FABRIC in live.resources or any("topology" in r.spec for r in in_api)
    if not has_topology:
        if name != DEFAULT_FABRIC:
            raise UnknownFabricError(
                f"hh_fabric_name is {name}, but this release of Hedgehog has one fabric only: clear the field."
            )
        return
    names = {
        get_fabric(resource)
        for resource in chain(in_git, in_api)
        if not _is_shared(resource.key) and resource.kind != SWITCH_PROFILE
    }
    if name not in names:
        known = join_names(sorted(names), MAX_NAMED, MAX_NAME_CHARS) or "not known yet"
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
    name: str, desired: DesiredState, live: LiveState, keys: AbstractSet[ResourceKey]
) -> DesiredState:
    """Leave out the objects of other fabrics."""
    return replace(
        desired,
        resources={key: desired.resources[key] for key in desired.resources if key in keys},
        unknown_kinds=_filter_unknown_kinds(name, desired, live),
    )


def _filter_unknown_kinds(
    name: str, desired: DesiredState, live: LiveState
) -> dict[Kind, tuple[Resource, ...]]:
    """Leave out objects that name another fabric, live if they do not in Git.

    Whether objects that name none are in the default fabric or in none is not known, so they count.
    """
    own: dict[Kind, tuple[Resource, ...]] = {}
    for kind, in_git in desired.unknown_kinds.items():
        listed = live.unknown_kinds[kind].resources if kind in live.unknown_kinds else ()
        in_api = {resource.key: resource for resource in listed}
        selected = tuple(
            resource
            for resource in in_git
            if (
                _get_stated_fabric(resource)
                or _get_stated_fabric(in_api.get(resource.key, resource))
            )
            in {name, ""}
        )
        if selected:
            own[kind] = selected
    return own


def _filter_live(live: LiveState, keys: AbstractSet[ResourceKey]) -> LiveState:
    lists = {
        kind: tuple(resource for resource in listed if resource.key in keys)
        for kind, listed in live.resources.items()
    }
    return replace(live, resources=lists)
