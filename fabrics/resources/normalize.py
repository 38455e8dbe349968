"""Normalization: desired and live objects that mean the same become equal."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from fabrics.resources.defaults import apply_defaults
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import Kind
from fabrics.resources.schema import get_spec_schema
from fabrics.resources.schema.base import Difference, dump_sorted_json
from fabrics.resources.schema.types import Map, Scalar, Struct


class Content(NamedTuple):
    """The parts of an object that people write, as Git or the cluster holds them."""

    spec: Mapping[str, Json]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def normalize_desired(kind: Kind, content: Content) -> Json:
    """Return the normal form that an object in Git would have in the cluster."""
    return normalize_live(kind, content._replace(spec=apply_defaults(kind, content.spec)))


def normalize_live(kind: Kind, content: Content) -> Json:
    """Return the normal form of a live object, of an unknown kind its spec."""
    spec = get_spec_schema(kind).normalize(dict(content.spec))
    if not kind.is_known:
        return {"spec": spec}
    return {
        "spec": spec,
        "metadata": {
            "labels": keep_user_entries(content.labels),
            "annotations": keep_user_entries(content.annotations),
        },
    }


def diff_normalized(kind: Kind, desired: Json, live: Json) -> Iterator[Difference]:
    """Yield the fields in which two normal forms of a kind differ, by path."""
    schema = Struct({"spec": get_spec_schema(kind), "metadata": _METADATA})
    yield from schema.diff("", desired, live)


def digest_json(value: Json) -> str:
    """Return a digest of a JSON value; the order of keys does not matter."""
    return hashlib.blake2b(dump_sorted_json(value).encode(), digest_size=16).hexdigest()


_METADATA = Struct({"labels": Map(Scalar()), "annotations": Map(Scalar())})

_USER_KEYS = ("fabric.githedgehog.com/route-summ", "fabric.githedgehog.com/p2p-link")

_TOOL_DOMAINS = (
    "githedgehog.com",
    "kubectl.kubernetes.io",
    "argocd.argoproj.io",
    "fluxcd.io",
    "helm.sh",
    "configsync.gke.io",
    "config.k8s.io",
    "cattle.io",
)
"""Domains of the labels and annotations that Hedgehog, kubectl, k3s and GitOps tools write."""

MAX_ENTRY_NAME_CHARS: Final = 317
MAX_CACHED_NAMES: Final = 10_000
"""Kubernetes accepts no longer names of labels and annotations: a domain of 253, a slash and 63 characters. An API
may send any, and others at each sync."""

_TRACKING_LABELS = ("app.kubernetes.io/instance", "app.kubernetes.io/managed-by")


def keep_user_entries(entries: Mapping[str, str]) -> dict[str, Json]:
    """Return the labels or annotations that people write."""
    return {
        name: value
        for name, value in entries.items()
        if _is_user_entry(name[:MAX_ENTRY_NAME_CHARS])
    }


@lru_cache(MAX_CACHED_NAMES)
def _is_user_entry(name: str) -> bool:
    """True if people write the label or annotation of this name."""
    domain = name.rpartition("/")[0]
    if name in _USER_KEYS or domain.endswith("hhfab.githedgehog.com"):
        return True
    return name not in _TRACKING_LABELS and not any(
        domain == tool or domain.endswith("." + tool) for tool in _TOOL_DOMAINS
    )
