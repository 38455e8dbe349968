"""Set up NetBox as its superuser.

Most tests use copies of all items under other names, which they can change and remove without an effect on
other tests.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from activities import setup
from activities.errors import PermanentError
from activities.netbox.client import CLUSTERS_PATH, NetBox, Row
from activities.setup import Action
from activities.setup.access import TOKENS, USER_ITEM
from activities.setup.checks import structure_checks
from activities.setup.choice_sets import CHOICE_SETS
from activities.setup.fields import CUSTOM_FIELDS
from activities.setup.items import CLUSTER_OBJECT_TYPE, Default, Item, Reference
from activities.setup.views import workflow_link_item
from stack.stack import Stack

WEB_UI = "http://127.0.0.1:8233"


def renamed_items(prefix: str) -> list[Item]:
    """Return all items of the set-up under names that begin with `prefix`."""

    def key(of: Mapping[str, str]) -> dict[str, str]:
        return {name: v if name == "table" else f"{prefix}_{v}" for name, v in of.items()}

    def needed(value: object) -> object:
        if isinstance(value, list):
            return [needed(member) for member in value]
        return replace(value, key=key(value.key)) if isinstance(value, Reference) else value

    def default(name: str, value: object) -> object:
        return f"{prefix} {value}" if name == "name" else value

    return [
        replace(
            item,
            key=key(item.key),
            needed={name: needed(value) for name, value in item.needed.items()},
            defaults={name: default(name, value) for name, value in item.defaults.items()},
            kept_while_tagged=item.kept_while_tagged
            and replace(item.kept_while_tagged, key=key(item.kept_while_tagged.key)),
        )
        for item in setup.all_items(WEB_UI, "default")
    ]


@pytest.fixture(scope="module")
def trial(admin: NetBox) -> Iterator[list[Item]]:
    """Items of each type in NetBox; each test changes other ones."""
    items = select(
        renamed_items("trial"),
        "custom field choice set trial_Hedgehog sync status",
        "custom field trial_hh_fabric_id",
        "custom field trial_hh_sync_interval",
        "custom field trial_hh_commit",
        "custom field trial_hh_fabric",
        "custom field trial_hh_key",
        "cluster type trial_hedgehog-fabric",
        "tag trial_hedgehog-sync",
    )
    for _ in setup.apply(admin, items):
        pass
    yield items
    for _ in setup.remove(admin, items):
        pass


def select(items: list[Item], *names: str) -> list[Item]:
    selected = [item for item in items if str(item) in names]
    assert len(selected) == len(names)
    return selected


def find_row(netbox: NetBox, path: str, name: str) -> Row:
    return next(row for row in netbox.list_rows(path, name=name) if row["name"] == name)


@pytest.fixture
def restored_link(admin: NetBox, stack: Stack) -> Iterator[None]:
    """Restore the link to the stack's own Temporal, which other tests follow."""
    yield
    for _ in setup.apply(admin, [workflow_link_item(stack.temporal.ui_url, "default")]):
        pass


@pytest.mark.usefixtures("restored_link")
def test_second_run_changes_nothing(admin: NetBox) -> None:
    items = setup.all_items(WEB_UI, "default")
    for _ in setup.apply(admin, items):
        pass
    assert setup.plan(setup.Rows(admin), items) == []
    assert list(setup.apply(admin, items)) == []


def test_plan_apply_and_remove_agree(admin: NetBox) -> None:
    items = renamed_items("temporary")
    rows = setup.Rows(admin)
    before, planned = counts(rows, items), setup.plan(rows, items)
    assert [change.action for change in planned] == [Action.CREATE] * len(items)
    assert list(setup.apply(admin, items)) == planned
    (user,) = (item for item in items if item.path == USER_ITEM.path)
    assert setup.issue_token(admin, user) is not None
    rows = setup.Rows(admin)
    assert setup.plan(rows, items) == []
    assert counts(rows, items)[TOKENS] == before[TOKENS] + 1

    removed = list(setup.remove(admin, items))
    assert [change.action for change in removed] == [Action.DELETE] * len(items)
    rows = setup.Rows(admin)
    assert counts(rows, items) == before
    assert setup.plan(rows, items) == planned
    assert list(setup.remove(admin, items)) == []


