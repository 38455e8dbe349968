"""What records say of accepted differences: short, and only known values."""

from datetime import date

from fabrics.drift.acceptance.judge import accept
from fabrics.drift.acceptance.rules import parse_rules
from fabrics.drift.acceptance.texts import (
    MAX_TEXT_CHARS,
    count_accepted,
    describe_accepted,
    describe_rule_notices,
)
from fabrics.drift.diff_report import MAX_REASON_CHARS, build_diff_report
from fabrics.drift.model import Drift, DriftEntry, DriftType, FieldDrift
from fabrics.drift.summary import ACCEPTED_LIMITS
from fabrics.resources.kinds import get_kind
from fabrics.resources.manifests.files import DesiredState
from fabrics.resources.resource import ResourceKey

RULE = '[[accept]]\nkind = "VPC"\nname = "*"\nreason = "%s"\nuntil = 2027-03-02\n'


def judged(names: list[str], *paths: str, reason: str = "a test") -> Drift:
    """Return a drift of VPCs of which one rule accepts everything."""
    fields = tuple(FieldDrift(path, 1, 2, is_known=False, known_path="spec.new") for path in paths)
    entries = tuple(
        DriftEntry(ResourceKey(get_kind("VPC"), "default", name), DriftType.CHANGED, fields)
        for name in names
    )
    rules = parse_rules("r.toml", (RULE % reason).encode())
    return accept(Drift(entries=entries), rules, date(2027, 3, 1))


def test_first_accepted_differences_are_named_with_their_reasons() -> None:
    assert describe_accepted(judged([])) == ""
    one = judged(["a"], "spec.new.token")
    assert (count_accepted(one), describe_accepted(one)) == (1, "VPC a: spec.new (a test)")
    many = judged([f"vpc-{number}" for number in range(9)], "spec.new")
    assert count_accepted(many) == 9
    assert describe_accepted(many).endswith("; and 4 more")


def test_texts_are_short_and_printable() -> None:
    names = [f"{'x' * 300}\x1b[2K{number}" for number in range(100)]
    drift = judged(names, "spec." + "y" * 900, reason="é" * 200)
    for text in (describe_accepted(drift), describe_rule_notices(drift)):
        assert text.isprintable()
        assert 0 < len(text) <= MAX_TEXT_CHARS


def test_first_notice_is_shown_and_the_others_counted() -> None:
    rules = parse_rules("r.toml", ((RULE % "r") + "[[accept]]\n" * 2).encode())
    drift = accept(Drift(), rules, date(2027, 3, 1))
    assert len(drift.rule_notices) == 3
    assert describe_rule_notices(drift).startswith("r.toml:6: not a rule: ")
    assert describe_rule_notices(drift).endswith(" (2 more)")
    assert describe_rule_notices(Drift()) == ""


def test_report_lists_what_is_accepted_apart_within_its_limits() -> None:
    drift = judged([f"vpc-{number}" for number in range(200)], "spec.new", reason="é" * 200)
    report = build_diff_report(DesiredState({}), drift)
    assert (report.drift_count, report.entries, report.exit_code) == (0, (), 0)
    assert report.accepted_count == 200
    assert 0 < len(report.accepted) <= ACCEPTED_LIMITS.entries
    first = report.accepted[0]
    assert (first.entry.name, first.rule, first.until) == ("vpc-0", "r.toml:1", date(2027, 3, 2))
    assert len(first.reason) == MAX_REASON_CHARS
    assert report.notices[0].startswith("r.toml:1: accepted until 2027-03-02; then ")
