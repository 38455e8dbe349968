"""Since when objects have drifted, in the state of a loop."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrics.drift.ages import DriftIds
from fabrics.drift.compare import find_drift
from fabrics.drift.model import Author
from fabrics.drift.summary import SummaryEntry, summarize
from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.loop import FabricLoop
from fabrics.loop.loop_settings import LoopSettings
from fabrics.loop.record_exchange import ShownStatus
from fabrics.record.config import FabricConfig, GitSource, KubernetesTarget
from fabrics.record.status_fields import build_status_fields, parse_last_known_state
from fabrics.record.sync_status import LastKnownState, Observation
from fabrics.resources.manifests.files import build_desired_state, parse_manifests
from tests.support.fabrics.objects import live_state, manifest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CONFIG = FabricConfig(
    fabric_id="dc",
    name="DC",
    record_id=1,
    enabled=True,
    interval=60,
    kubernetes=KubernetesTarget(server="https://k8s", namespace="default", credential="dc"),
    git=GitSource(repository="https://git/dc.git", branch="main", directory="/", credential="dc"),
)
SETTINGS = LoopSettings(inventory_enabled=True)
JANE = Author("Jane Doe", NOW)


def new_loop(last_known: LastKnownState | None = None) -> FabricLoop:
    """Return a loop that has read its record."""
    loop = FabricLoop(fabric_id="dc")
    loop.begin_record_exchange()
    loop.on_record_read(CONFIG, last_known or LastKnownState(), SETTINGS)
    return loop


def observe(
    names: Sequence[str],
    path: str = "fabric.yaml",
    *,
    commit: str = "c1",
    committed_by: Author | None = None,
) -> Observation:
    """Return an observation in which these VPCs are only in Git, in one file."""
    documents = "---\n".join(manifest("VPC", name) for name in names)
    git = build_desired_state([parse_manifests(path, documents.encode())])
    drift = find_drift(git, live_state(served=("VPC",)))
    entries = summarize(drift).entries
    return Observation(
        started=NOW,
        commit=commit,
        live_digest="live",
        drift_count=len(drift.entries),
        drift=tuple(with_committer(entry, committed_by) for entry in entries),
        drifted=DriftIds.from_drift(drift),
    )


def with_committer(entry: SummaryEntry, author: Author | None) -> SummaryEntry:
    return SummaryEntry(entry.kind, entry.namespace, entry.name, entry.change, committed_by=author)


def sync(loop: FabricLoop, minutes: int, observation: Observation) -> None:
    moment = NOW + minutes * MINUTE
    loop.request_sync(SyncRequest())
    loop.begin_sync(moment)
    loop.end_sync(observation, moment)


def times(loop: FabricLoop) -> dict[str, datetime | None]:
    return {entry.name: entry.since for entry in loop.last_known.drift}


def test_status_says_since_when_each_object_has_drifted() -> None:
    loop = new_loop()
    sync(loop, 0, observe(["a"]))
    sync(loop, 1, observe(["a", "b"], "renamed.yaml"))
    assert times(loop) == {"a": NOW, "b": NOW + MINUTE}
    assert [entry.since for entry in loop.status().drift] == [NOW, NOW + MINUTE]


def test_failed_sync_changes_no_time_and_counts_for_none() -> None:
    loop = new_loop()
    sync(loop, 0, observe(["a"]))
    failed = Observation(started=NOW, commit="c1", live_digest="live", git_error="It is down.")
    sync(loop, 1, failed)
    assert loop.lasting_drift_digest == ""
    sync(loop, 2, observe(["a"]))
    assert times(loop) == {"a": NOW}
    assert loop.lasting_drift_digest != ""


def test_observation_of_an_earlier_release_changes_nothing() -> None:
    loop = new_loop()
    for minutes in range(3):
        sync(loop, minutes, observe(["a"]).model_copy(update={"drifted": None}))
    assert times(loop) == {"a": None}
    assert (loop.drift_ages, loop.lasting_drift_digest) == (None, "")
    assert loop.build_inventory_request().drifted is None


def test_state_of_an_earlier_release_has_drifted_since_an_unknown_time() -> None:
    loop = new_loop()
    sync(loop, 0, observe(["a"]).model_copy(update={"drifted": None}))
    stored = loop.model_dump(mode="json", exclude={"drift_ages"})
    upgraded = FabricLoop.model_validate(stored)
    sync(upgraded, 1, observe(["a", "b"]))
    assert times(upgraded) == {"a": None, "b": NOW + MINUTE}


def test_when_and_by_whom_cause_no_write_of_their_own() -> None:
    entry = observe(["a"]).drift[0]
    dated = with_committer(entry, JANE).found_at(NOW)
    plain, known = (LastKnownState(drift_count=1, drift=(drift,)) for drift in (entry, dated))
    assert plain != known
    assert ShownStatus.build(CONFIG, plain) == ShownStatus.build(CONFIG, known)
    assert plain.model_dump(mode="json")["drift"][0].keys() == {
        *("kind", "namespace", "name", "change", "fields", "more_fields")
    }, "earlier releases compare hashes of these"


@pytest.mark.parametrize(("commit", "expected"), [("c1", JANE), ("c2", None)])
def test_author_in_git_stays_known_while_the_commit_stays(
    commit: str, expected: Author | None
) -> None:
    loop = new_loop()
    sync(loop, 0, observe(["a"], committed_by=JANE))
    sync(loop, 1, observe(["a"], commit=commit))
    assert [entry.committed_by for entry in loop.last_known.drift] == [expected]


def test_inventory_follows_the_sync_that_finds_drift_again_and_no_later_one() -> None:
    loop = new_loop()
    sync(loop, 0, observe([]))
    digests = []
    for minutes in range(1, 5):
        sync(loop, minutes, observe(["a"]))
        assert loop.inventory.observed is not None
        digests.append(loop.inventory.observed.drifted)
    assert digests[0] == ""
    assert len(set(digests[1:])) == 1
    assert digests[1] != ""
    drifted = loop.build_inventory_request().drifted
    assert drifted is not None
    assert list(drifted) == [str(int(NOW.timestamp()) + 60)]
    sync(loop, 5, observe([]))
    assert loop.lasting_drift_digest == ""
    assert loop.build_inventory_request().drifted == {}


def test_fabric_that_is_no_longer_compared_has_no_lasting_drift() -> None:
    loop = new_loop()
    for minutes in range(2):
        sync(loop, minutes, observe(["a"]))
    assert loop.build_inventory_request().drifted
    loop.on_record_read(CONFIG.model_copy(update={"git": None}), loop.last_known, SETTINGS)
    assert loop.build_inventory_request().drifted == {}
    assert loop.lasting_drift_digest == ""


def restart(loop: FabricLoop) -> FabricLoop:
    """Return the loop that continues as new, or that a new worker replays."""
    return FabricLoop.model_validate_json(loop.model_dump_json())


def replace_loop(loop: FabricLoop) -> FabricLoop:
    """Return a loop that knows nothing but the record."""
    fields = build_status_fields(CONFIG, loop.state_to_record)
    record = {"id": 1, "name": "DC", "status": "active", "custom_fields": fields}
    return new_loop(parse_last_known_state(record))


EVENTS: Final[dict[str, Callable[[FabricLoop], FabricLoop]]] = {
    "go on": lambda loop: loop,
    "restart": restart,
    "replace": replace_loop,
}


@given(
    st.lists(
        st.tuples(
            st.sets(st.sampled_from("abcdefgh")),
            st.sampled_from(sorted(EVENTS)),
            st.sampled_from(["fabric.yaml", "vpcs/all.yaml", "z.yaml"]),
        ),
        max_size=8,
    )
)
def test_times_survive_restarts_lost_loops_and_renamed_files(
    syncs: list[tuple[set[str], str, str]],
) -> None:
    loop, expected = new_loop(), dict[str, datetime]()
    for minutes, (names, event, path) in enumerate(syncs):
        sync(loop, minutes, observe(sorted(names), path))
        expected = {name: expected.get(name, NOW + minutes * MINUTE) for name in names}
        assert times(loop) == expected
        loop = EVENTS[event](loop)
