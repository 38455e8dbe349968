"""Reads of both sources of a fabric, and the objects that are its own.

Where Git defines kinds that this version does not know, the API is asked for these afterwards. A source that
fails is an error in the result, so that the other one still counts; only what Temporal will retry is raised.
"""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial

from temporalio import activity

from activities.diagnose import NO_KUBERNETES_SERVER
from activities.errors import (
    ClassifiedError,
    NoResponseError,
    PermanentError,
    TransientError,
    name_result,
)
from activities.git.desired_state import DesiredRevision, DesiredStateCache
from activities.kubernetes.live_state import LiveStateCache
from activities.parsing import PARSING
from fabrics.drift.compare import select_unknown_kinds
from fabrics.drift.fabric_selection import UnknownFabricError, select_fabric
from fabrics.drift.model import LiveState
from fabrics.record.config import FabricConfig
from fabrics.resources.kinds import LATER_KINDS, Kind, get_kinds
from fabrics.resources.manifests.files import DesiredState
from settings import Settings
from telemetry.metrics import SOURCE_READ_DURATION, SOURCE_READS


@dataclass(frozen=True)
class Sources:
    """What the sources of a fabric hold; an error where a source was not read.

    `desired` is None without a Git repository. `live` is what the fabric has; what Git is compared with
    (`compared_live`) may have more, as `FabricSelection` says.
    """

    desired: DesiredRevision | ClassifiedError | None
    live: LiveState | ClassifiedError
    compared_live: LiveState | None = None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceReader:
    """Reads sources with the timeouts of `settings`; the caches may be shared."""

    settings: Settings
    desired_states: DesiredStateCache
    live_states: LiveStateCache

    def read(self, config: FabricConfig, expected: Collection[Kind] = LATER_KINDS) -> Sources:
        """Read both sources once. Raises `TransientError` if Temporal will retry.

        `expected` are kinds that the API is asked for although it did not serve them a short time ago.
        """
        context = copy_context()  # so that Git's log lines name the fabric, too
        with ThreadPoolExecutor(1, "git") as executor:
            git = executor.submit(
                lambda: context.run(_try_read, partial(self._read_desired, config))
            )
            live = _try_read(partial(self._read_live, config, expected))
            desired = git.result()
        _raise_retryable(live, desired)
        if isinstance(desired, DesiredRevision) and isinstance(live, LiveState):
            live = self._add_unknown_kinds(desired.state, live, config)
        return _select_own_objects(config.fabric_name, desired, live)

    def _read_desired(self, config: FabricConfig) -> DesiredRevision | None:
        if config.git is None:
            return None
        with _measured("git"):
            return self.desired_states.read(config.git, self.settings)

    def _read_live(self, config: FabricConfig, expected: Collection[Kind]) -> LiveState:
        if config.kubernetes is None:
            raise PermanentError(NO_KUBERNETES_SERVER)
        with _measured("kubernetes"):
            return self.live_states.read(config.kubernetes, self.settings, expected)

    def _add_unknown_kinds(
        self, desired: DesiredState, live: LiveState, config: FabricConfig
    ) -> LiveState:
        """Add the objects of kinds in Git that this version does not know.

        Whatever is wrong with them, the known kinds count: then they were not read.
        """
        kinds = select_unknown_kinds(desired, get_kinds(config.managed_kinds))
        target = config.kubernetes
        if not kinds or target is None:
            return live
        objects = _try_read(
            partial(self.live_states.read_unknown_kinds, target, self.settings, kinds)
        )
        if not isinstance(objects, NoResponseError):  # which would decide the fabric's queue
            _raise_retryable(objects)
        if isinstance(objects, Exception):
            activity.logger.info("Unknown kinds of %s were not read: %s", config.fabric_id, objects)
            return live
        return replace(live, unknown_kinds=objects)


def _select_own_objects(
    fabric_name: str,
    desired: DesiredRevision | ClassifiedError | None,
    live: LiveState | ClassifiedError,
) -> Sources:
    """Leave out the objects of other fabrics; a name that none has is an error."""
    if isinstance(live, Exception):
        return Sources(desired, live)
    revision = desired if isinstance(desired, DesiredRevision) else None
    try:
        with PARSING:
            selection = select_fabric(fabric_name, revision.state if revision else None, live)
    except UnknownFabricError as error:
        return Sources(desired, PermanentError(str(error)))
    own = replace(revision, state=selection.desired or revision.state) if revision else desired
    return Sources(own, selection.live, selection.compared_live, selection.notices)


@contextmanager
def _measured(source: str) -> Iterator[None]:
    """Measure one reading of a source."""
    failure: Exception | None = None
    try:
        with SOURCE_READ_DURATION.labels(source).time():
            yield
    except Exception as error:
        failure = error
        raise
    finally:
        SOURCE_READS.labels(source, name_result(failure)).inc()


def _try_read[T](read: Callable[[], T]) -> T | ClassifiedError:
    try:
        return read()
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
