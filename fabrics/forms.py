"""The form of a resource in which equal things are equal, whatever each side adds to them.

Computed once per resource: two resources with one digest need no further look.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from fabrics.defaults import with_defaults
from fabrics.kinds import Kind
from fabrics.schema import spec_of
from fabrics.shapes import Difference, Map, Struct, Value, text
from fabrics.values import Json


@dataclass(frozen=True, slots=True)
class Form:
    """What of an object is compared, in normal form, and a digest of just that."""

    content: Json
    digest: str


def desired_form(
    kind: Kind,
    spec: Mapping[str, Json],
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
) -> Form:
    """The form of an object in Git: as the cluster would hold it."""
    return live_form(kind, with_defaults(kind, spec), labels, annotations)


def live_form(
    kind: Kind,
    spec: Mapping[str, Json],
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
) -> Form:
    """The form of an object in the cluster."""
    content: Json = {
        "spec": spec_of(kind).normal(dict(spec)),
        "metadata": {"labels": _users(labels), "annotations": _users(annotations)},
    }
    return Form(content, hashlib.blake2b(text(content).encode(), digest_size=16).hexdigest())


def differences(kind: Kind, desired: Form, live: Form) -> Iterator[Difference]:
    """The fields in which two objects of a kind differ, by path; none when their digests match."""
    if desired.digest != live.digest:
        shape = Struct({"spec": spec_of(kind), "metadata": _METADATA})
        yield from shape.differences("", desired.content, live.content)


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
