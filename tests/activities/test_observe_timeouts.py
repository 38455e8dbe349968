"""Sources that do not respond cost little time and are told apart from errors."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from filelock import FileLock
from temporalio.common import RetryPolicy
from temporalio.testing import ActivityEnvironment

from activities.connections import Deadline
from activities.errors import NoResponseError
from activities.git.mirror import GitMirror
from activities.git.validation import check_host_reachable
from activities.observe import FabricActivities, ObserveRequest
from fabrics.record.config import FabricConfig, GitSource, KubernetesTarget
from fabrics.record.sync_status import Observation
from settings import Settings
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from stack.services.git_server import GitServer

HTTP_PROXY = "http://127.0.0.1:1"


@pytest.fixture
def silent_host() -> Iterator[str]:
    """An address that ignores connections: Linux drops SYNs while the queue is full."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listener,
        socket.socket() as first,
        socket.socket() as second,
    ):
        for filler in (first, second):
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def hasty(settings: Settings) -> Settings:
    """The settings of a worker that soon gives up a host without connections."""
    return settings.model_copy(update={"connect_timeout": 0.5})


@pytest.fixture
def config(target: KubernetesTarget) -> FabricConfig:
    """A fabric without a Git repository."""
    return FabricConfig(fabric_id="oslo", name="Oslo", record_id=1, enabled=True, kubernetes=target)


def git(url: str) -> GitSource:
    """A source at this URL."""
    return GitSource(repository=url, branch="main", directory="/", credential="none")


def observe(activities: FabricActivities, config: FabricConfig, attempts: int) -> Observation:
    """Run the first of so many attempts."""
    environment = ActivityEnvironment()
    policy = RetryPolicy(maximum_attempts=attempts)
    environment.info = replace(environment.info, attempt=1, retry_policy=policy)
    observation: Observation = environment.run(activities.observe, ObserveRequest(config=config))
    return observation


def test_git_host_that_drops_packets_costs_one_connect_timeout(
    silent_host: str, hasty: Settings
) -> None:
    started = time.monotonic()
    with pytest.raises(NoResponseError, match="did not answer in time"):
        GitMirror(git(f"http://{silent_host}/fleet.git"), hasty).fetch_snapshot()
    assert hasty.connect_timeout <= time.monotonic() - started < hasty.git_timeout / 2


def test_kubernetes_api_that_drops_packets_costs_one_connect_timeout(
    silent_host: str, config: FabricConfig, hasty: Settings
) -> None:
    unreachable = KubernetesTarget(
        server=f"https://{silent_host}", namespace="default", credential="none"
    )
    started = time.monotonic()
    observation = observe(
        FabricActivities(hasty), config.model_copy(update={"kubernetes": unreachable}), attempts=1
    )
    assert not observation.answered
    assert time.monotonic() - started < 10


def test_host_behind_a_proxy_is_not_checked(
    silent_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NoResponseError):
        check_host_reachable(f"http://{silent_host}/fleet.git", Deadline.after(0.1))
    monkeypatch.setenv("http_proxy", HTTP_PROXY)
    check_host_reachable(f"http://{silent_host}/fleet.git", Deadline.after(0.1))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(NoResponseError):
        check_host_reachable(f"http://{silent_host}/fleet.git", Deadline.after(0.1))


def test_locked_mirror_counts_as_no_response(git_server: GitServer, settings: Settings) -> None:
    repository = git_server.create_repository("locked")
    commit = repository.commit({"a.yaml": "a: 1\n"})
    source, impatient = git(repository.url), settings.model_copy(update={"git_timeout": 0.2})
    assert GitMirror(source, settings).fetch_snapshot().commit == commit
    (lock,) = settings.cache_dir.glob("git/*.lock")
    with FileLock(lock), pytest.raises(NoResponseError, match="still being read by another sync"):
        GitMirror(source, impatient).fetch_snapshot()


def test_missing_response_is_raised_before_other_errors(
    api: EmulatedKubernetesApi, config: FabricConfig, settings: Settings
) -> None:
    api.inject_fault(Fault(503))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/fleet.git"
        both = config.model_copy(update={"git": git(url)})
        activities = FabricActivities(settings.model_copy(update={"git_timeout": 0.5}))
        with pytest.raises(NoResponseError, match=r"Git repository .* did not answer in time"):
            observe(activities, both, attempts=3)
        assert not observe(activities, both, attempts=1).answered


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_http_error_counts_as_response(
    status: int, api: EmulatedKubernetesApi, config: FabricConfig, settings: Settings
) -> None:
    api.inject_fault(Fault(status))
    observation = observe(FabricActivities(settings), config, attempts=1)
    assert observation.kubernetes_error
    assert observation.answered


def test_timeouts_for_responsive_fabrics_are_the_shorter_ones() -> None:
    usual = Settings(answer_timeout=5, read_timeout=30, git_timeout=45)
    assert (
        usual.for_responsive_fabrics.read_timeout,
        usual.for_responsive_fabrics.git_timeout,
    ) == (5, 5)
    short = Settings(answer_timeout=5, read_timeout=2, git_timeout=3)
    assert short.for_responsive_fabrics == short
