"""What a loop takes along from run to run stays a small message, however much is wrong with its fabric."""

import json
from datetime import UTC, datetime, timedelta
from itertools import cycle
from random import Random

from activities.inventory.outcome import report_of, waiting_of
from activities.observe import MAX_PROBLEMS, MAX_SENTENCE
from fabrics.drift import find_drift, summarise
from fabrics.inventory.model.existing import Id, Stored
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED
from fabrics.inventory.prune.absence import MAX_BYTES as MAX_ABSENCES
from fabrics.inventory.prune.policy import SYNCS, Verdict, judge
from fabrics.inventory.report.report import (
    MAX_BYTES,
    MAX_FINDINGS,
    Finding,
    InventoryOutcome,
    Problem,
)
from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.installation import Installation
from fabrics.loop.loop import KEPT_REPORTS, FabricLoop
from fabrics.record.config import ConfigEdits, FabricConfig, GitSource, KubernetesTarget
from fabrics.record.status import Observation
from fabrics.resources.kinds import KINDS
from tests.support.fabrics.objects import desired, live_state, manifest

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SENTENCE = "é" * MAX_SENTENCE
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
    managed_kinds=tuple(kind.name for kind in KINDS),
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
        counts={kind.name: 10**5 for kind in KINDS},
        drift_count=10**5,
        drift=summarise(drift).entries,
        problems=(SENTENCE,) * MAX_PROBLEMS,
    )


def scattered(number: int) -> list[Stored]:
    """Objects of all models, whose ids nothing tells from each other."""
    numbers = Random(1).sample(range(10**8), number)
    return [
        Stored(Id(model, each), f"Connection/default/{NAME}", {})
        for model, each in zip(cycle(OWNED), numbers, strict=False)
    ]


def verdict() -> Verdict:
    """More deletes than can be counted, which somebody has to confirm."""
    absent, last = scattered(4_000), Verdict()
    for _ in range(SYNCS):
        last = judge(absent, last.absences, dict.fromkeys(Model, 0))
    return last


def outcome() -> InventoryOutcome:
    """The longest that an inventory's can be."""
    problems = cycle(Problem)
    found = [
        Finding(problem=next(problems), what=f"Connection/{NAME}", why=SENTENCE)
        for _ in range(10 * MAX_FINDINGS)
    ]
    counts = dict.fromkeys(("created", "updated", "deleted", "unchanged"), 10**6)
    last = verdict()
    return InventoryOutcome(
        live_digest="l" * 32,
        report=report_of(found, **counts),
        absences=dict(last.absences),
        deletes_waiting=waiting_of(last),
    )


def loop() -> FabricLoop:
    """A loop that has been told all that, again and again."""
    told = FabricLoop(fabric_id=CONFIG.fabric_id, ignored="i" * 300)
    told.installation = Installation(inventory=True, release="r" * 40)
    told.config, seen, result = CONFIG, observation(), outcome()
    for number in range(KEPT_REPORTS + 1):
        now = NOW + timedelta(hours=number)
        told.ask_for_sync(SyncRequest(full=True))
        told.begin(now)
        assert told.begin_inventory(seen)
        told.end(seen, result, now)
    told.edit(ConfigEdits(interval=5, paused=True, pause_reason="r" * 200))
    told.record_written(told.facts, ConfigEdits(), "")
    told.record_failed(SENTENCE, NOW)
    return told


def size(message: FabricLoop | InventoryOutcome) -> int:
    return len(message.model_dump_json().encode())


def test_the_longest_outcome_is_a_small_message() -> None:
    found = outcome()
    assert len(json.dumps(found.absences)) > 0.98 * MAX_ABSENCES
    assert found.deletes_waiting is not None
    assert (
        sum(len(each.model_dump_json().encode()) for each in found.report.findings)
        > 0.8 * MAX_BYTES
    )
    assert size(found) < 40_000


def test_the_longest_state_of_a_loop_is_a_small_message() -> None:
    found = loop()
    assert len(found.reports) == KEPT_REPORTS
    assert found.written is not None
    assert found.inventory.outcome is not None
    assert size(found) < 60_000