def counts(rows: setup.Rows, items: list[Item]) -> dict[str, int]:
    """Count the objects of each model that the set-up creates."""
    return {path: len(rows[path]) for path in (TOKENS, *(item.path for item in items))}


@pytest.mark.usefixtures("restored_link")
def test_other_web_ui_changes_only_link(admin: NetBox) -> None:
    for port in (2, 3):
        items = setup.all_items(f"http://127.0.0.1:{port}", "fabrics/eu")
        (change,) = setup.apply(admin, items)
        assert str(change) == "repair custom link Hedgehog sync in Temporal: link_url"
        link = find_row(admin, "extras/custom-links", "Hedgehog sync in Temporal")
        assert link["link_url"].startswith(
            f"http://127.0.0.1:{port}/namespaces/fabrics%2Feu/workflows/fabric-sync%2F"
        )


@pytest.mark.usefixtures("restored_link")
def test_link_stays_without_web_ui(admin: NetBox) -> None:
    (_,) = setup.apply(admin, [workflow_link_item("https://temporal.example.com", "default")])
    before = find_row(admin, "extras/custom-links", "Hedgehog sync in Temporal")
    (kept,) = setup.apply(admin, setup.all_items("", "default"))
    assert str(kept) == "keep custom link Hedgehog sync in Temporal: not as shipped: link_url"
    assert find_row(admin, "extras/custom-links", "Hedgehog sync in Temporal") == before
    assert [check.ok for check in structure_checks(admin)] == [True]
    admin.delete("extras/custom-links", before["id"])
    (created,) = setup.apply(admin, [workflow_link_item("", "default")])
    assert created.action is Action.CREATE
    new = find_row(admin, "extras/custom-links", "Hedgehog sync in Temporal")
    assert new["link_url"].startswith("http://localhost:8233/namespaces/default/workflows/")


def test_no_field_has_netbox_default(admin: NetBox) -> None:
    fields = [row for row in admin.list_rows(CUSTOM_FIELDS) if row["name"].startswith("hh_")]
    shipped = [item for item in setup.all_items(WEB_UI, "default") if item.path == CUSTOM_FIELDS]
    assert [row["default"] for row in fields] == [None] * len(shipped)
    assert not any(row["required"] for row in fields)


def test_foreign_clusters_stay_unchanged(
    admin: NetBox, foreign_cluster: Row, trial: list[Item]
) -> None:
    row = next(row for row in admin.list_rows(CLUSTERS_PATH, id=foreign_cluster["id"]))
    assert row["last_updated"] == foreign_cluster["last_updated"]
    assert set(row["custom_fields"].values()) == {None}


def test_changed_defaults_are_kept_and_reported(admin: NetBox, trial: list[Item]) -> None:
    items = select(trial, "custom field trial_hh_sync_interval")
    field = find_row(admin, CUSTOM_FIELDS, "trial_hh_sync_interval")
    admin.update(CUSTOM_FIELDS, field["id"], {"label": "Every", "weight": 7})
    (change,) = setup.apply(admin, items)
    assert change.action is Action.KEEP
    assert str(change) == (
        "keep custom field trial_hh_sync_interval: not as shipped: label, weight"
    )
    assert find_row(admin, CUSTOM_FIELDS, "trial_hh_sync_interval")["label"] == "Every"


