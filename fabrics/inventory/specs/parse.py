"""Parse the live objects of a fabric; malformed ones are skipped with a reason."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Final, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fabrics.drift.model import LiveState
from fabrics.drift.sentences import shorten
from fabrics.inventory.specs import connections, gateway, vpc, wiring
from fabrics.inventory.specs.values import ANY, LiveSpec
from fabrics.resources.api_json import iterate_values
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import Kind, find_listed_kind
from fabrics.resources.resource import Resource

SPECS: Final[tuple[type[LiveSpec], ...]] = (
    wiring.FabricSpec,
    wiring.SwitchProfileSpec,
    wiring.VLANNamespaceSpec,
    wiring.SwitchSpec,
    wiring.ServerSpec,
    connections.ConnectionSpec,
    vpc.IPv4NamespaceSpec,
    vpc.VPCSpec,
    vpc.VPCAttachmentSpec,
    vpc.VPCPeeringSpec,
    vpc.ExternalSpec,
    vpc.ExternalAttachmentSpec,
    vpc.ExternalPeeringSpec,
    gateway.GatewaySpec,
    gateway.GatewayPeeringSpec,
)
"""The kinds that an inventory shows. Groups of switches and gateways are details of their members."""

_SPEC_BY_KIND = {spec.KIND: spec for spec in SPECS}

type _Path = tuple[int | str, ...]
type _Paths = dict[int | str, _Paths]
"""A tree of paths by their steps; each ends at an empty dictionary."""

MAX_TEXT_CHARS: Final = 300
"""The longest key or reason of a skipped object, in characters."""

MAX_VALUES: Final = 20_000
"""The keys and values of a spec, enough for 5,000 static leases. A mistake in each takes half a second and 20 MB."""

MAX_REASONS: Final = 10
"""The parts of one object that are named as skipped; whoever corrects these sees the next."""

NAME_PATTERN: Final = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
"""What Kubernetes accepts as the name of an object."""


@dataclass(frozen=True, slots=True, order=True)
class SkippedObject:
    """A live object, or the part of one behind `#`, that the inventory does not show."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class LiveObject[S: LiveSpec]:
    """A live object whose spec is valid. `key` is `<Kind>/<namespace>/<name>`.

    `omitted` are the paths of invalid parts, which the spec is without.
    """

    namespace: str
    name: str
    spec: S
    annotations: Mapping[str, str] = field(default_factory=dict)
    omitted: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        return make_key(type(self.spec), self.namespace, self.name)

    def is_known(self, name: str) -> bool:
        """Return False if a field of the spec is invalid, in whole or in part."""
        return all(path.partition(".")[0] != name for path in self.omitted)


def make_key(spec: type[LiveSpec], namespace: str, name: str) -> str:
    """Return the `hh_key` of a live object."""
    return f"{spec.KIND}/{namespace}/{name}"


def strip_part(key: str) -> str:
    """Return a key without its `#part`: the key of the live object."""
    return key.partition("#")[0]


@dataclass(frozen=True, slots=True)
class LiveObjects:
    """The valid live objects, sorted by key.

    `unparsable` holds the keys of the objects that are invalid, in whole or in part.
    """

    by_key: dict[str, LiveObject[LiveSpec]] = field(default_factory=dict)
    unparsable: set[str] = field(default_factory=set)
    skipped: list[SkippedObject] = field(default_factory=list)

    def list_kind[S: LiveSpec](self, spec: type[S]) -> Iterator[LiveObject[S]]:
        """Yield the objects of a kind, sorted by key."""
        for live_object in self.by_key.values():
            if isinstance(live_object.spec, spec):
                yield cast(LiveObject[S], live_object)

    def find[S: LiveSpec](self, spec: type[S], namespace: str, name: str) -> LiveObject[S] | None:
        return cast(LiveObject[S] | None, self.by_key.get(make_key(spec, namespace, name)))


def parse_live(live: LiveState) -> LiveObjects:
    """Return the objects of the kinds in `SPECS`, whatever their order in the list."""
    objects = LiveObjects()
    for resource in sorted(chain.from_iterable(live.resources.values()), key=_sort_key):
        if spec := _find_spec(resource.kind):
            _parse_resource(objects, resource, spec)
    return objects


