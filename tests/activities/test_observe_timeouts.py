"""Sources that keep silent: given up soon where others wait for the slot, and told apart from answers."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from filelock import FileLock
from temporalio.common import RetryPolicy
from temporalio.testing import ActivityEnvironment

from activities.errors import NoResponseError, PermanentError
from activities.git.mirror import GitMirror
from activities.git.validation import check_host_reachable
from activities.observe import FabricActivities, ObserveRequest
from fabrics.record.config import FabricConfig, GitSource, KubernetesTarget
from fabrics.record.status import Observation
from settings import Settings
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from stack.services.git_server import GitServer

HTTP_PROXY = "http://127.0.0.1:1"


@pytest.fixture
def lost() -> Iterator[str]:
    """A place where connections are not even refused: while the queue is full, Linux drops SYNs."""
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
def config(target: KubernetesTarget) -> FabricConfig:
    """A fabric without a Git repository."""
    return FabricConfig(fabric_id="oslo", name="Oslo", record_id=1, enabled=True, kubernetes=target)


def git(url: str) -> GitSource:
    """A repository there."""
    return GitSource(repository=url, branch="main", directory="/", credential="none")


def observe(activities: FabricActivities, config: FabricConfig, attempts: int) -> Observation:
    """The first of so many attempts."""
    environment = ActivityEnvironment()
    policy = RetryPolicy(maximum_attempts=attempts)
    environment.info = replace(environment.info, attempt=1, retry_policy=policy)
    found: Observation = environment.run(activities.observe, ObserveRequest(config=config))
    return found


def test_a_git_host_that_drops_packets_costs_one_connect_timeout(
    lost: str, settings: Settings
) -> None:
    begun = time.monotonic()
    with pytest.raises(NoResponseError, match="did not answer in time"):
        GitMirror(git(f"http://{lost}/fleet.git"), settings).fetch_snapshot()
    assert settings.connect_timeout <= time.monotonic() - begun < settings.git_timeout / 2


def test_a_kubernetes_api_that_drops_packets_costs_one_connect_timeout(
    lost: str, config: FabricConfig, settings: Settings
) -> None:
    patient = FabricActivities(settings.model_copy(update={"read_timeout": 20.0}))
    nowhere = KubernetesTarget(server=f"https://{lost}", namespace="default", credential="none")
    begun = time.monotonic()
    found = observe(patient, config.model_copy(update={"kubernetes": nowhere}), attempts=1)
    assert not found.answered
    assert time.monotonic() - begun < 10


def test_a_proxy_is_left_to_answer_for_what_lies_behind_it(
    lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NoResponseError):
        check_host_reachable(f"http://{lost}/fleet.git", 0.1)
    monkeypatch.setenv("http_proxy", HTTP_PROXY)
    check_host_reachable(f"http://{lost}/fleet.git", 0.1)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(NoResponseError):
        check_host_reachable(f"http://{lost}/fleet.git", 0.1)


@pytest.mark.parametrize("host", ["git..example.com", f"{'x' * 64}.example.com"])
def test_a_name_that_no_host_can_have_is_for_people_to_correct(host: str) -> None:
    with pytest.raises(PermanentError, match="is not a usable URL"):
        check_host_reachable(f"https://{host}/fleet.git", 0.1)


def test_a_mirror_that_another_sync_holds_is_silence_too(
    git_server: GitServer, settings: Settings
) -> None:
    repository = git_server.create_repository("held")
    commit = repository.commit({"a.yaml": "a: 1\n"})
    mirror = GitMirror(git(repository.url), settings.model_copy(update={"git_timeout": 2.0}))
    assert mirror.fetch_snapshot().commit == commit
    (lock,) = settings.cache_dir.glob("git/*.lock")
    with FileLock(lock), pytest.raises(NoResponseError, match="still being read by another sync"):
        mirror.fetch_snapshot()


def test_what_another_try_follows_is_raised_and_silence_before_all_else(
    api: EmulatedKubernetesApi, config: FabricConfig, settings: Settings
) -> None:
    api.inject_fault(Fault(503))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/fleet.git"
        both = config.model_copy(update={"git": git(url)})
        quick = FabricActivities(
            settings.model_copy(update={"answer_timeout": 0.5}).for_responsive_fabrics
        )
        with pytest.raises(NoResponseError, match=r"Git repository .* did not answer in time"):
            observe(quick, both, attempts=3)
        assert not observe(quick, both, attempts=1).answered


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_an_error_is_an_answer(
    status: int, api: EmulatedKubernetesApi, config: FabricConfig, settings: Settings
) -> None:
    api.inject_fault(Fault(status))
    found = observe(FabricActivities(settings), config, attempts=1)
    assert found.kubernetes_error
    assert found.answered


def test_the_impatient_wait_no_longer_than_anybody() -> None:
    usual = Settings(answer_timeout=5, read_timeout=30, git_timeout=45)
    assert (
        usual.for_responsive_fabrics.read_timeout,
        usual.for_responsive_fabrics.git_timeout,
    ) == (5, 5)
    hasty = Settings(answer_timeout=5, read_timeout=2, git_timeout=3)
    assert hasty.for_responsive_fabrics == hasty
