"""Rules that `accept` drafts: each is for a difference that there is."""

from datetime import date

import pytest

from cli.errors import CommandError
from cli.fabrics.accepted_rule import draft_rule
from fabrics.drift.diff_report import AcceptedSummary, DiffReport
from fabrics.drift.summary import SummaryEntry, SummaryField

FIELD = SummaryField("spec.subnets.a.vlan", "1001", "1002")
VPC = SummaryEntry("VPC", "default", "web", "changed", (FIELD,))
SERVER = SummaryEntry("Server", "default", "web", "extra")
OTHER = SummaryEntry("VPC", "other", "db", "missing")
REPORT = DiffReport(drift_count=3, entries=(VPC, SERVER, OTHER))


def draft(object_ref: str, path: str = "", until: date | None = None) -> list[str]:
    return draft_rule(REPORT, object_ref, path, 'until "Monday"', until).splitlines()


def test_rule_for_a_field() -> None:
    assert draft("VPC/default/web", "spec.subnets", date(2027, 3, 31)) == [
        "[[accept]]",
        'kind = "VPC"',
        'name = "web"',
        'path = "spec.subnets"',
        r'reason = "until \"Monday\""',
        "until = 2027-03-31",
    ]


def test_rule_for_an_object_says_its_change_and_its_namespace() -> None:
    assert draft("Server/web")[1:4] == ['kind = "Server"', 'name = "web"', 'change = "extra"']
    assert draft("db")[1:5] == [
        'kind = "VPC"',
        'namespace = "other"',
        'name = "db"',
        'change = "missing"',
    ]


@pytest.mark.parametrize(
    ("object_ref", "path", "sentence"),
    [
        ("web", "", "web may be VPC/default/web, Server/default/web: name one of them."),
        ("VPC/none", "", "VPC/none does not differ from Git"),
        ("VPC/web", "spec.mode", "VPC/default/web does not differ at spec.mode, but at spec.sub"),
        ("db", "spec", "an object that is missing differs as a whole"),
    ],
)
def test_rule_for_nothing_is_refused(object_ref: str, path: str, sentence: str) -> None:
    with pytest.raises(CommandError) as caught:
        draft(object_ref, path)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("name", ["*", "a[b]", "leaf-?"])
def test_name_that_would_be_a_pattern_is_refused(name: str) -> None:
    report = DiffReport(drift_count=1, entries=(SummaryEntry("VPC", "default", name, "missing"),))
    with pytest.raises(CommandError, match="has a sign of patterns in its name"):
        draft_rule(report, f"VPC/{name}", "", "known", None)


def test_what_cannot_be_a_rule_is_refused() -> None:
    with pytest.raises(CommandError, match="reason: String should have at most 200 characters"):
        draft_rule(REPORT, "db", "", "r" * 201, None)
    with pytest.raises(CommandError, match="Git does not answer"):
        draft_rule(DiffReport(error="Git does not answer."), "db", "", "r", None)


def test_difference_that_is_accepted_or_not_listed_is_named() -> None:
    accepted = AcceptedSummary(entry=VPC, reason="r", rule=".fabric-sync.toml:3")
    with pytest.raises(CommandError, match=r"accepted already, by \.fabric-sync\.toml:3"):
        draft_rule(DiffReport(accepted=(accepted,), accepted_count=1), "web", "", "r", None)
    with pytest.raises(CommandError, match="not among the first 1 differences"):
        draft_rule(DiffReport(drift_count=3, entries=(VPC,), left_out=2), "Server/a", "", "r", None)
