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
from typing import Final

from temporalio import activity

from activities.diagnose import NO_KUBERNETES_SERVER
from activities.errors import (
    ClassifiedError,
    NoResponseError,
    OversizedError,
    PermanentError,
    TransientError,
    name_result,
)
from activities.git.desired_state import MAX_VALUES, DesiredRevision, DesiredStateCache
from activities.kubernetes.live_state import LiveStateCache
from activities.parsing import PARSING
from fabrics.drift.acceptance.rules import RULES_FILE, parse_rules
from fabrics.drift.compare import select_unknown_kinds
from fabrics.drift.fabric_selection import UnknownFabricError, select_fabric
from fabrics.drift.model import LiveState
from fabrics.packed_files import PackingError, unpack_files
from fabrics.record.config import FabricConfig
from fabrics.resources.kinds import LATER_KINDS, Kind, get_kinds
from fabrics.resources.manifests.files import (
    DesiredState,
    ParsedFile,
    build_desired_state,
    parse_manifests,
    select_manifest_paths,
)
from settings import Settings
from telemetry.metrics import SOURCE_READ_DURATION, SOURCE_READS

NO_GIT_REPOSITORY: Final = "hh_git_repository is empty: there is nothing to compare with."


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
        return self._read(config, partial(self._read_desired, config), expected)

    def read_with_commit(self, config: FabricConfig, commit: str) -> Sources:
        """Read as `read` does, but Git at a commit. Raises `PermanentError` without Git."""
        if config.git is None:
            raise PermanentError(NO_GIT_REPOSITORY)
        read_desired = partial(self.desired_states.read_at, config.git, commit, self.settings)
        return self._read(config, read_desired, LATER_KINDS)

    def read_with_files(self, config: FabricConfig, packed_files: str) -> Sources:
        """Read as `read` does, but take manifests from a message instead of Git."""
        return self._read(config, partial(parse_packed_files, packed_files), LATER_KINDS)

    def _read(
        self,
        config: FabricConfig,
        read_desired: Callable[[], DesiredRevision | None],
        expected: Collection[Kind],
    ) -> Sources:
        context = copy_context()  # so that Git's log lines name the fabric, too
        with ThreadPoolExecutor(1, "git") as executor:
            git = executor.submit(lambda: context.run(_try_read, read_desired))
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


def parse_packed_files(packed_files: str) -> DesiredRevision:
    """Parse manifests and rules that came in a message. Raises `PermanentError`."""
    try:
        files = unpack_files(packed_files)
    except PackingError as error:
        raise PermanentError(str(error)) from None
    parsed: list[ParsedFile] = []
    values = 0
    for path in select_manifest_paths(files):
        with PARSING:
            parsed.append(parse_manifests(path, files[path]))
        values += parsed[-1].values
        if values > MAX_VALUES:
            raise OversizedError(f"The directory holds more than {MAX_VALUES:,} values.")
    with PARSING:
        rules = parse_rules(RULES_FILE, files.get(RULES_FILE, b""))
        return DesiredRevision("", build_desired_state(parsed), rules)


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
