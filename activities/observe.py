"""The activity that reads Git and Kubernetes and computes the drift.

If one source fails, the activity still succeeds and reports that, with what the other source says. It raises
only a transient error, and only while Temporal will retry.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final

from pydantic import BaseModel
from temporalio import activity

from activities.checks import Check, run_check
from activities.diagnose import diagnose_sources
from activities.errors import NoResponseError, one_line
from activities.git.desired_state import DesiredRevision, DesiredStateCache
from activities.health import HealthReader, HealthReadingRequest
from activities.kubernetes.live_state import LiveStateCache
from activities.parsing import PARSING
from activities.sources import NO_GIT_REPOSITORY, SourceReader, Sources
from fabrics.agents.health import HealthAssessment
from fabrics.drift.acceptance.judge import accept
from fabrics.drift.acceptance.texts import (
    count_accepted,
    describe_accepted,
    describe_rule_notices,
)
from fabrics.drift.ages import DriftIds
from fabrics.drift.compare import find_drift
from fabrics.drift.diff_report import (
    DiffReport,
    build_diff_report,
    describe_problems,
    describe_unread_kinds,
)
from fabrics.drift.empty_list_checks import (
    drop_kinds,
    explain_suddenly_empty,
    find_kinds_no_longer_served,
    find_suddenly_empty_kinds,
)
from fabrics.drift.export import MANIFESTS_FILE, PartialStateError, export_live
from fabrics.drift.model import Drift, LiveState, digest_live_state
from fabrics.drift.origins import add_origins
from fabrics.drift.summary import RECORD_LIMITS, SummaryEntry, summarize
from fabrics.loop.health_watch import HealthRequest
from fabrics.packed_files import PackingError, pack_files
from fabrics.record.config import FabricConfig
from fabrics.record.sync_status import Observation
from fabrics.resources.kinds import COMPARED_KINDS, LATER_KINDS, Kind, get_kinds
from fabrics.resources.manifests.files import DesiredState
from fabrics.resources.resource import digest_resources
from settings import Settings

MAX_PROBLEMS: Final = 20
MAX_SENTENCE_CHARS: Final = 500
"""With these limits and 20 drift entries of 4 KB in all, an observation stays far below 64 KB."""


class ObserveRequest(BaseModel, frozen=True):
    """The fabric to observe, and how many objects of each kind the last sync counted.

    `accept_empty`: an operator has confirmed that kinds which are empty now should be. `health` is set if the
    fabric's health is watched.
    """

    config: FabricConfig
    previous_counts: dict[str, int] = {}
    accept_empty: bool = False
    health: HealthRequest | None = None


class ComparisonRequest(BaseModel, frozen=True):
    """A fabric, and what to compare with it instead of its branch: a commit or files.

    Unless it `answered` in its last sync, it is read on the queue for unresponsive fabrics alone.
    """

    config: FabricConfig
    answered: bool
    commit: str = ""
    packed_files: str = ""


class LiveManifests(BaseModel, frozen=True):
    """Manifests of a live state as one packed file; `error` says why there are none."""

    packed_files: str = ""
    error: str = ""


@dataclass(frozen=True)
class FabricActivities:
    """Activities that read a fabric's Git repository and its Kubernetes API.

    `settings` has the timeouts. Instances with different timeouts may share `desired_states` and `live_states`,
    which cache earlier reads. No activity is interrupted within: an exception at any line would break what threads
    share, and each exchange has limits of its own.
    """

    settings: Settings
    desired_states: DesiredStateCache = field(default_factory=DesiredStateCache)
    live_states: LiveStateCache = field(default_factory=LiveStateCache)

    @activity.defn(no_thread_cancel_exception=True)
    def observe(self, request: ObserveRequest) -> Observation:
        """Read both sources once. Raises `TransientError` if Temporal will retry."""
        started = datetime.now(UTC)
        counted = {kind for kind in LATER_KINDS if request.previous_counts.get(kind.name)}
        sources = self._source_reader.read(request.config, counted)
        with PARSING:
            observation, drift = _build_observation(request, started, sources)
        entries = self._summarize(drift, request.config, sources.desired)
        assessment = self._assess_health(request, sources, observation.live_digest)
        return observation.model_copy(update={"drift": entries, "health": assessment})

    @activity.defn(no_thread_cancel_exception=True)
    def read_health(self, request: HealthReadingRequest) -> HealthAssessment | None:
        """Read the agents alone, between two syncs. Raises `NoResponseError`."""
        return self._health_reader.read(request)

    @activity.defn(no_thread_cancel_exception=True)
    def diff(self, config: FabricConfig) -> DiffReport:
        """Return the full difference of both sources. Raises errors as `observe` does."""
        return _build_report(config, self._source_reader.read(config))

    @activity.defn(no_thread_cancel_exception=True)
    def compare(self, request: ComparisonRequest) -> DiffReport:
        """Return the difference of another desired state, which nothing remembers."""
        reader, config = self._source_reader, request.config
        if request.commit:
            return _build_report(config, reader.read_with_commit(config, request.commit))
        return _build_report(config, reader.read_with_files(config, request.packed_files))

    @activity.defn(no_thread_cancel_exception=True)
    def export(self, config: FabricConfig) -> LiveManifests:
        """Return the live state as manifests. Raises errors as `observe` does."""
        sources = self._source_reader.read(config)
        desired, live = sources.desired, sources.compared_live
        if isinstance(desired, Exception) or live is None:
            return LiveManifests(error=_join_errors(sources))
        state = desired.state if desired else DesiredState({})
        try:
            with PARSING:
                text = export_live(state, live, get_kinds(config.managed_kinds))
            return LiveManifests(packed_files=pack_files({MANIFESTS_FILE: text.encode()}))
        except (PartialStateError, PackingError) as error:
            return LiveManifests(error=one_line(str(error), MAX_SENTENCE_CHARS))

    @activity.defn(no_thread_cancel_exception=True)
    def diagnose(self, config: FabricConfig) -> list[Check]:
        """Check whether both sources can be read, and have the fabric of this name."""
        checks = diagnose_sources(config, self.settings)
        if config.fabric_name and all(check.ok for check in checks):
            checks.append(run_check("Fabric name", partial(self._describe_fabric, config)))
        return checks

    def _describe_fabric(self, config: FabricConfig) -> str:
        """Return how much a record's fabric has. Raises the errors of the sources."""
        sources = self._source_reader.read(config)
        if not isinstance(sources.live, LiveState):
            raise sources.live
        count = sum(len(sources.live.resources.get(kind, ())) for kind in COMPARED_KINDS)
        return " ".join((f"The fabric {config.fabric_name} has {count} objects.", *sources.notices))

    @property
    def _source_reader(self) -> SourceReader:
        return SourceReader(self.settings, self.desired_states, self.live_states)

    @property
    def _health_reader(self) -> HealthReader:
        return HealthReader(self.settings, self.live_states)

    def _summarize(
        self, drift: Drift, config: FabricConfig, desired: object
    ) -> tuple[SummaryEntry, ...]:
        """Summarize a drift, with what is known of who made it."""
        first = drift.entries[: RECORD_LIMITS.entries]
        live = [entry.live for entry in first if entry.live]
        target, read = config.kubernetes, self.live_states.read_managed_fields
        managed = read(target, self.settings, live) if target and live else {}
        authors = desired.authors if isinstance(desired, DesiredRevision) else {}
        return summarize(Drift(tuple(add_origins(first, managed, authors)))).entries

    def _assess_health(
        self, request: ObserveRequest, sources: Sources, live_digest: str
    ) -> HealthAssessment | None:
        """Assess health if that is due, or if the live state has changed."""
        health, target = request.health, request.config.kubernetes
        if health is None or target is None or not isinstance(sources.live, LiveState):
            return None
        if not health.is_due and health.live_digest == live_digest:
            return None
        return self._health_reader.assess(target, health, sources.live)


