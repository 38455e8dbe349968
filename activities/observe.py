"""The activity that looks at a fabric: Git and Kubernetes side by side, then the drift between them.

A source that fails is a finding, not a failure of the activity: the other source still says what it
can. Only a failure that may pass is raised instead, as long as Temporal will try again.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from pydantic import BaseModel
from temporalio import activity

from activities.diagnose import diagnose_sources
from activities.errors import (
    ClassifiedError,
    NoResponseError,
    PermanentError,
    TransientError,
    one_line,
)
from activities.git.desired_state import DesiredRevision, DesiredStateCache
from activities.kubernetes.live_state import LiveStateCache
from fabrics.check import Check
from fabrics.drift import LiveState, find_drift, summarise
from fabrics.drift.diff_report import DiffReport, build_diff_report, describe_problems
from fabrics.drift.sanity_checks import (
    drop_kinds,
    explain_suddenly_empty,
    find_kinds_no_longer_served,
    find_suddenly_empty_kinds,
)
from fabrics.record.config import FabricConfig
from fabrics.record.status import Observation
from fabrics.resources.kinds import COMPARED_KINDS, Kind, get_kinds
from fabrics.resources.resource import digest_resources
from settings import Settings

MAX_PROBLEMS: Final = 20
MAX_SENTENCE_CHARS: Final = 500
"""Characters. With 20 entries of drift, 4 KB, an observation stays far below 64 KB."""


class ObserveRequest(BaseModel, frozen=True):
    """The fabric to look at, and how many objects of each kind it had at the last sync.

    `accept_empty`: an operator has said that kinds which are empty now are meant to be.
    """

    config: FabricConfig
    previous_counts: dict[str, int] = {}
    accept_empty: bool = False


@dataclass(frozen=True)
class FabricActivities:
    """What needs a fabric's Git repository and its Kubernetes API.

    `settings` say how long either may take. What was read before is kept in `desired` and `live`,
    which several of these may share.
    """

    settings: Settings
    desired_states: DesiredStateCache = field(default_factory=DesiredStateCache)
    live_states: LiveStateCache = field(default_factory=LiveStateCache)

    @activity.defn
    def observe(self, request: ObserveRequest) -> Observation:
        """Look at both sources once. Raises `TransientError` when another try follows."""
        started = datetime.now(UTC)
        desired, live = self._read_both(request.config)
        return _build_observation(request, started, desired, live)

    @activity.defn
    def diff(self, config: FabricConfig) -> DiffReport:
        """Everything in which both sources differ. Raises `TransientError` as `observe` does."""
        desired, live = self._read_both(config)
        if desired is None:
            return DiffReport(error="hh_git_repository is empty: there is nothing to compare with.")
        if isinstance(desired, Exception) or isinstance(live, Exception):
            sentences = filter(None, (_format_error(live), _format_error(desired)))
            return DiffReport(error=" ".join(sentences))
        drift = find_drift(desired.state, live, get_kinds(config.managed_kinds))
        return build_diff_report(desired.state, drift, desired.commit)

    @activity.defn
    def diagnose(self, config: FabricConfig) -> list[Check]:
        """Whether both sources can be read; what cannot is a finding."""
        return diagnose_sources(config, self.settings)

    def _read_both(
        self, config: FabricConfig
    ) -> tuple[DesiredRevision | ClassifiedError | None, LiveState | ClassifiedError]:
        with ThreadPoolExecutor(1, "git") as beside:
            git = beside.submit(_read_or_error, self._read_desired, config)
            live = _read_or_error(self._read_live, config)
            desired = git.result()
        _raise_retryable(live, desired)
        return desired, live

    def _read_desired(self, config: FabricConfig) -> DesiredRevision | None:
        return self.desired_states.read(config.git, self.settings) if config.git else None

    def _read_live(self, config: FabricConfig) -> LiveState:
        if config.kubernetes is None:
            raise PermanentError("hh_kubernetes_server is empty: name the fabric's API there.")
        return self.live_states.read(config.kubernetes, self.settings)


def _read_or_error[T](
    read: Callable[[FabricConfig], T], config: FabricConfig
) -> T | ClassifiedError:
    try:
        return read(config)
    except (TransientError, PermanentError) as error:
        return error


def _raise_retryable(*outcomes: object) -> None:
    """Silence goes first: it decides where the next try is made."""
    passing = [each for each in outcomes if isinstance(each, TransientError)]
    for error in sorted(passing, key=lambda each: not isinstance(each, NoResponseError)):
        if _will_be_retried(error):
            raise error


def _will_be_retried(error: TransientError) -> bool:
    info = activity.info()
    return (
        error.is_retryable_now
        and info.retry_policy is not None
        and info.attempt < info.retry_policy.maximum_attempts
    )


def _build_observation(
    request: ObserveRequest,
    started: datetime,
    desired: DesiredRevision | ClassifiedError | None,
    live: LiveState | ClassifiedError,
) -> Observation:
    """What was found, within the bounds of a message."""
    asked = desired if isinstance(desired, DesiredRevision) else None
    state = asked.state if asked else None
    runs = live if isinstance(live, LiveState) else None
    emptied: dict[Kind, int] = {}
    withdrawn: dict[Kind, int] = {}
    if runs and not request.accept_empty:
        emptied = find_suddenly_empty_kinds(runs, state, request.previous_counts)
        withdrawn = find_kinds_no_longer_served(runs, request.previous_counts)
        runs = drop_kinds(runs, emptied)
    drift = None
    if state and runs:
        drift = find_drift(state, runs, get_kinds(request.config.managed_kinds))
    resources = runs.resources if runs else {}
    doubts = (
        explain_suddenly_empty(kind, count, request.config.fabric_id, state)
        for kind, count in emptied.items()
    )
    problems = describe_problems(state, drift) if state else ()
    return Observation(
        started=started,
        commit=asked.commit if asked else "",
        desired_digest=digest_resources(state.resources.values()) if state else "",
        live_digest=digest_resources(each for found in resources.values() for each in found)
        if runs
        else "",
        counts={kind.name: len(resources[kind]) for kind in COMPARED_KINDS if resources.get(kind)}
        | {kind.name: count for kind, count in (emptied | withdrawn).items()},
        drift_count=len(drift.entries) if drift else None,
        drift=summarise(drift).entries if drift else (),
        problems=tuple(
            one_line(text, MAX_SENTENCE_CHARS) for text in (*doubts, *problems)[:MAX_PROBLEMS]
        ),
        answered=not (isinstance(live, NoResponseError) or isinstance(desired, NoResponseError)),
        git_error=_format_error(desired),
        kubernetes_error=_format_error(live),
    )


def _format_error(outcome: object) -> str:
    return one_line(str(outcome), MAX_SENTENCE_CHARS) if isinstance(outcome, Exception) else ""
