"""The live state as manifests, which would bring Git to it: the way back.

They hold what people write: no defaults, and of the fields that the installer fills only those that Git states.
"""

from collections.abc import Iterator, Mapping
from operator import attrgetter

from fabrics.drift.compare import find_drift, select_managed_kinds
from fabrics.drift.diff_report import describe_problems, describe_unread_kinds
from fabrics.drift.model import Drift, DriftEntry, DriftType, LiveState
from fabrics.drift.sentences import shorten
from fabrics.resources.defaults import strip_defaults
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import ALL_COMPARED_KINDS, COMPARED_KINDS, Kind
from fabrics.resources.manifests.files import DesiredState
from fabrics.resources.manifests.writer import write_manifest
from fabrics.resources.normalize import (
    Content,
    diff_normalized,
    keep_user_entries,
    normalize_desired,
    normalize_live,
)
from fabrics.resources.resource import Resource
from fabrics.resources.schema import get_spec_schema
from fabrics.resources.schema.base import DifferenceReason
from fabrics.resources.schema.installed import drop_installed

MANIFESTS_FILE = "manifests.yaml"
"""The name of the text in a message."""

MAX_COMMENT_CHARS = 400
NOT_STABLE = "# The API would change this object, since it lacks a default: it stays drift."


class PartialStateError(Exception):
    """A state of which a part was not read: manifests made of it would lose that."""


def export_live(
    desired: DesiredState, live: LiveState, configured: frozenset[Kind] = frozenset()
) -> str:
    """Return manifests of all live objects that count for drift, in one text.

    They can take the place of the whole directory. Comments name what has drifted, and where Git has it. An empty
    directory gets all kinds that people write. Raises `PartialStateError`.
    """
    if not select_managed_kinds(desired, configured):
        configured = ALL_COMPARED_KINDS & live.resources.keys()
    drift = find_drift(desired, live, configured)
    problems = (*describe_problems(desired, drift), *describe_unread_kinds(drift.unread_kinds))
    if problems:
        raise PartialStateError(f"Nothing is exported, since a part would be lost: {problems[0]}")
    entries = {entry.key: entry for entry in drift.entries}
    documents = [
        _write_document(resource, desired.resources.get(resource.key), entries.get(resource.key))
        for kind in COMPARED_KINDS
        for resource in sorted(live.resources.get(kind, ()), key=attrgetter("key"))
        if resource.key in desired.resources or resource.key in entries
    ]
    comments = "".join(f"{line}\n" for line in _describe_others(desired, drift))
    return comments + "---\n".join(documents)


def _describe_others(desired: DesiredState, drift: Drift) -> Iterator[str]:
    """Yield comments on objects of which there is no manifest."""
    yield "# The live state, as manifests. They can take the place of all those of the fabric in Git."
    for entry in drift.entries:
        if entry.change is DriftType.MISSING and entry.key.kind.is_known:
            yield _comment(f"missing: {entry.key} is not live; it is at {entry.source} in Git")
    for kind, resources in desired.unknown_kinds.items():
        for resource in resources:
            yield _comment(f"{kind.name} is not known: keep {resource.key} from {resource.source}")


def _write_document(resource: Resource, git: Resource | None, entry: DriftEntry | None) -> str:
    spec, is_stable = _find_spec(resource, git)
    content = Content(spec, *map(_keep_own, (resource.labels, resource.annotations)))
    manifest = write_manifest(resource.kind, resource.namespace, resource.name, content)
    comments = [] if is_stable else [NOT_STABLE]
    if entry and entry.change is DriftType.EXTRA:
        comments.append(_comment(f"extra: {entry.key} is not in Git"))
    elif entry:
        comments.append(_comment(f"changed: {entry.key} is at {entry.source} in Git"))
    return "".join(f"{line}\n" for line in comments) + manifest


def _keep_own(entries: Mapping[str, str]) -> dict[str, str]:
    return {name: entries[name] for name in keep_user_entries(entries)}


def _find_spec(resource: Resource, git: Resource | None) -> tuple[dict[str, Json], bool]:
    """Return the shortest spec that means the live one, and whether it does."""
    schema = get_spec_schema(resource.kind)
    stated = schema.normalize(dict(git.spec)) if git else {}
    written = drop_installed(schema, schema.normalize(dict(resource.spec)), stated)
    spec = written if isinstance(written, dict) else {}
    for candidate in (strip_defaults(resource.kind, spec), spec):
        if _means(candidate, resource):
            return candidate, True
    return spec, False


def _means(spec: dict[str, Json], resource: Resource) -> bool:
    """True if the object has not drifted from a manifest with this spec."""
    kind, live = resource.kind, resource.content
    differences = diff_normalized(
        kind, normalize_desired(kind, live._replace(spec=spec)), normalize_live(kind, live)
    )
    return all(difference.reason is not DifferenceReason.DRIFT for difference in differences)


def _comment(text: str) -> str:
    return f"# {shorten(text, MAX_COMMENT_CHARS)}"
