"""The report on a record's page: what drifted, since when, and by whom."""

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from fabrics.drift.markdown import MAX_BYTES, render_drift_report
from fabrics.drift.model import Author
from fabrics.drift.summary import SummaryEntry, SummaryField

FOUND = datetime(2026, 11, 24, 14, 5, tzinfo=UTC)
EDITED = datetime(2026, 11, 24, 14, 2, 30, tzinfo=UTC)
KUBECTL, JANE = Author("kubectl-edit", EDITED), Author("Jane Doe", EDITED)


def test_each_field_has_a_line_with_its_manager() -> None:
    fields = (
        SummaryField("spec.mode", '"l2vni"', '"l3vni"', KUBECTL),
        SummaryField("spec.vlan", "1001", None),
    )
    entry = SummaryEntry("VPC", "default", "prod", "changed", fields, 3, FOUND, None, JANE)
    assert render_drift_report([entry], 1, "oslo").splitlines()[:-2] == [
        "**changed: VPC prod**, since 2026-11-24 14:05 UTC",
        ':   Field spec.mode: in Git "l2vni", live "l3vni";'
        " by whom: kubectl-edit, 2026-11-24 14:02 UTC",
        ":   Field spec.vlan: in Git 1001, live absent; by whom: unknown",
        ":   And 3 more fields",
        ":   Last commit: Jane Doe, 2026-11-24 14:02 UTC",
    ]


def test_object_on_one_side_has_one_line_and_what_is_unknown_is_called_so() -> None:
    missing = SummaryEntry("Server", "lab", "s-1", "missing")
    extra = SummaryEntry("Server", "default", "s-2", "extra", changed_by=KUBECTL)
    assert render_drift_report([missing, extra], 2, "oslo").split("\n\n")[:-1] == [
        "**missing: Server lab/s-1**, since unknown\n"
        ":   Object: in Git present, live absent; by whom: unknown",
        "**extra: Server s-2**, since unknown\n"
        ":   Object: in Git absent, live present; by whom: kubectl-edit, 2026-11-24 14:02 UTC",
    ]


def test_report_says_how_many_objects_it_leaves_out() -> None:
    entry = SummaryEntry("Server", "default", "s-1", "extra")
    assert render_drift_report([], 0, "oslo") == ""
    assert render_drift_report([entry], 1, "oslo").endswith(
        "\n\n`starter.py diff oslo` shows all differences."
    )
    assert "\n\nAnd 41 more objects. `starter.py" in render_drift_report([entry], 42, "oslo")


def test_long_report_is_cut_after_a_whole_object() -> None:
    fields = (SummaryField("spec.description", '"a"', '"b"', KUBECTL),) * 3
    entries = [
        SummaryEntry("Server", "default", f"server-{number:02}", "changed", fields, 0, FOUND)
        for number in range(20)
    ]
    report = render_drift_report(entries, 20, "oslo")
    assert MAX_BYTES - 800 < len(report.encode()) <= MAX_BYTES
    shown = report.count("**changed: ")
    assert report.count(":   Field spec.description") == 3 * shown
    assert f"And {20 - shown} more objects." in report


def test_what_rules_accept_is_apart_from_the_list() -> None:
    entry = SummaryEntry("Server", "default", "s-1", "extra")
    accepted = r"**Accepted differences:** VPC a: spec.x (\!\[\](http://x))"
    words = "VPC a: spec.x (![](http://x))"
    listed = render_drift_report([entry], 1, "oslo")
    assert render_drift_report([entry], 1, "oslo", words) == f"{listed}\n\n{accepted}"
    assert render_drift_report([], 0, "oslo", words) == accepted


HOSTILE = st.text(alphabet="![](){}<>|`*_#~&\\\n\u2028aé:- ", max_size=20)
FIELDS = st.builds(
    SummaryField,
    HOSTILE,
    st.none() | HOSTILE,
    st.none() | HOSTILE,
    st.none() | st.builds(Author, HOSTILE, st.just(EDITED)),
)
ENTRIES = st.builds(
    SummaryEntry,
    HOSTILE,
    HOSTILE,
    HOSTILE,
    HOSTILE,
    st.lists(FIELDS, max_size=5).map(tuple),
    st.integers(0, 2),
)


@given(st.lists(ENTRIES, min_size=1, max_size=20), st.integers(0, 500))
def test_words_of_others_add_no_line_and_no_markup(
    entries: list[SummaryEntry], accepted_chars: int
) -> None:
    whole = render_drift_report(entries, len(entries), "oslo", "~" * accepted_chars)
    assert len(whole.encode()) <= MAX_BYTES
    assert "<" not in whole
    report = whole.partition("\n\n**Accepted differences:**")[0]
    *blocks, ending = report.split("\n\n")
    for block, entry in zip(blocks, entries, strict=False):
        term, *definitions = block.split("\n")
        assert re.fullmatch(r"\*\*.*\*\*, since unknown", term)
        assert len(definitions) == max(1, len(entry.fields)) + bool(entry.more_fields)
        assert all(re.match(r":   (Field |Object: |And \d)", line) for line in definitions)
        plain = re.sub(r"\\[\\`*_{}\[\]#!|]", "", block.replace("**", ""))
        assert not set(plain) & set("\\`*_{}[]!<>~|")
    assert ending.endswith("`starter.py diff oslo` shows all differences.")
