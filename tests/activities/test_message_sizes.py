"""What a loop takes along from run to run stays a small message, however much is wrong with its fabric."""

import json
from datetime import UTC, datetime, timedelta
from itertools import cycle
from random import Random

from activities.inventory.outcome import build_report, summarize_waiting_deletes
from activities.observe import MAX_PROBLEMS, MAX_SENTENCE_CHARS
from fabrics.drift import find_drift, summarise
from fabrics.inventory.model.existing import ExistingObject, ObjectId
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.prune.absence import MAX_ABSENCE_COUNTS_BYTES as MAX_ABSENCES
from fabrics.inventory.prune.policy import MIN_ABSENT_SYNCS, PruneDecision, decide
from fabrics.inventory.report.report import (
    MAX_FINDINGS,
    MAX_FINDINGS_BYTES,
    Finding,
    FindingType,
    InventoryOutcome,
)
from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.installation import Installation
from fabrics.loop.loop import MAX_REPORTS, FabricLoop
from fabrics.record.config import ConfigEdits, FabricConfig, GitSource, KubernetesTarget
from fabrics.record.status import Observation
from fabrics.resources.kinds import COMPARED_KINDS
from tests.support.fabrics.objects import desired, live_state, manifest

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SENTENCE = "é" * MAX_SENTENCE_CHARS
NAME = "a-rather-long-name-" * 8
CONFIG = FabricConfig(
    fabric_id="f" * 39,
    name="N" * 100,
    record_id=10**9,
    enabled=True,
    pause_reason="r" * 200,
    kubernetes=KubernetesTarget(
        server="https://" + "k" * 200, namespace="n" * 63, credential="c" * 100
    ),
    git=GitSource(
        repository="https://" + "g" * 200, branch="b" * 200, directory="d" * 400, credential="c"
    ),
    managed_kinds=tuple(kind.name for kind in COMPARED_KINDS),
    task_queue="q" * 200,
    problems=(SENTENCE[:200],) * 5,
)


def observation() -> Observation:
    """A fabric in which everything drifted, and a repository that cannot be read either."""
    documents = (manifest("Server", f"{NAME}{number}") for number in range(30))
    drift = find_drift(desired(*documents), live_state(served=("Server",)))
    return Observation(
        started=NOW,
        commit="4f" * 20,
        desired_digest="d" * 32,
        live_digest="l" * 32,
        counts={kind.name: 10**5 for kind in COMPARED_KINDS},
        drift_count=10**5,
        drift=summarise(drift).entries,
        problems=(SENTENCE,) * MAX_PROBLEMS,
    )


def scattered(number: int) -> list[ExistingObject]:
    """Objects of all models, whose ids nothing tells from each other."""
    numbers = Random(1).sample(range(10**8), number)
    return [
        ExistingObject(ObjectId(model, each), f"Connection/default/{NAME}", {})
        for model, each in zip(cycle(OWNED_MODELS), numbers, strict=False)
    ]


def verdict() -> PruneDecision:
    """More deletes than can be counted, which somebody has to confirm."""
    absent, last = scattered(4_000), PruneDecision()
    for _ in range(MIN_ABSENT_SYNCS):
        last = decide(absent, last.absence_counts, dict.fromkeys(Model, 0))
    return last


def outcome() -> InventoryOutcome:
    """The longest that an inventory's can be."""
    problems = cycle(FindingType)
    found = [
        Finding(problem=next(problems), what=f"Connection/{NAME}", why=SENTENCE)
        for _ in range(10 * MAX_FINDINGS)
    ]
    counts = dict.fromkeys(("created", "updated", "deleted", "unchanged"), 10**6)
    last = verdict()
    return InventoryOutcome(
        live_digest="l" * 32,
        report=build_report(found, **counts),
        absence_counts=dict(last.absence_counts),
        deletes_waiting=summarize_waiting_deletes(last),
    )


def loop() -> FabricLoop:
    """A loop that has been told all that, again and again."""
    told = FabricLoop(fabric_id=CONFIG.fabric_id, ignored_message="i" * 300)
    told.installation = Installation(inventory_enabled=True, release="r" * 40)
    told.config, seen, result = CONFIG, observation(), outcome()
    for number in range(MAX_REPORTS + 1):
        now = NOW + timedelta(hours=number)
        told.request_sync(SyncRequest(full=True))
        told.begin_sync(now)
        assert told.begin_inventory(seen)
        told.end_sync(seen, result, now)
    told.apply_edits(ConfigEdits(interval=5, paused=True, pause_reason="r" * 200))
    told.on_record_written(told.last_known, ConfigEdits(), "")
    told.on_record_error(SENTENCE, NOW)
    return told


def size(message: FabricLoop | InventoryOutcome) -> int:
    return len(message.model_dump_json().encode())


def test_the_longest_outcome_is_a_small_message() -> None:
    found = outcome()
    assert len(json.dumps(found.absence_counts)) > 0.98 * MAX_ABSENCES
    assert found.deletes_waiting is not None
    assert (
        sum(len(each.model_dump_json().encode()) for each in found.report.findings)
        > 0.8 * MAX_FINDINGS_BYTES
    )
    assert size(found) < 40_000


def test_the_longest_state_of_a_loop_is_a_small_message() -> None:
    found = loop()
    assert len(found.reports) == MAX_REPORTS
    assert found.last_written is not None
    assert found.inventory.outcome is not None
    assert size(found) < 60_000