@pytest.fixture
def upgraded(admin: NetBox) -> Iterator[list[Item]]:
    """Items of a release, in a NetBox with an earlier release's defaults."""
    release = {
        "custom field upgraded_hh_sync_interval": {
            "description": Default("Seconds between syncs.", ["Seconds", "Interval"]),
            "label": Default("Interval", ["Every"]),
        },
        "custom field upgraded_hh_paused": {
            "description": Default("Whether syncs wait. Empty: no.", ["Whether syncs wait."])
        },
        "custom field upgraded_hh_last_sync": {
            "description": Default("When the latest sync started.", ["When a sync started."]),
            "weight": Default(510, [250]),
        },
        "custom field choice set upgraded_Hedgehog sync status": {
            "choice_colors": Default({"error": "red"}, [{"error": "orange"}])
        },
        "saved filter upgraded_fabrics-in-error": {
            "parameters": Default({"name": ["b"]}, [{"name": ["a"]}]),
            "description": Default("Where a sync fails.", [""]),
        },
        "table config upgraded_Hedgehog fabrics": {"columns": Default(["name"], [["type"]])},
        "permission upgraded_Fabric Sync: records": {
            "constraints": Default({"name": "new"}, [{"name": "old"}])
        },
        "tag upgraded_hedgehog-sync": {"color": Default("00ff00", ["ff0000"])},
    }
    others = {"group upgraded_fabric-sync", "custom field upgraded_hh_commit"}
    items = [
        replace(item, defaults={**item.defaults, **release.get(str(item), {})})
        for item in renamed_items("upgraded")
        if str(item) in release.keys() | others or changed_defaults(item)
    ]
    assert len(items) >= len(release) + len(others)
    for _ in setup.apply(admin, [previous_release(item) for item in items]):
        pass
    yield items
    for _ in setup.remove(admin, items):
        pass


def previous_release(item: Item) -> Item:
    """Return the item with the defaults of the previous release."""
    then = {
        name: (*default.former_values, default.value)[0]
        for name, default in item.shipped_defaults.items()
    }
    return replace(item, defaults=then)


def changed_defaults(item: Item) -> str:
    """Return the names of the item's values that differed in earlier releases."""
    return ", ".join(
        name for name, default in item.shipped_defaults.items() if default.former_values
    )


def test_upgrade_replaces_unchanged_defaults(admin: NetBox, upgraded: list[Item]) -> None:
    planned = setup.plan(setup.Rows(admin), upgraded)
    assert list(setup.apply(admin, upgraded)) == planned
    changes = set(map(str, planned))
    assert changes == {
        f"upgrade {item}: {old}" for item in upgraded if (old := changed_defaults(item))
    }
    assert changes >= {
        "upgrade custom field upgraded_hh_sync_interval: label, description",
        "upgrade custom field choice set upgraded_Hedgehog sync status: choice_colors",
        "upgrade saved filter upgraded_fabrics-in-error: parameters, description",
        "upgrade table config upgraded_Hedgehog fabrics: columns",
        "upgrade permission upgraded_Fabric Sync: records: constraints",
        "upgrade tag upgraded_hedgehog-sync: color",
        "upgrade custom field upgraded_hh_paused: description",
        "upgrade custom field upgraded_hh_last_sync: description, weight",
    }
    saved = next(admin.list_rows("extras/saved-filters", slug="upgraded_fabrics-in-error"))
    assert saved["parameters"] == {"name": ["b"]}
    assert saved["description"] == "Where a sync fails."
    assert setup.plan(setup.Rows(admin), upgraded) == []


def test_upgrade_keeps_changed_defaults(admin: NetBox, upgraded: list[Item]) -> None:
    field = find_row(admin, CUSTOM_FIELDS, "upgraded_hh_sync_interval")
    admin.update(CUSTOM_FIELDS, field["id"], {"label": "Pause between syncs", "weight": 7})
    tag = next(admin.list_rows("extras/tags", slug="upgraded_hedgehog-sync"))
    admin.update("extras/tags", tag["id"], {"color": "0000ff"})
    kept = [
        "keep custom field upgraded_hh_sync_interval: not as shipped: label, weight",
        "keep tag upgraded_hedgehog-sync: not as shipped: color",
    ]
    changes = list(map(str, setup.apply(admin, upgraded)))
    assert "upgrade custom field upgraded_hh_sync_interval: description" in changes
    assert [change for change in changes if not change.startswith("upgrade")] == kept
    field = find_row(admin, CUSTOM_FIELDS, "upgraded_hh_sync_interval")
    assert field["label"] == "Pause between syncs"
    assert field["description"] == "Seconds between syncs."
    assert list(map(str, setup.apply(admin, upgraded))) == kept


