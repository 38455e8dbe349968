"""Parse the live objects of a fabric; malformed ones are skipped with a reason."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, cast

from pydantic import ValidationError

from fabrics.drift.model import LiveState
from fabrics.inventory.specs import gateway, vpc, wiring
from fabrics.inventory.specs.values import LiveSpec
from fabrics.resources.json_types import Json
from fabrics.resources.resource import Resource

SPECS: Final[tuple[type[LiveSpec], ...]] = (
    wiring.SwitchProfileSpec,
    wiring.VLANNamespaceSpec,
    wiring.SwitchSpec,
    wiring.ServerSpec,
    wiring.ConnectionSpec,
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

NAME_PATTERN: Final = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
"""What Kubernetes accepts as the name of an object."""


@dataclass(frozen=True, slots=True, order=True)
class SkippedObject:
    """A live object, or the part of one behind `#`, that the inventory does not show."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class LiveObject[S: LiveSpec]:
    """A live object whose spec is valid. `key` is `<Kind>/<namespace>/<name>`."""

    namespace: str
    name: str
    spec: S
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return make_key(type(self.spec), self.namespace, self.name)


def make_key(spec: type[LiveSpec], namespace: str, name: str) -> str:
    """Return the `hh_key` of a live object."""
    return f"{spec.KIND}/{namespace}/{name}"


def strip_part(key: str) -> str:
    """Return a key without its `#part`: the key of the live object."""
    return key.partition("#")[0]


@dataclass(frozen=True, slots=True)
class LiveObjects:
    """The valid live objects, sorted by key.

    `unparsable` holds the keys of those that are invalid, in whole or in part.
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
        if spec := _SPEC_BY_KIND.get(resource.kind.name):
            _parse_resource(objects, resource, spec)
    return objects


def _sort_key(resource: Resource) -> tuple[str, ...]:
    """Return a key that differs for any two resources, also for two with one name."""
    return str(resource.key), repr(resource.spec), repr(resource.annotations)


def _parse_resource(objects: LiveObjects, resource: Resource, spec: type[LiveSpec]) -> None:
    key, namespace, name = str(resource.key), resource.key.namespace, resource.name
    if not (_is_valid_name(namespace) and _is_valid_name(name)):
        reason = "has a name that Kubernetes does not allow"
        objects.skipped.append(SkippedObject(_to_printable(key), reason))
    elif key in objects.by_key:
        objects.skipped.append(SkippedObject(_to_printable(key), "is listed twice"))
    else:
        try:
            parsed, errors = _parse_spec(spec, resource.spec)
            objects.by_key[key] = LiveObject(namespace, name, parsed, resource.annotations)
        except (ValidationError, RecursionError) as error:
            errors = {"": _format_error(error)}
        objects.skipped.extend(SkippedObject(f"{key}{part}", why) for part, why in errors.items())
        if errors:
            objects.unparsable.add(key)


def _is_valid_name(name: object) -> bool:
    return isinstance(name, str) and re.fullmatch(NAME_PATTERN, name) is not None


def _parse_spec(spec: type[LiveSpec], raw: Mapping[str, Json]) -> tuple[LiveSpec, dict[str, str]]:
    """Return the spec without invalid optional values, with errors by key suffix.

    Raises `ValidationError` and `RecursionError` for the rest of the spec.
    """
    try:
        return spec.model_validate(raw), {}
    except ValidationError as error:
        path = error.errors()[0]["loc"]
        if path not in spec.OPTIONAL_PATHS:
            raise
        parsed, errors = _parse_spec(spec, _remove_path(raw, path))
        return parsed, {f"#{'.'.join(map(str, path))}": _format_error(error), **errors}


def _remove_path(raw: Mapping[str, Json], path: tuple[int | str, ...]) -> dict[str, Json]:
    first, *rest = map(str, path)
    if rest and isinstance(inner := raw[first], dict):
        return {**raw, first: _remove_path(inner, tuple(rest))}
    return {name: value for name, value in raw.items() if name != first}


def _format_error(error: ValidationError | RecursionError) -> str:
    """Return the first error with the path of its field."""
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = ".".join(["spec", *(str(step) for step in first["loc"])])
    message = first["msg"].removeprefix("Value error, ")
    return _to_printable(f"{path}: {message[:1].lower()}{message[1:]}")


def _to_printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)[:300]
