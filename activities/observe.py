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

from activities.diagnose import examine_sources
from activities.errors import Classified, PermanentError, TransientError, Unanswered, one_line
from activities.git.desired_state import DesiredAt, DesiredStates
from activities.kubernetes.live_state import LiveStates
from fabrics.check import Check
from fabrics.drift import Live, find_drift, summarise
from fabrics.drift.diff_report import DiffReport, diff_report, problem_sentences
from fabrics.drift.sanity_checks import emptied_sentence, no_longer_served, suddenly_empty, without
from fabrics.record.config import FabricConfig
from fabrics.record.status import Observation
from fabrics.resources.kinds import KINDS, Kind, kinds_named
from fabrics.resources.resource import digest
from settings import Settings

MAX_PROBLEMS: Final = 20
MAX_SENTENCE: Final = 500
"""Characters. With 20 entries of drift, 4 KB, an observation stays far below 64 KB."""


class ObserveRequest(BaseModel, frozen=True):
    """The fabric to look at, and how many objects of each kind it had at the last sync.

    `accept_empty`: an operator has said that kinds which are empty now are meant to be.
    """

    config: FabricConfig
    before: dict[str, int] = {}
    accept_empty: bool = False


@dataclass(frozen=True)
class FabricActivities:
    """What needs a fabric's Git repository and its Kubernetes API.

    `settings` say how long either may take. What was read before is kept in `desired` and `live`,
    which several of these may share.
    """

    settings: Settings
    desired: DesiredStates = field(default_factory=DesiredStates)
    live: LiveStates = field(default_factory=LiveStates)

    @activity.defn
    def observe(self, request: ObserveRequest) -> Observation:
        """Look at both sources once. Raises `TransientError` when another try follows."""
        started = datetime.now(UTC)
        desired, live = self._read_both(request.config)
        return _observation(request, started, desired, live)

    @activity.defn
    def diff(self, config: FabricConfig) -> DiffReport:
        """Everything in which both sources differ. Raises `TransientError` as `observe` does."""
        desired, live = self._read_both(config)
        if desired is None:
            return DiffReport(error="hh_git_repository is empty: there is nothing to compare with.")
        if isinstance(desired, Exception) or isinstance(live, Exception):
            sentences = filter(None, (_sentence(live), _sentence(desired)))
            return DiffReport(error=" ".join(sentences))
        drift = find_drift(desired.state, live, kinds_named(config.managed_kinds))
        return diff_report(desired.state, drift, desired.commit)

    @activity.defn
    def examine(self, config: FabricConfig) -> list[Check]:
        """Whether both sources can be read; what cannot is a finding."""
        return examine_sources(config, self.settings)

    def _read_both(
        self, config: FabricConfig
    ) -> tuple[DesiredAt | Classified | None, Live | Classified]:
        with ThreadPoolExecutor(1, "git") as beside:
            git = beside.submit(_outcome, self._read_desired, config)
            live = _outcome(self._read_live, config)
            desired = git.result()
        _raise_what_is_tried_again(live, desired)
        return desired, live

    def _read_desired(self, config: FabricConfig) -> DesiredAt | None:
        return self.desired.read(config.git, self.settings) if config.git else None

    def _read_live(self, config: FabricConfig) -> Live:
        if config.kubernetes is None:
            raise PermanentError("hh_kubernetes_server is empty: name the fabric's API there.")
        return self.live.read(config.kubernetes, self.settings)


def _outcome[T](read: Callable[[FabricConfig], T], config: FabricConfig) -> T | Classified:
    try:
        return read(config)
    except (TransientError, PermanentError) as error:
        return error


def _raise_what_is_tried_again(*outcomes: object) -> None:
    """Silence goes first: it decides where the next try is made."""
    passing = [each for each in outcomes if isinstance(each, TransientError)]
    for error in sorted(passing, key=lambda each: not isinstance(each, Unanswered)):
        if _will_be_tried_again(error):
            raise error


def _will_be_tried_again(error: TransientError) -> bool:
    info = activity.info()
    return (
        error.passes_soon
        and info.retry_policy is not None
        and info.attempt < info.retry_policy.maximum_attempts
    )


def _observation(
    request: ObserveRequest,
    started: datetime,
    desired: DesiredAt | Classified | None,
    live: Live | Classified,
) -> Observation:
    """What was found, within the bounds of a message."""
    asked = desired if isinstance(desired, DesiredAt) else None
    state = asked.state if asked else None
    runs = live if isinstance(live, Live) else None
    emptied: dict[Kind, int] = {}
    withdrawn: dict[Kind, int] = {}
    if runs and not request.accept_empty:
        emptied = suddenly_empty(runs, state, request.before)
        withdrawn = no_longer_served(runs, request.before)
        runs = without(runs, emptied)
    drift = None
    if state and runs:
        drift = find_drift(state, runs, kinds_named(request.config.managed_kinds))
    resources = runs.resources if runs else {}
    doubts = (
        emptied_sentence(kind, count, request.config.fabric_id, state)
        for kind, count in emptied.items()
    )
    problems = problem_sentences(state, drift) if state else ()
    return Observation(
        started=started,
        commit=asked.commit if asked else "",
        desired_digest=digest(state.resources.values()) if state else "",
        live_digest=digest(each for found in resources.values() for each in found) if runs else "",
        counts={kind.name: len(resources[kind]) for kind in KINDS if resources.get(kind)}
        | {kind.name: count for kind, count in (emptied | withdrawn).items()},
        drift_count=len(drift.entries) if drift else None,
        drift=summarise(drift).entries if drift else (),
        problems=tuple(
            one_line(text, MAX_SENTENCE) for text in (*doubts, *problems)[:MAX_PROBLEMS]
        ),
        answered=not (isinstance(live, Unanswered) or isinstance(desired, Unanswered)),
        git_error=_sentence(desired),
        kubernetes_error=_sentence(live),
    )


def _sentence(outcome: object) -> str:
    return one_line(str(outcome), MAX_SENTENCE) if isinstance(outcome, Exception) else ""
