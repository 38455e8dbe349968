"""The judgement of a drift by rules: what they accept, and nothing else."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrics.drift.acceptance.judge import NOTICE_PERIOD, accept
from fabrics.drift.acceptance.rules import AcceptRule, AcceptRules, parse_rules
from fabrics.drift.compare import find_drift
from fabrics.drift.model import Drift, DriftEntry, DriftType, FieldDrift
from fabrics.resources.kinds import get_kind
from fabrics.resources.resource import ResourceKey, SourceLocation
from tests.support.fabrics.objects import desired, live, live_state, manifest

TODAY = date(2027, 3, 1)
VPC, SERVER = get_kind("VPC"), get_kind("Server")


def rules(*tables: str) -> AcceptRules:
    """Return the rules of tables without mistakes, each with a reason."""
    text = "".join(f'[[accept]]\nreason = "r"\n{table}\n' for table in tables)
    parsed = parse_rules("rules.toml", text.encode())
    assert parsed.problems == ()
    return parsed


def changed(name: str, *paths: str, namespace: str = "default") -> DriftEntry:
    fields = tuple(FieldDrift(path, 1, 2) for path in paths)
    return DriftEntry(ResourceKey(VPC, namespace, name), DriftType.CHANGED, fields)


def whole(name: str, change: DriftType) -> DriftEntry:
    return DriftEntry(ResourceKey(VPC, "default", name), change)


def left(drift: Drift) -> list[str]:
    """Return what still counts, one text a difference."""
    return [
        f"{entry.key.name} {path}"
        for entry in drift.entries
        for path in ([field.path for field in entry.fields] or [entry.change.value])
    ]


def accepted(drift: Drift) -> list[str]:
    """Return what does not count, one text a difference."""
    return left(Drift(entries=tuple(item.entry for item in drift.accepted)))


def test_without_rules_the_drift_stays_the_same_object() -> None:
    drift = Drift(entries=(changed("a", "spec.mode"),))
    assert accept(drift, AcceptRules(), TODAY) is drift


def test_fields_at_and_below_the_path_are_accepted() -> None:
    paths = (
        "spec.subnets",
        "spec.subnets.a.vlan",
        "spec.subnets[0]",
        'spec.subnets["a.b"]',
        "spec.subnetsOther",
        "spec.mode",
        "spec",
    )
    drift = Drift(entries=(changed("a", *paths),))
    judged = accept(drift, rules('kind = "VPC"\nname = "a"\npath = "spec.subnets"'), TODAY)
    assert accepted(judged) == [f"a {path}" for path in paths[:4]]
    assert left(judged) == [f"a {path}" for path in paths[4:]]


def test_rule_without_a_path_accepts_all_fields_of_its_objects() -> None:
    drift = Drift(entries=(changed("a", "spec.mode", "spec.vlan"), changed("b", "spec.mode")))
    judged = accept(drift, rules('kind = "VPC"\nname = "a"'), TODAY)
    assert (accepted(judged), left(judged)) == (["a spec.mode", "a spec.vlan"], ["b spec.mode"])


@pytest.mark.parametrize("change", [DriftType.MISSING, DriftType.EXTRA])
def test_missing_and_extra_objects_are_accepted_only_by_rules_that_say_so(
    change: DriftType,
) -> None:
    drift = Drift(entries=(whole("a", change),))
    silent = accept(drift, rules('kind = "*"\nname = "*"\nnamespace = "*"'), TODAY)
    assert (left(silent), accepted(silent)) == ([f"a {change}"], [])
    said = rules(f'kind = "VPC"\nname = "a"\nchange = "{change}"')
    assert accepted(accept(drift, said, TODAY)) == [f"a {change}"]


def test_rules_are_about_the_default_namespace_unless_they_name_another() -> None:
    drift = Drift(entries=(changed("a", "spec.mode", namespace="other"),))
    assert left(accept(drift, rules('kind = "VPC"\nname = "a"'), TODAY)) == ["a spec.mode"]
    named = rules('kind = "VPC"\nname = "a"\nnamespace = "oth*"')
    assert left(accept(drift, named, TODAY)) == []


def test_first_rule_in_force_counts() -> None:
    drift = Drift(entries=(changed("a", "spec.mode"),))
    ruled = rules(
        f'kind = "VPC"\nname = "a"\nuntil = {TODAY - timedelta(days=1)}',
        'kind = "VPC"\nname = "*"',
        'kind = "*"\nname = "a"',
    )
    [item] = accept(drift, ruled, TODAY).accepted
    assert item.rule is ruled.rules[1]


def test_rule_holds_until_the_end_of_its_last_day_and_ends_by_itself() -> None:
    drift = Drift(entries=(changed("a", "spec.mode"),))
    ruled = rules(f'kind = "VPC"\nname = "a"\nuntil = {TODAY}')
    seen = {
        days: (len(judged.entries), *judged.rule_notices)
        for days in (-8, -7, 0, 1)
        if (judged := accept(drift, ruled, TODAY + timedelta(days=days)))
    }
    soon = "rules.toml:1: accepted until 2027-03-01; then these differences count again."
    assert seen[-8] == (0,)
    assert seen[-7] == seen[0] == (0, soon)
    count, expired = seen[1]
    assert count == 1
    assert str(expired).startswith("rules.toml:1: accepted until 2027-03-01, so these differences")


def test_rule_without_an_end_on_the_calendar_never_ends() -> None:
    ruled = rules(f'kind = "VPC"\nname = "a"\nuntil = {date.max}')
    judged = accept(Drift(entries=(changed("a", "spec.mode"),)), ruled, date.max - NOTICE_PERIOD)
    assert (judged.entries, len(judged.rule_notices)) == ((), 1)


def test_rule_that_matches_nothing_is_said() -> None:
    drift = Drift(entries=(changed("a", "spec.mode"),))
    ruled = rules(
        'kind = "VPC"\nname = "a"', 'kind = "VPC"\nname = "b"', 'kind = "Vpc"\nname = "a"'
    )
    assert accept(drift, ruled, TODAY).rule_notices == (
        "rules.toml:5: this rule matches no difference of this fabric; remove it.",
        "rules.toml:9: this rule matches no difference of this fabric; remove it.",
    )


def test_rule_on_what_was_not_read_is_not_said_to_match_nothing() -> None:
    ruled = rules('kind = "Serv*"\nname = "a"')
    for drift in (
        Drift(unread_kinds=(SERVER,)),
        Drift(incomplete_kinds=(SERVER,)),
        Drift(unserved_kinds=(SERVER,)),
    ):
        assert accept(drift, ruled, TODAY).rule_notices == ()
    assert len(accept(Drift(unread_kinds=(VPC,)), ruled, TODAY).rule_notices) == 1


def test_malformed_rules_are_said_after_those_that_end() -> None:
    text = f'[[accept]]\n[[accept]]\nkind = "VPC"\nname = "a"\nreason = "r"\nuntil = {TODAY}\n'
    judged = accept(
        Drift(entries=(changed("a", "spec.mode"),)), parse_rules("r", text.encode()), TODAY
    )
    assert [notice.split(":")[1] for notice in judged.rule_notices] == ["2", "1"]


def test_real_drift_is_judged() -> None:
    state = desired(
        manifest("Server", "a", "{description: x}"),
        manifest("Server", "b"),
        manifest("Server", "c", "{description: x}"),
    )
    fabric = live_state(
        live("Server", "a"), live("Server", "c", {"profile": "p"}), live("Server", "d")
    )
    ruled = rules(
        'kind = "Server"\nname = "?"\npath = "spec.description"',
        'kind = "Server"\nname = "d"\nchange = "extra"',
    )
    judged = accept(find_drift(state, fabric), ruled, TODAY)
    assert left(judged) == ["b missing", "c spec.profile"]
    assert accepted(judged) == ["a spec.description", "c spec.description", "d extra"]
    assert judged.rule_notices == ()


# -- properties ---------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "ab", "leaf-01", "leaf-02"])
PATHS = st.sampled_from(
    ["spec", "spec.a", "spec.a.b", "spec.ab", "spec.a[0]", 'metadata.labels["a.b/c"]', "spec.b"]
)
ENTRIES = st.builds(
    lambda kind, name, change, paths: DriftEntry(
        ResourceKey(kind, "default", name),
        change,
        tuple(FieldDrift(path, 1, 2) for path in paths) if change is DriftType.CHANGED else (),
    ),
    st.sampled_from([VPC, SERVER]),
    NAMES,
    st.sampled_from(DriftType),
    st.lists(PATHS, min_size=1, max_size=4, unique=True),
)
DRIFTS = st.lists(ENTRIES, max_size=8, unique_by=lambda entry: entry.key).map(
    lambda entries: Drift(entries=tuple(entries))
)
DAYS = st.none() | st.integers(-9, 9).map(lambda days: TODAY + timedelta(days=days))


def _build_rules(tables: list[dict[str, str | date | None]]) -> AcceptRules:
    return AcceptRules(
        tuple(
            AcceptRule.model_validate(
                {"location": SourceLocation("r", line), "reason": "r", **table}
            )
            for line, table in enumerate(tables, 1)
            if table["change"] == "changed" or not table["path"]
        )
    )


RULES = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["VPC", "Server", "*", "V??", "vpc"]),
            "name": NAMES | st.sampled_from(["*", "leaf-*", "[ab]", "leaf-0?"]),
            "change": st.sampled_from(["changed", "missing", "extra"]),
            "path": st.just("") | PATHS,
            "until": DAYS,
        }
    ),
    max_size=5,
).map(_build_rules)


def differences(drift: Drift) -> Counter[tuple[ResourceKey, str, str]]:
    """Return every difference once: object, change, and path or empty text."""
    return Counter(
        (entry.key, entry.change.value, path)
        for entry in drift.entries
        for path in ([field.path for field in entry.fields] or [""])
    )


def may_be_hidden(difference: tuple[ResourceKey, str, str], rule: AcceptRule, today: date) -> bool:
    """Say the same as the rules, in other words."""
    key, change, path = difference
    below = path == rule.path or path.startswith((rule.path + ".", rule.path + "["))
    return (
        change == rule.change
        and fnmatchcase(f"{key.kind.name} {key.name}", f"{rule.kind} {rule.name}")
        and key.namespace == rule.namespace
        and (not rule.path or below)
        and (rule.until is None or rule.until >= today)
    )


@given(DRIFTS, RULES)
def test_rules_hide_what_they_say_and_never_anything_else(drift: Drift, ruled: AcceptRules) -> None:
    judged = accept(drift, ruled, TODAY)
    hidden = differences(Drift(entries=tuple(item.entry for item in judged.accepted)))
    assert differences(judged) + hidden == differences(drift)
    for difference in differences(drift):
        expected = any(may_be_hidden(difference, rule, TODAY) for rule in ruled.rules)
        assert (difference in hidden) == expected, difference


@given(DRIFTS, RULES)
def test_all_else_of_a_drift_stays_as_it_is(drift: Drift, ruled: AcceptRules) -> None:
    judged = accept(drift, ruled, TODAY)
    same = replace(
        judged, entries=drift.entries, accepted=drift.accepted, rule_notices=drift.rule_notices
    )
    assert same == drift
    assert all(entry.fields or entry.change is not DriftType.CHANGED for entry in judged.entries)
    keys = [entry.key for entry in drift.entries]
    assert [keys.index(entry.key) for entry in judged.entries] == sorted(
        keys.index(entry.key) for entry in judged.entries
    )


@given(DRIFTS, RULES)
def test_every_rule_that_hides_nothing_is_said(drift: Drift, ruled: AcceptRules) -> None:
    judged = accept(drift, ruled, TODAY)
    working = {item.rule.location.line for item in judged.accepted}
    said = {int(notice.split(":")[1]) for notice in judged.rule_notices}
    met = {
        rule.location.line
        for rule in ruled.rules
        if any(may_be_hidden(item, rule, date.min) for item in differences(drift))
    }
    everything = {rule.location.line for rule in ruled.rules}
    assert everything - met <= said
    assert working <= met
