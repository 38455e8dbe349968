"""The live objects of a fabric, typed. What does not have the form of its kind is left out, with the reason."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from pydantic import ValidationError

from fabrics.drift import LiveState
from fabrics.inventory.specs.gateway import GatewayPeeringSpec, GatewaySpec
from fabrics.inventory.specs.values import LiveSpec
from fabrics.inventory.specs.vpc import (
    ExternalAttachmentSpec,
    ExternalPeeringSpec,
    ExternalSpec,
    IPv4NamespaceSpec,
    VPCAttachmentSpec,
    VPCPeeringSpec,
    VPCSpec,
)
from fabrics.inventory.specs.wiring import (
    ConnectionSpec,
    ServerSpec,
    SwitchProfileSpec,
    SwitchSpec,
    VLANNamespaceSpec,
)
from fabrics.resources.json_types import Json
from fabrics.resources.resource import Resource

SPECS: Final[tuple[type[LiveSpec], ...]] = (
    SwitchProfileSpec,
    VLANNamespaceSpec,
    SwitchSpec,
    ServerSpec,
    ConnectionSpec,
    IPv4NamespaceSpec,
    VPCSpec,
    VPCAttachmentSpec,
    VPCPeeringSpec,
    ExternalSpec,
    ExternalAttachmentSpec,
    ExternalPeeringSpec,
    GatewaySpec,
    GatewayPeeringSpec,
)
"""The kinds that an inventory shows. Groups of switches and gateways are facts of their members."""

_SPEC_BY_KIND = {spec.KIND: spec for spec in SPECS}

NAME_PATTERN: Final = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
"""What Kubernetes takes as the name of an object."""


@dataclass(frozen=True, slots=True, order=True)
class SkippedObject:
    """A live object, or the part of one behind `#`, that the inventory does not show, and why."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class LiveObject[S: LiveSpec]:
    """A live object whose spec could be read. `key` is `<Kind>/<namespace>/<name>`."""

    namespace: str
    name: str
    spec: S
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return make_key(type(self.spec), self.namespace, self.name)


def make_key(spec: type[LiveSpec], namespace: str, name: str) -> str:
    """The `hh_key` of an object of a kind."""
    return f"{spec.KIND}/{namespace}/{name}"


def strip_part(key: str) -> str:
    """The key of the live object that an object, or a part of one, is about."""
    return key.partition("#")[0]


@dataclass(frozen=True, slots=True)
class LiveObjects:
    """All live objects that could be read, by key, and those that could not.

    `unread` are the keys of those that do not have the form of their kind, in whole or in part.
    """

    by_key: dict[str, LiveObject[LiveSpec]] = field(default_factory=dict)
    unparsable: set[str] = field(default_factory=set)
    skipped: list[SkippedObject] = field(default_factory=list)

    def list_kind[S: LiveSpec](self, spec: type[S]) -> Iterator[LiveObject[S]]:
        """The objects of a kind, in the order of their keys."""
        for each in self.by_key.values():
            if isinstance(each.spec, spec):
                yield cast(LiveObject[S], each)

    def find[S: LiveSpec](self, spec: type[S], namespace: str, name: str) -> LiveObject[S] | None:
        return cast(LiveObject[S] | None, self.by_key.get(make_key(spec, namespace, name)))


def parse_live(live: LiveState) -> LiveObjects:
    """The objects of the kinds in `SPECS`, whatever order they come in."""
    objects = LiveObjects()
    listed = (each for resources in live.resources.values() for each in resources)
    for resource in sorted(listed, key=_sort_key):
        if spec := _SPEC_BY_KIND.get(resource.kind.name):
            _parse_resource(objects, resource, spec)
    return objects


def _sort_key(resource: Resource) -> tuple[str, ...]:
    """Also of two that are listed under one key, and that a comparison would call the same."""
    return str(resource.key), repr(resource.spec), repr(resource.annotations)


def _parse_resource(objects: LiveObjects, resource: Resource, spec: type[LiveSpec]) -> None:
    key, namespace, name = str(resource.key), resource.key.namespace, resource.name
    if not all(
        isinstance(each, str) and re.fullmatch(NAME_PATTERN, each) for each in (namespace, name)
    ):
        reason = "has a name that Kubernetes does not allow"
        objects.skipped.append(SkippedObject(_to_printable(key), reason))
    elif key in objects.by_key:
        objects.skipped.append(SkippedObject(_to_printable(key), "is listed twice"))
    else:
        try:
            parsed, odd = _parse_spec(spec, resource.spec)
            objects.by_key[key] = LiveObject(namespace, name, parsed, resource.annotations)
        except (ValidationError, RecursionError) as error:
            odd = {"": _format_error(error)}
        objects.skipped.extend(SkippedObject(f"{key}{part}", why) for part, why in odd.items())
        if odd:
            objects.unparsable.add(key)


def _parse_spec(spec: type[LiveSpec], raw: Mapping[str, Json]) -> tuple[LiveSpec, dict[str, str]]:
    """The spec without those of its `OPTIONAL_PATHS` values that have another form, and why, by part.

    Raises `ValidationError` and `RecursionError`.
    """
    try:
        return spec.model_validate(raw), {}
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        if place not in spec.OPTIONAL_PATHS:
            raise
        parsed, odd = _parse_spec(spec, _remove_path(raw, place))
        return parsed, {f"#{'.'.join(map(str, place))}": _format_error(error), **odd}


def _remove_path(raw: Mapping[str, Json], path: tuple[int | str, ...]) -> dict[str, Json]:
    first, *rest = map(str, path)
    left, inner = dict(raw), raw[first]
    if rest and isinstance(inner, dict):
        return {**left, first: _remove_path(inner, tuple(rest))}
    del left[first]
    return left


def _format_error(error: ValidationError | RecursionError) -> str:
    """The first thing that is wrong, with the field that it is wrong with."""
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = ".".join(["spec", *(str(step) for step in first["loc"])])
    message = first["msg"].removeprefix("Value error, ")
    return _to_printable(f"{path}: {message[:1].lower()}{message[1:]}")


def _to_printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)[:300]
