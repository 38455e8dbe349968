"""Since when objects have drifted: known exactly, or not at all."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrics.drift.ages import (
    MAX_OBJECTS,
    DriftAges,
    DriftIds,
    decode_times,
    digest_ids,
    make_object_id,
)
from fabrics.drift.compare import find_drift
from fabrics.drift.model import Drift, ListOutcome
from fabrics.drift.summary import SummaryEntry, summarize
from fabrics.resources.kinds import Kind, get_kind
from fabrics.resources.manifests.files import build_desired_state, parse_manifests
from tests.support.fabrics.objects import desired, live, live_state, manifest

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RECORDED = 20
"""The objects that a record lists."""


def entry(name: str, kind: str = "VPC") -> SummaryEntry:
    """Return the entry of an object that is only in Git."""
    return SummaryEntry(kind, "default", name, "missing")


def find(names: Iterable[str], *, kind: str = "VPC", unjudged: tuple[str, ...] = ()) -> DriftIds:
    """Return what a comparison says in which these objects have drifted."""
    keys = [entry(name, kind).key for name in names]
    return DriftIds(
        ids="".join(map(make_object_id, keys)),
        count=len(keys),
        unjudged="".join(make_object_id(f"{name}/")[:2] for name in unjudged),
    )


def since(ages: DriftAges, *names: str, kind: str = "VPC") -> list[datetime | None]:
    return [dated.since for dated in ages.date_entries(entry(name, kind) for name in names)]


def after(*syncs: DriftIds, ages: DriftAges | None = None) -> DriftAges:
    """Return the ages after these syncs, a minute apart."""
    ages = ages or DriftAges()
    for number, drifted in enumerate(syncs):
        ages = ages.after_sync(drifted, START + number * MINUTE)
    return ages


def test_object_keeps_the_time_of_the_sync_that_first_found_it() -> None:
    ages = after(find("a"), find("ab"), find("b"))
    assert since(ages, "b", "a") == [START + MINUTE, None]


def test_object_that_was_in_sync_meanwhile_has_drifted_since_then_only() -> None:
    assert since(after(find("a"), find(""), find("a")), "a") == [START + 2 * MINUTE]


def test_object_has_lasted_once_two_syncs_have_found_it() -> None:
    once, twice = after(find("a")), after(find("a"), find("ab"))
    assert once.lasting == {}
    assert list(decode_times(twice.lasting)) == [make_object_id(entry("a").key)]
    assert digest_ids(once.lasting) == ""
    assert digest_ids(twice.lasting) == digest_ids(after(find("a"), find("a")).lasting) != ""


def test_file_that_is_renamed_changes_no_time() -> None:
    document = manifest("VPC", "a").encode()
    drifts = (
        find_drift(
            build_desired_state([parse_manifests(path, document)]), live_state(served=("VPC",))
        )
        for path in ("vpcs/a.yaml", "all.yaml")
    )
    ages = after(*map(DriftIds.from_drift, drifts))
    assert since(ages, "a") == [START]


def test_object_that_could_not_be_judged_keeps_its_time() -> None:
    ages = after(find("a"), find("", unjudged=("VPC",)), find("a"))
    assert since(ages, "a") == [START]
    other_kind = after(find("a"), find("", unjudged=("Switch",)), find("a"))
    assert since(other_kind, "a") == [START + 2 * MINUTE]


def test_kinds_that_were_not_compared_are_told() -> None:
    gizmo = Kind("wiring.githedgehog.com", "Gizmo", "", "")
    drift = Drift(
        incomplete_kinds=(get_kind("VPC"),),
        unread_kinds=(get_kind("Switch"),),
        unknown_kinds={gizmo: ListOutcome.FORBIDDEN},
    )
    told = DriftIds.from_drift(drift)
    assert told == find("", unjudged=("Gizmo", "Switch", "VPC"))


@pytest.mark.parametrize("drift_count", [3, 20])
def test_times_of_a_record_count_and_what_it_does_not_list_is_unknown(drift_count: int) -> None:
    ages = after(find("ab"))
    listed = ages.date_entries([entry("a"), entry("b"), entry("old")])
    fresh = DriftAges.from_entries(listed, drift_count)
    later = fresh.after_sync(find(["a", "b", "old", "new"]), START + MINUTE)
    expected_new = START + MINUTE if drift_count == 3 else None
    assert since(later, "a", "b", "old", "new") == [START, START, None, expected_new]


@pytest.mark.parametrize("time", ["2026-03-01T12:00:00", "0001-01-01T00:00:00+01:00"])
def test_time_that_no_sync_wrote_is_unknown(time: str) -> None:
    """People may edit the record."""
    edited = entry("a").found_at(datetime.fromisoformat(time))
    assert since(DriftAges.from_entries([edited], 1), "a") == [None]


def test_drift_of_more_objects_than_are_kept_makes_later_ones_unknown() -> None:
    names = [f"v{number:04}" for number in range(MAX_OBJECTS + 5)]
    told = find(names[:MAX_OBJECTS]).model_copy(update={"count": len(names)})
    ages = after(told, told)
    assert since(ages, names[0], names[-1]) == [START, None]
    assert len("".join(ages.found.values())) == MAX_OBJECTS * 8
    some = after(find(names[-3:]), ages=ages)
    assert since(some, names[-1]) == [None]
    assert since(after(find([*names[-3:], "new"]), ages=some), "new") == [START]


def test_ids_are_those_of_the_names_that_a_summary_shows() -> None:
    hostile = "a\n- forged" + "x" * 1_000
    state = live_state(live("Server", hostile), live("Server", "b"))
    drift = find_drift(desired(manifest("Server", "c")), state)
    ages = after(DriftIds.from_drift(drift))
    dated = ages.date_entries(summarize(drift).entries)
    assert [found.since for found in dated] == [START] * 3


NAMES = [f"vpc-{number}" for number in range(30)]
SYNCS = st.lists(
    st.tuples(
        st.sets(st.sampled_from(NAMES)),
        st.sampled_from(["go on", "restart", "lose the loop"]),
    ),
    max_size=12,
)


def truth(history: Sequence[frozenset[str]]) -> Mapping[str, datetime]:
    """Return since when the objects of the last sync have drifted without a break."""
    times: dict[str, datetime] = {}
    for number, names in enumerate(history):
        times = {name: times.get(name, START + number * MINUTE) for name in names}
    return times


@given(SYNCS)
def test_times_are_true_or_unknown_whatever_happens_between_syncs(
    syncs: list[tuple[set[str], str]],
) -> None:
    ages, history, was_lost = DriftAges(), list[frozenset[str]](), False
    for names, event in syncs:
        ages = ages.after_sync(find(sorted(names)), START + len(history) * MINUTE)
        history.append(frozenset(names))
        shown = ages.date_entries(entry(name) for name in sorted(names))
        expected = truth(history)
        for dated in shown:
            assert dated.since in {expected[dated.name], None}
            assert was_lost or dated.since is not None
        if event == "restart":
            ages = DriftAges.model_validate_json(ages.model_dump_json())
        elif event == "lose the loop":
            was_lost = was_lost or len(names) > RECORDED
            ages = DriftAges.from_entries(shown[:RECORDED], len(names))