def _build_observation(
    request: ObserveRequest, started: datetime, sources: Sources
) -> tuple[Observation, Drift]:
    """Return what was read, within the size limit of a message, and the drift."""
    desired = sources.desired
    revision = desired if isinstance(desired, DesiredRevision) else None
    state = revision.state if revision else None
    live = sources.live if isinstance(sources.live, LiveState) else None
    compared = sources.compared_live
    suddenly_empty: Mapping[Kind, int] = {}
    no_longer_served: Mapping[Kind, int] = {}
    if live and compared and not request.accept_empty:
        suddenly_empty = find_suddenly_empty_kinds(live, state, request.previous_counts)
        no_longer_served = find_kinds_no_longer_served(live, request.previous_counts)
        live, compared = drop_kinds(live, suddenly_empty), drop_kinds(compared, suddenly_empty)
    drift = None
    if revision and compared:
        drift = _find_drift(request.config, revision, compared, started)
    resources = live.resources if live else {}
    unread = drift.unread_kinds if drift else ()
    problems = [
        *(
            explain_suddenly_empty(kind, count, request.config.fabric_id)
            for kind, count in suddenly_empty.items()
        ),
        *(describe_problems(state, drift) if state else ()),
        *describe_unread_kinds(kind for kind in unread if kind not in suddenly_empty),
    ]
    observation = Observation(
        started=started,
        commit=revision.commit if revision else "",
        desired_digest=digest_resources(state.resources.values()) if state else "",
        live_digest=digest_live_state(live) if live else "",
        counts={kind.name: len(resources[kind]) for kind in COMPARED_KINDS if resources.get(kind)}
        | {
            kind.name: count for kind, count in (*suddenly_empty.items(), *no_longer_served.items())
        },
        drift_count=len(drift.entries) if drift else None,
        accepted_count=count_accepted(drift) if drift else 0,
        accepted_text=describe_accepted(drift) if drift else "",
        rule_notice=describe_rule_notices(drift) if drift else "",
        drifted=DriftIds.from_drift(drift) if drift else None,
        problems=tuple(one_line(text, MAX_SENTENCE_CHARS) for text in problems[:MAX_PROBLEMS]),
        answered=not any(isinstance(read, NoResponseError) for read in (sources.live, desired)),
        git_error=_format_error(desired),
        kubernetes_error=_format_error(sources.live),
    )
    return observation, drift or Drift()


def _build_report(config: FabricConfig, sources: Sources) -> DiffReport:
    desired, live = sources.desired, sources.compared_live
    if desired is None:
        return DiffReport(error=NO_GIT_REPOSITORY)
    if isinstance(desired, Exception) or live is None:
        return DiffReport(error=_join_errors(sources))
    with PARSING:
        drift = _find_drift(config, desired, live, datetime.now(UTC))
        return build_diff_report(desired.state, drift, desired.commit, sources.notices)


def _join_errors(sources: Sources) -> str:
    """Return why a source was not read."""
    return " ".join(filter(None, map(_format_error, (sources.live, sources.desired))))


def _find_drift(
    config: FabricConfig, desired: DesiredRevision, live: LiveState, now: datetime
) -> Drift:
    """Compare both sides, and judge by the rules of the day of `now` in UTC."""
    drift = find_drift(desired.state, live, get_kinds(config.managed_kinds))
    return accept(drift, desired.rules, now.date())


def _format_error(outcome: object) -> str:
    return one_line(str(outcome), MAX_SENTENCE_CHARS) if isinstance(outcome, Exception) else ""