def _find_spec(kind: Kind) -> type[LiveSpec] | None:
    """Return the spec of a kind; None for a known name in another group, too."""
    is_known = find_listed_kind(kind.group, kind.name) is not None
    return _SPEC_BY_KIND.get(kind.name) if is_known else None


def _sort_key(resource: Resource) -> tuple[str, ...]:
    """Return a key that differs for any two resources, also for two with one name."""
    return str(resource.key), repr(resource.spec), repr(resource.annotations)


def _parse_resource(objects: LiveObjects, resource: Resource, spec: type[LiveSpec]) -> None:
    key, namespace, name = str(resource.key), resource.key.namespace, resource.name
    if not (_is_valid_name(namespace) and _is_valid_name(name)):
        reason = "has a name that Kubernetes does not allow"
        objects.skipped.append(SkippedObject(shorten(key, MAX_TEXT_CHARS), reason))
    elif key in objects.by_key:
        objects.skipped.append(SkippedObject(shorten(key, MAX_TEXT_CHARS), "is listed twice"))
    else:
        parsed, reasons = _parse_spec(spec, resource.spec)
        if parsed is not None:
            omitted = frozenset(part.removeprefix("#") for part in reasons)
            objects.by_key[key] = LiveObject(namespace, name, parsed, resource.annotations, omitted)
        objects.skipped.extend(_list_skipped(key, reasons))
        if reasons:
            objects.unparsable.add(key)


def _list_skipped(key: str, reasons: Mapping[str, str]) -> Iterator[SkippedObject]:
    """Yield the first reasons, and the number of the others."""
    for part, reason in islice(reasons.items(), MAX_REASONS):
        yield SkippedObject(shorten(f"{key}{part}", MAX_TEXT_CHARS), reason)
    if (more := len(reasons) - MAX_REASONS) > 0:
        yield SkippedObject(
            shorten(key, MAX_TEXT_CHARS), f"has {more:,} more parts that are invalid"
        )


def _is_valid_name(name: object) -> bool:
    return isinstance(name, str) and re.fullmatch(NAME_PATTERN, name) is not None


def _parse_spec(
    spec: type[LiveSpec], raw: Mapping[str, Json]
) -> tuple[LiveSpec | None, dict[str, str]]:
    """Return the spec without invalid optional parts, and the reasons by suffix.

    The spec is None, and its suffix empty, if a part that it needs is invalid.
    """
    if sum(1 for _ in islice(iterate_values(raw), MAX_VALUES + 1)) > MAX_VALUES:
        return None, {"": f"has more than {MAX_VALUES:,} keys and values"}
    reasons: dict[str, str] = {}
    while True:
        try:
            return spec.model_validate(raw), reasons
        except RecursionError:
            return None, {"": "is nested too deeply"}
        except ValidationError as error:
            errors = error.errors(include_url=False, include_context=False, include_input=False)
        omitted: _Paths = {}
        for details in errors:
            path = _find_optional_path(spec, details["loc"])
            if path is None:
                return None, {"": _format_error(details)}
            reasons.setdefault(f"#{'.'.join(map(str, path))}", _format_error(details))
            node = omitted
            for step in path:
                node = node.setdefault(step, {})
        raw = _omit_paths(raw, omitted)


def _find_optional_path(spec: type[LiveSpec], path: _Path) -> _Path | None:
    """Return the smallest optional part that holds the value at this path."""
    for length in range(len(path), 0, -1):
        if any(_matches(path[:length], pattern) for pattern in spec.OPTIONAL_PATHS):
            return path[:length]
    return None


def _matches(path: _Path, pattern: tuple[str, ...]) -> bool:
    return len(path) == len(pattern) and all(
        expected in (ANY, step) for step, expected in zip(path, pattern, strict=True)
    )


def _omit_paths(value: Any, paths: _Paths) -> Any:  # noqa: ANN401  any part of a spec
    """Return a value without the entries and items that these paths end at."""
    if not paths:
        return value
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    kept = {n: _omit_paths(v, paths.get(n, {})) for n, v in entries if paths.get(n) != {}}
    return kept if isinstance(value, dict) else list(kept.values())


def _format_error(error: ErrorDetails) -> str:
    """Return an error with the path of its field."""
    path = ".".join(["spec", *(str(step) for step in error["loc"])])
    message = error["msg"].removeprefix("Value error, ")
    return shorten(f"{path}: {message[:1].lower()}{message[1:]}", MAX_TEXT_CHARS)
