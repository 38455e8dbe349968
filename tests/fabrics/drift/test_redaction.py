"""Values that are not known: hidden in records, masked by name in `diff`."""

import pytest

from fabrics.drift.diff_report import build_diff_report
from fabrics.drift.model import FieldDrift
from fabrics.drift.redaction import hide_unknown_values, mask_secrets
from fabrics.drift.summary import summarize
from fabrics.resources.json_types import Json
from tests.support.fabrics.objects import compared, desired


@pytest.mark.parametrize(
    "path",
    [
        "spec.adminPassword",
        "spec.SECRET",
        "spec.tokens[0]",
        "spec.auth.apiKey",
        "spec.users.root.passwdHash",
        "spec.secretStore.url",
        "spec.bgp.psk",
        "spec.gitCredentials",
        "spec.snmp.Community",
        "spec.macsec.passPhrase",
        'metadata.annotations["x.io/token"]',
    ],
)
def test_values_at_paths_of_secrets_are_masked(path: str) -> None:
    field = mask_secrets(FieldDrift(path, "swordfish", None, is_known=False))
    assert (field.desired, field.live) == ("(masked)", None)


def test_values_at_other_paths_are_shown() -> None:
    field = FieldDrift("spec.communities.passive", "65000:100", None, is_known=False)
    assert mask_secrets(field) == field


def test_values_of_nested_secrets_are_masked() -> None:
    value: Json = {
        "name": "a",
        "users": [{"name": "b", "passwordHash": "c"}, "d"],
        "Tokens": ["e", {"f": "g"}],
        "none": {"keyRing": {"h": "i"}},
    }
    masked = mask_secrets(FieldDrift("spec.auth", value, value, is_known=False))
    expected: Json = {
        "name": "a",
        "users": [{"name": "b", "passwordHash": "(masked)"}, "d"],
        "Tokens": "(masked)",
        "none": {"keyRing": "(masked)"},
    }
    assert (masked.desired, masked.live) == (expected, expected)


def test_known_values_are_always_shown() -> None:
    field = FieldDrift("spec.key", "x", "y")
    assert mask_secrets(field) is field
    assert hide_unknown_values(field) is field


def test_hidden_value_differs_from_absent_one() -> None:
    field = hide_unknown_values(FieldDrift("spec.x", {"a": 1}, None, is_known=False))
    assert (field.desired, field.live) == ("(not shown)", None)


@pytest.mark.parametrize(
    ("kind", "git", "cluster"),
    [
        ("Server", "{rack: {pin: swordfish}}", {}),
        ("Server", "{rack: 1}", {"rack": {"pin": "swordfish"}}),
        ("Server", "{profile: x}", {"profile": {"pin": "swordfish"}}),
        ("Gateway", "{interfaces: {a: {}}}", {"interfaces": {"a": {}, "b": {"pin": "swordfish"}}}),
        ("GatewayPeering", "{}", {"acl": {"rules": [{"name": "a", "pin": "swordfish"}]}}),
        ("VLANNamespace", "{}", {"ranges": [{"from": 1, "to": 2, "pin": "swordfish"}]}),
        (
            "ExternalAttachment",
            "{}",
            {"inboundACL": {"statements": []}, "bfd": {"pin": "swordfish"}},
        ),
    ],
)
def test_unknown_values_inside_known_fields_stay_out_of_records(
    kind: str, git: str, cluster: Json
) -> None:
    drift = compared(kind, git, cluster)
    assert drift.entries
    assert "swordfish" not in str(summarize(drift))
    assert "swordfish" in str(build_diff_report(desired(), drift))


def test_names_inside_unknown_fields_stay_out_of_records() -> None:
    git = "{rack: {swordfish: 1, tokens: {swordfish: 2}}, shelf: 3}"
    drift = compared("Server", git, {"rack": {}, "shelf": 4})
    (entry,) = summarize(drift).entries
    hidden = '"(not shown)"'
    assert [(field.path, field.desired, field.live) for field in entry.fields] == [
        ("spec.rack", hidden, None),
        ("spec.shelf", hidden, hidden),
    ]
    assert entry.more_fields == 0
    (shown,) = build_diff_report(desired(), drift).entries
    assert [(field.path, field.desired) for field in shown.fields] == [
        ("spec.rack.swordfish", "1"),
        ("spec.rack.tokens", '"(masked)"'),
        ("spec.shelf", "3"),
    ]


def test_name_of_an_unknown_field_is_on_one_short_line() -> None:
    drift = compared("Server", f'{{"{"x" * 99}\\n{"y" * 99}": 1, "a\\nb": 1}}', {})
    (entry,) = summarize(drift).entries
    assert {len(field.path) for field in entry.fields} == {len('spec["a\\nb"]'), 80}
    assert all(field.path.isprintable() for field in entry.fields)