def test_needed_values_are_repaired(admin: NetBox, trial: list[Item]) -> None:
    items = select(trial, "custom field trial_hh_fabric_id")
    field = find_row(admin, CUSTOM_FIELDS, "trial_hh_fabric_id")
    more = {"filter_logic": "loose", "object_types": ["dcim.device"], "required": True}
    admin.update(CUSTOM_FIELDS, field["id"], more)
    (change,) = setup.apply(admin, items)
    assert change.action is Action.REPAIR
    field = find_row(admin, CUSTOM_FIELDS, "trial_hh_fabric_id")
    assert field["filter_logic"]["value"] == "exact"
    assert sorted(field["object_types"]) == ["dcim.device", CLUSTER_OBJECT_TYPE]
    assert field["required"] is False
    assert setup.plan(setup.Rows(admin), items) == []


def test_added_and_renamed_choices_stay(admin: NetBox, trial: list[Item]) -> None:
    name = "trial_Hedgehog sync status"
    items = select(trial, f"custom field choice set {name}")
    choices = find_row(admin, CHOICE_SETS, name)
    in_german = [
        [value, "Fehler" if value == "error" else label]
        for value, label in choices["extra_choices"]
        if value != "paused"
    ]
    changed = [*in_german, ["on_holiday", "On holiday"]]
    colours = {k: v for k, v in choices["choice_colors"].items() if k != "paused"}
    more = {"extra_choices": changed, "choice_colors": colours}
    admin.update(CHOICE_SETS, choices["id"], more)
    actions = [change.action for change in setup.apply(admin, items)]
    assert actions == [Action.REPAIR, Action.KEEP]
    after = find_row(admin, CHOICE_SETS, name)["extra_choices"]
    assert after == [*changed, ["paused", "Paused"]]


def test_field_of_other_type_is_conflict(admin: NetBox, trial: list[Item]) -> None:
    field = find_row(admin, CUSTOM_FIELDS, "trial_hh_commit")
    admin.delete(CUSTOM_FIELDS, field["id"])
    other = {"name": "trial_hh_commit", "type": "integer", "object_types": [CLUSTER_OBJECT_TYPE]}
    admin.create(CUSTOM_FIELDS, other)
    items = select(trial, "custom field trial_hh_commit")
    conflict, *_ = setup.apply(admin, items)
    (kept,) = setup.remove(admin, items)
    assert [conflict.action, kept.action] == [Action.CONFLICT, Action.KEEP]
    for change in (conflict, kept):
        assert "its type is integer, not text" in str(change)
    assert find_row(admin, CUSTOM_FIELDS, "trial_hh_commit")["type"]["value"] == "integer"


def test_items_in_use_are_not_removed(admin: NetBox, trial: list[Item]) -> None:
    """While the tag is in use, the fields that mark ownership stay too."""
    names = (
        "cluster type trial_hedgehog-fabric",
        "tag trial_hedgehog-sync",
        "custom field trial_hh_key",
        "custom field trial_hh_fabric",
    )
    items = select(trial, *names)
    type_ = next(admin.list_rows("virtualization/cluster-types", slug="trial_hedgehog-fabric"))
    tag = next(admin.list_rows("extras/tags", slug="trial_hedgehog-sync"))
    user = {"name": "Trial user", "type": type_["id"], "tags": [tag["id"]]}
    cluster = admin.create(CLUSTERS_PATH, user)
    try:
        kept = list(setup.remove(admin, items))
    finally:
        admin.delete(CLUSTERS_PATH, cluster["id"])
    assert {change.action for change in kept} == {Action.KEEP}
    assert {change.what for change in kept} == set(names)
    assert [change.why for change in kept if "field" in change.what] == [
        "it identifies objects with the tag trial_hedgehog-sync (1)"
    ] * 2
    assert setup.plan(setup.Rows(admin), items) == []


def test_token_is_shown_once(admin: NetBox, constrained_token: str) -> None:
    assert constrained_token.startswith("nbt_")
    assert setup.issue_token(admin) is None


def test_setup_needs_administrator(netbox: NetBox) -> None:
    with pytest.raises(PermanentError, match="does not allow this user to"):
        list(setup.apply(netbox, renamed_items("refused")))
