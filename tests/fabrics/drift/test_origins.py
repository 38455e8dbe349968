"""Who made a difference: only what is known is said."""

from datetime import UTC, datetime

from fabrics.drift.compare import find_drift
from fabrics.drift.model import Author, Drift, DriftEntry
from fabrics.drift.origins import add_origins
from fabrics.drift.summary import summarize
from fabrics.resources.json_types import Json
from fabrics.resources.managed_fields import FieldManager, ManagedFields
from tests.support.fabrics.objects import desired, live, live_state, manifest

EDITED = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
KUBECTL, JANE = Author("kubectl-edit", EDITED), Author("Jane Doe", EDITED)
SPEC: Json = {"description": "new"}


def origins(*fields: str, authors: dict[str, Author] | None = None) -> dict[str, DriftEntry]:
    """Return the drift of a changed, a missing and an extra server, by their names.

    The manager of the live ones has written these fields of their specs.
    """
    state = desired(
        manifest("Server", "changed", "{description: old, profile: big}"),
        manifest("Server", "missing"),
    )
    changed, extra = live("Server", "changed", SPEC), live("Server", "extra", SPEC)
    written: dict[str, object] = {"f:spec": {f"f:{name}": {} for name in fields}}
    managed = ManagedFields((FieldManager("kubectl-edit", EDITED, written),))
    drift = find_drift(state, live_state(changed, extra))
    assert [entry.live for entry in drift.entries] == [changed, extra, None]
    known = add_origins(drift.entries, {changed.key: managed, extra.key: managed}, authors or {})
    return {entry.key.name: entry for entry in known}


def test_manager_of_a_field_that_differs_is_named_and_a_removed_field_has_none() -> None:
    fields = {field.path: field.changed_by for field in origins("description")["changed"].fields}
    assert fields.pop("spec.description") == KUBECTL
    assert set(fields.values()) == {None}
    assert {field.changed_by for field in origins("other")["changed"].fields} == {None}


def test_extra_object_names_its_last_manager_and_a_missing_one_has_none() -> None:
    found = origins("description")
    assert found["extra"].changed_by == KUBECTL
    assert (found["missing"].changed_by, found["changed"].changed_by) == (None, None)
    assert origins()["extra"].changed_by == KUBECTL


def test_author_of_the_file_in_git_is_named_where_it_is_known() -> None:
    found = origins(authors={"fabric.yaml": JANE})
    committed = {name: entry.committed_by for name, entry in found.items()}
    assert committed == {"changed": JANE, "missing": JANE, "extra": None}
    assert {entry.committed_by for entry in origins().values()} == {None}


def test_summary_keeps_who_made_a_difference() -> None:
    state = desired(manifest("Server", "changed", "{description: old}"))
    changed = live("Server", "changed", SPEC)
    written: dict[str, object] = {"f:spec": {"f:description": {}}}
    managed = {changed.key: ManagedFields((FieldManager("x\n" * 99, EDITED, written),))}
    drift = find_drift(state, live_state(changed))
    (entry,) = add_origins(drift.entries, managed, {"fabric.yaml": JANE})
    (shown,) = summarize(Drift((entry,))).entries
    manager = shown.fields[0].changed_by
    assert manager is not None
    assert (len(manager.name), manager.name.isprintable()) == (60, True)
    assert (shown.committed_by, shown.changed_by) == (JANE, None)
    assert shown.without_origin() == summarize(drift).entries[0]
