"""The form of an object in which equal things are equal, whatever each side adds to them."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from fabrics.resources.defaults import with_defaults
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import Kind
from fabrics.resources.schema import spec_of
from fabrics.resources.schema.types import Difference, Map, Struct, Value, text


class Content(NamedTuple):
    """What of an object people write, on either side."""

    spec: Mapping[str, Json]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def desired_form(kind: Kind, content: Content) -> Json:
    """The normal form of an object in Git: as the cluster would hold it."""
    return live_form(kind, content._replace(spec=with_defaults(kind, content.spec)))


def live_form(kind: Kind, content: Content) -> Json:
    """The normal form of an object in the cluster."""
    return {
        "spec": spec_of(kind).normal(dict(content.spec)),
        "metadata": {
            "labels": _users(content.labels),
            "annotations": _users(content.annotations),
        },
    }


def differences(kind: Kind, desired: Json, live: Json) -> Iterator[Difference]:
    """The fields in which two normal forms of a kind differ, by path."""
    shape = Struct({"spec": spec_of(kind), "metadata": _METADATA})
    yield from shape.differences("", desired, live)


def digest_of(form: Json) -> str:
    """A digest that two forms share exactly when they are equal."""
    return hashlib.blake2b(text(form).encode(), digest_size=16).hexdigest()


_METADATA = Struct({"labels": Map(Value()), "annotations": Map(Value())})

_WRITTEN_BY_PEOPLE = ("fabric.githedgehog.com/route-summ", "fabric.githedgehog.com/p2p-link")

_WRITTEN_BY_TOOLS = (
    "githedgehog.com",
    "kubectl.kubernetes.io",
    "argocd.argoproj.io",
    "fluxcd.io",
    "helm.sh",
    "configsync.gke.io",
    "config.k8s.io",
    "cattle.io",
)
"""Domains of labels and annotations that Hedgehog, kubectl, k3s and GitOps tools write."""

_TRACKING = ("app.kubernetes.io/instance", "app.kubernetes.io/managed-by")


def _users(entries: Mapping[str, str]) -> dict[str, Json]:
    return {name: value for name, value in entries.items() if _is_users(name)}


@cache
def _is_users(name: str) -> bool:
    """Whether a label or annotation of this name is one that people write."""
    domain = name.rpartition("/")[0]
    if name in _WRITTEN_BY_PEOPLE or domain.endswith("hhfab.githedgehog.com"):
        return True
    return name not in _TRACKING and not any(
        domain == tool or domain.endswith("." + tool) for tool in _WRITTEN_BY_TOOLS
    )
