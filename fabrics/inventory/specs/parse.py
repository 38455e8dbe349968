"""The live objects of a fabric, typed. What does not have the form of its kind is left out, with the reason."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from pydantic import ValidationError

from fabrics.drift import Live
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

_BY_KIND = {spec.KIND: spec for spec in SPECS}

NAME: Final = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
"""What Kubernetes takes as the name of an object."""


@dataclass(frozen=True, slots=True, order=True)
class Skipped:
    """A live object, or the part of one behind `#`, that the inventory does not show, and why."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Object[S: LiveSpec]:
    """A live object whose spec could be read. `key` is `<Kind>/<namespace>/<name>`."""

    namespace: str
    name: str
    spec: S
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return key_of(type(self.spec), self.namespace, self.name)


def key_of(spec: type[LiveSpec], namespace: str, name: str) -> str:
    """The `hh_key` of an object of a kind."""
    return f"{spec.KIND}/{namespace}/{name}"


def owner_of(key: str) -> str:
    """The key of the live object that an object, or a part of one, is about."""
    return key.partition("#")[0]


@dataclass(frozen=True, slots=True)
class Objects:
    """All live objects that could be read, by key, and those that could not.

    `unread` are the keys of those that do not have the form of their kind, in whole or in part.
    """

    found: dict[str, Object[LiveSpec]] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    skipped: list[Skipped] = field(default_factory=list)

    def of[S: LiveSpec](self, spec: type[S]) -> Iterator[Object[S]]:
        """The objects of a kind, in the order of their keys."""
        for each in self.found.values():
            if isinstance(each.spec, spec):
                yield cast(Object[S], each)

    def find[S: LiveSpec](self, spec: type[S], namespace: str, name: str) -> Object[S] | None:
        return cast(Object[S] | None, self.found.get(key_of(spec, namespace, name)))


def read(live: Live) -> Objects:
    """The objects of the kinds in `SPECS`, whatever order they come in."""
    objects = Objects()
    listed = (each for resources in live.resources.values() for each in resources)
    for resource in sorted(listed, key=_place_in_line):
        if spec := _BY_KIND.get(resource.kind.name):
            _read(objects, resource, spec)
    return objects


def _place_in_line(resource: Resource) -> tuple[str, ...]:
    """Also of two that are listed under one key, and that a comparison would call the same."""
    return str(resource.key), repr(resource.spec), repr(resource.annotations)


def _read(objects: Objects, resource: Resource, spec: type[LiveSpec]) -> None:
    key, namespace, name = str(resource.key), resource.key.namespace, resource.name
    if not all(isinstance(each, str) and re.fullmatch(NAME, each) for each in (namespace, name)):
        reason = "has a name that Kubernetes does not allow"
        objects.skipped.append(Skipped(_legible(key), reason))
    elif key in objects.found:
        objects.skipped.append(Skipped(_legible(key), "is listed twice"))
    else:
        try:
            parsed, odd = _parsed(spec, resource.spec)
            objects.found[key] = Object(namespace, name, parsed, resource.annotations)
        except (ValidationError, RecursionError) as error:
            odd = {"": _sentence(error)}
        objects.skipped.extend(Skipped(f"{key}{part}", why) for part, why in odd.items())
        if odd:
            objects.unread.add(key)


def _parsed(spec: type[LiveSpec], stated: Mapping[str, Json]) -> tuple[LiveSpec, dict[str, str]]:
    """The spec without those of its `DISPENSABLE` values that have another form, and why, by part.

    Raises `ValidationError` and `RecursionError`.
    """
    try:
        return spec.model_validate(stated), {}
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        if place not in spec.DISPENSABLE:
            raise
        parsed, odd = _parsed(spec, _without(stated, place))
        return parsed, {f"#{'.'.join(map(str, place))}": _sentence(error), **odd}


def _without(stated: Mapping[str, Json], place: tuple[int | str, ...]) -> dict[str, Json]:
    first, *rest = map(str, place)
    left, inner = dict(stated), stated[first]
    if rest and isinstance(inner, dict):
        return {**left, first: _without(inner, tuple(rest))}
    del left[first]
    return left


def _sentence(error: ValidationError | RecursionError) -> str:
    """The first thing that is wrong, with the field that it is wrong with."""
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = ".".join(["spec", *(str(step) for step in first["loc"])])
    message = first["msg"].removeprefix("Value error, ")
    return _legible(f"{path}: {message[:1].lower()}{message[1:]}")


def _legible(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)[:300]
