"""The activity that reads Git and Kubernetes in parallel and computes the drift.

Where Git defines kinds that this version does not know, the API is asked for these afterwards.

If one source fails, the activity still succeeds and reports that, with what the other source says. It raises
only a transient error, and only while Temporal will retry.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Final

from pydantic import BaseModel
from temporalio import activity

from activities.checks import Check
from activities.diagnose import NO_KUBERNETES_SERVER, diagnose_sources
from activities.errors import (
    ClassifiedError,
    NoResponseError,
    PermanentError,
    TransientError,
    one_line,
)
from activities.git.desired_state import DesiredRevision, DesiredStateCache
from activities.kubernetes.live_state import LiveStateCache
from activities.parsing import PARSING
from fabrics.drift.compare import find_drift, select_unknown_kinds
from fabrics.drift.diff_report import DiffReport, build_diff_report, describe_problems
from fabrics.drift.empty_list_checks import (
    drop_kinds,
    explain_suddenly_empty,
    find_kinds_no_longer_served,
    find_suddenly_empty_kinds,
)
from fabrics.drift.model import LiveState
from fabrics.drift.summary import summarize
from fabrics.record.config import FabricConfig
from fabrics.record.sync_status import Observation
from fabrics.resources.kinds import COMPARED_KINDS, Kind, get_kinds
from fabrics.resources.manifests.files import DesiredState
from fabrics.resources.resource import digest_resources
from settings import Settings

MAX_PROBLEMS: Final = 20
MAX_SENTENCE_CHARS: Final = 500
"""With these limits and 20 drift entries of 4 KB in all, an observation stays far below 64 KB."""


class ObserveRequest(BaseModel, frozen=True):
    """The fabric to observe, and how many objects of each kind the last sync counted.

    `accept_empty`: an operator has confirmed that kinds which are empty now should be.
    """

    config: FabricConfig
    previous_counts: dict[str, int] = {}
    accept_empty: bool = False


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
        desired, live = self._read_both(request.config)
        with PARSING:
            return _build_observation(request, started, desired, live)

    @activity.defn(no_thread_cancel_exception=True)
    def diff(self, config: FabricConfig) -> DiffReport:
        """Return the full difference of both sources. Raises errors as `observe` does."""
        desired, live = self._read_both(config)
        if desired is None:
            return DiffReport(error="hh_git_repository is empty: there is nothing to compare with.")
        if isinstance(desired, Exception) or isinstance(live, Exception):
            sentences = filter(None, (_format_error(live), _format_error(desired)))
            return DiffReport(error=" ".join(sentences))
        drift = find_drift(desired.state, live, get_kinds(config.managed_kinds))
        return build_diff_report(desired.state, drift, desired.commit)

    @activity.defn(no_thread_cancel_exception=True)
    def diagnose(self, config: FabricConfig) -> list[Check]:
        """Check whether both sources can be read."""
        return diagnose_sources(config, self.settings)

    def _read_both(
        self, config: FabricConfig
    ) -> tuple[DesiredRevision | ClassifiedError | None, LiveState | ClassifiedError]:
        with ThreadPoolExecutor(1, "git") as executor:
            git = executor.submit(_try_read, self._read_desired, config)
            live = _try_read(self._read_live, config)
            desired = git.result()
        _raise_retryable(live, desired)
        if isinstance(desired, DesiredRevision) and isinstance(live, LiveState):
            live = _try_read(partial(self._read_unknown_kinds, desired.state, live), config)
            _raise_retryable(live)
        return desired, live

    def _read_desired(self, config: FabricConfig) -> DesiredRevision | None:
        return self.desired_states.read(config.git, self.settings) if config.git else None

    def _read_live(self, config: FabricConfig) -> LiveState:
        if config.kubernetes is None:
            raise PermanentError(NO_KUBERNETES_SERVER)
        return self.live_states.read(config.kubernetes, self.settings)

    def _read_unknown_kinds(
        self, desired: DesiredState, live: LiveState, config: FabricConfig
    ) -> LiveState:
        """Add the objects of kinds in Git that this version does not know."""
        kinds = select_unknown_kinds(desired, get_kinds(config.managed_kinds))
        if not kinds or config.kubernetes is None:
            return live
        objects = self.live_states.read_unknown_kinds(config.kubernetes, self.settings, kinds)
        return replace(live, unknown_kinds=objects)


def _try_read[T](read: Callable[[FabricConfig], T], config: FabricConfig) -> T | ClassifiedError:
    try:
        return read(config)
    except (TransientError, PermanentError) as error:
        return error


def _raise_retryable(*outcomes: object) -> None:
    """Raise an error that will be retried; no response decides its queue, so first."""
    errors = [outcome for outcome in outcomes if isinstance(outcome, TransientError)]
    for error in sorted(errors, key=lambda error: not isinstance(error, NoResponseError)):
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
    """Return what was read, within the size limit of a message."""
    revision = desired if isinstance(desired, DesiredRevision) else None
    state = revision.state if revision else None
    live_state = live if isinstance(live, LiveState) else None
    suddenly_empty: dict[Kind, int] = {}
    no_longer_served: dict[Kind, int] = {}
    if live_state and not request.accept_empty:
        suddenly_empty = find_suddenly_empty_kinds(live_state, state, request.previous_counts)
        no_longer_served = find_kinds_no_longer_served(live_state, request.previous_counts)
        live_state = drop_kinds(live_state, suddenly_empty)
    drift = None
    if state and live_state:
        drift = find_drift(state, live_state, get_kinds(request.config.managed_kinds))
    resources = live_state.resources if live_state else {}
    problems = [
        explain_suddenly_empty(kind, count, request.config.fabric_id)
        for kind, count in suddenly_empty.items()
    ]
    problems += describe_problems(state, drift) if state else ()
    return Observation(
        started=started,
        commit=revision.commit if revision else "",
        desired_digest=digest_resources(state.resources.values()) if state else "",
        live_digest=digest_resources(chain(*resources.values())) if live_state else "",
        counts={kind.name: len(resources[kind]) for kind in COMPARED_KINDS if resources.get(kind)}
        | {kind.name: count for kind, count in (suddenly_empty | no_longer_served).items()},
        drift_count=len(drift.entries) if drift else None,
        drift=summarize(drift).entries if drift else (),
        problems=tuple(one_line(text, MAX_SENTENCE_CHARS) for text in problems[:MAX_PROBLEMS]),
        answered=not (isinstance(live, NoResponseError) or isinstance(desired, NoResponseError)),
        git_error=_format_error(desired),
        kubernetes_error=_format_error(live),
    )


def _format_error(outcome: object) -> str:
    return one_line(str(outcome), MAX_SENTENCE_CHARS) if isinstance(outcome, Exception) else ""
