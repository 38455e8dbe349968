"""The size of a loop's state as a message, however much is wrong with its fabric."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from random import Random

from activities.inventory.reporting import build_report, summarize_waiting_deletes
from activities.observe import MAX_PROBLEMS, MAX_SENTENCE_CHARS
from fabrics.agents.breakouts import BreakoutMismatch
from fabrics.agents.cabling import CablingFinding, CablingFindingType, limit_findings
from fabrics.agents.health import HealthAssessment
from fabrics.agents.health_report import MAX_MESSAGE_CHARS, Health, HealthReport
from fabrics.agents.state import (
    MAX_MEMORY_BYTES,
    MAX_MISMATCHES,
    AgentMemory,
    AgentsState,
    BehindAgent,
    LastHeartbeat,
)
from fabrics.drift.acceptance.texts import MAX_TEXT_CHARS
from fabrics.drift.ages import ID_CHARS, MAX_OBJECTS, DriftAges, DriftIds
from fabrics.drift.compare import find_drift
from fabrics.drift.summary import summarize
from fabrics.inventory.model.existing import ExistingObject, ObjectId
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.prune.absence_encoding import MAX_ABSENCE_COUNTS_BYTES as MAX_ABSENCES
from fabrics.inventory.prune.policy import MIN_ABSENT_PASSES, PruneDecision, decide
from fabrics.inventory.report.report import (
    MAX_CABLING_BYTES,
    MAX_FINDINGS,
    MAX_FINDINGS_BYTES,
    Finding,
    FindingType,
    InventoryOutcome,
)
from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.history import MAX_REPORTS
from fabrics.loop.loop import FabricLoop
from fabrics.loop.loop_settings import LoopSettings
from fabrics.record.config import ConfigEdits, FabricConfig, GitSource, KubernetesTarget
from fabrics.record.config_fields import MAX_URL_CHARS
from fabrics.record.sync_status import Observation
from fabrics.resources.kinds import COMPARED_KINDS
from tests.support.fabrics.objects import desired, live_state, manifest

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SENTENCE = "é" * MAX_SENTENCE_CHARS
NAME = "a-rather-long-name-" * 8
IDS = range(10 ** (ID_CHARS - 1), 10 ** (ID_CHARS - 1) + MAX_OBJECTS)
URL = "https://".ljust(MAX_URL_CHARS, "u")
CONFIG = FabricConfig(
    fabric_id="f" * 39,
    name="N" * 100,
    record_id=10**9,
    enabled=True,
    pause_reason="r" * 200,
    paused_until=NOW,
    kubernetes=KubernetesTarget(server=URL, namespace="n" * 63, credential="c" * 100),
    git=GitSource(repository=URL, branch="b" * 200, directory="d" * 400, credential="c"),
    managed_kinds=tuple(kind.name for kind in COMPARED_KINDS),
    task_queue="q" * 200,
    problems=(SENTENCE[:200],) * 5,
)


def assessment() -> HealthAssessment:
    """The health of a thousand switches and gateways in trouble."""
    seconds, names = int(NOW.timestamp()), [f"leaf-{number:04}" for number in range(1000)]
    memory = AgentMemory(
        behind={name: BehindAgent(seconds, 12) for name in names[::2]},
        heartbeats={name: LastHeartbeat(seconds, seconds, 900) for name in names},
    )
    mismatches = [
        BreakoutMismatch("s" * 63, f"E1/{number}", "4x100G", "1x400G")
        for number in range(MAX_MISMATCHES)
    ]
    report = HealthReport(health=Health.DEGRADED, message="m" * MAX_MESSAGE_CHARS)
    state = AgentsState().with_breakouts(mismatches).with_memories(memory, memory)
    return HealthAssessment(report=report, agents=state)


def observation() -> Observation:
    """An observation of a fabric with all objects drifted and all possible problems."""
    documents = (manifest("Server", f"{NAME}{number}") for number in range(30))
    drift = find_drift(desired(*documents), live_state(served=("Server",)))
    return Observation(
        started=NOW,
        commit="4f" * 20,
        desired_digest="d" * 32,
        live_digest="l" * 32,
        counts={kind.name: 10**5 for kind in COMPARED_KINDS},
        drift_count=10**5,
        drift=summarize(drift).entries,
        accepted_count=10**5,
        accepted_text="é" * MAX_TEXT_CHARS,
        rule_notice="é" * MAX_TEXT_CHARS,
        drifted=DriftIds(ids="".join(map(str, IDS)), count=10**5),
        problems=(SENTENCE,) * MAX_PROBLEMS,
        health=assessment(),
    )


def drift_ages() -> DriftAges:
    """The ages of objects each of which drifted at another time."""
    times = (NOW - timedelta(minutes=number + 1) for number in range(MAX_OBJECTS))
    found = {str(int(time.timestamp())): str(id_) for time, id_ in zip(times, IDS, strict=True)}
    return DriftAges(found=found)


def scattered(number: int) -> list[ExistingObject]:
    """Objects of all models with scattered ids."""
    ids = Random(1).sample(range(10**8), number)
    return [
        ExistingObject(ObjectId(model, id_), f"Connection/default/{NAME}", {})
        for model, id_ in zip(cycle(OWNED_MODELS), ids, strict=False)
    ]


def decision() -> PruneDecision:
    """A decision on more deletes than can be counted, which somebody has to confirm."""
    absent, last = scattered(4_000), PruneDecision()
    for _ in range(MIN_ABSENT_PASSES):
        last = decide(absent, last.absence_counts, dict.fromkeys(Model, 0))
    return last


def outcome() -> InventoryOutcome:
    """The longest possible outcome of an inventory."""
    problems = cycle(FindingType)
    findings = [
        Finding(problem=next(problems), what=f"Connection/{NAME}", why=SENTENCE)
        for _ in range(10 * MAX_FINDINGS)
    ]
    counts = dict.fromkeys(("created", "updated", "deleted", "unchanged"), 10**6)
    last, cabling = decision(), limit_findings(cabling_findings(), MAX_CABLING_BYTES)
    return InventoryOutcome(
        live_digest="l" * 32,
        report=build_report(findings, **counts),
        absence_counts=dict(last.absence_counts),
        deletes_waiting=summarize_waiting_deletes(last),
        cabling=cabling,
        cabling_seen=cabling,
    )


def cabling_findings() -> Iterator[CablingFinding]:
    for number in range(100):
        keys = f"Connection/default/{number}", f"Connection/default/other-{number}"
        ends = f"spine-01/E1/{number}", f"leaf-01/E1/{number}"
        seen = "spine-02 at leaf-01, leaf-02 at spine-01"
        yield CablingFinding(keys[0], CablingFindingType.SWAPPED, ends, seen, keys[1])


def loop() -> FabricLoop:
    """A loop with the longest possible state."""
    settings, observed, result = (
        LoopSettings(inventory_enabled=True, health_interval=300, release="r" * 40),
        observation(),
        outcome(),
    )
    state = FabricLoop(fabric_id=CONFIG.fabric_id, config=CONFIG, settings=settings)
    state.note_ignored("i" * 300)
    state.drift_ages = drift_ages()
    for number in range(MAX_REPORTS + 1):
        now = NOW + timedelta(hours=number)
        state.request_sync(SyncRequest(full=True))
        state.begin_sync(now)
        state.end_sync(observed, now)
        request = state.begin_pass(f"{number:036}", now)
        assert request is not None
        state.end_pass(request.token, result)
        state.health = state.health.with_breakouts(assessment().agents.new_breakouts)
    state.begin_sync(NOW)
    state.end_sync(observed.model_copy(update={"live_digest": "m" * 64}), NOW)
    assert state.begin_pass("t" * 36, NOW)
    state.apply_edits(ConfigEdits(interval=5, paused=True, pause_reason="r" * 200))
    state.on_record_written(state.last_known, ConfigEdits(), "")
    state.on_record_failed(SENTENCE, NOW)
    return state


def size(message: FabricLoop | InventoryOutcome | Observation) -> int:
    return len(message.model_dump_json().encode())


def test_longest_outcome_is_a_small_message() -> None:
    longest = outcome()
    assert len(json.dumps(longest.absence_counts)) > 0.98 * MAX_ABSENCES
    assert longest.deletes_waiting is not None
    assert (
        sum(len(finding.model_dump_json().encode()) for finding in longest.report.findings)
        > 0.8 * MAX_FINDINGS_BYTES
    )
    assert size(longest) < 40_000


def test_longest_observation_is_a_small_message() -> None:
    longest = observation()
    assert longest.health is not None
    assert size(longest) < 40_000


def test_longest_loop_state_is_a_small_message() -> None:
    longest = loop()
    assert len(longest.health.agents.model_dump_json()) > MAX_MEMORY_BYTES
    assert len(longest.history.reports) == MAX_REPORTS
    assert longest.drift_ages is not None
    assert len("".join(longest.drift_ages.found.values())) == ID_CHARS * MAX_OBJECTS
    assert len(longest.drift_ages.found) == MAX_OBJECTS
    assert longest.record.shown is not None
    assert longest.inventory.outcome is not None
    assert len(longest.inventory.outcome.cabling or ()) > 10
    assert size(longest) < 64 * 1024
