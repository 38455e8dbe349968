"""APIs that mean harm: they cost little memory and time, and are errors."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from types import SimpleNamespace

import pytest

from activities.errors import NoResponseError, PermanentError, TransientError
from activities.kubernetes.budget import ReadingBudget
from activities.kubernetes.live_state import LiveStateCache, read_live_state
from activities.kubernetes.refusals import MAX_PAUSE_SECONDS
from bench.installation.hostile_api import (
    HOSTILE_ANSWERS,
    Answer,
    hostile_server,
    make_auth,
    make_tls_context,
    send_endless_list,
)
from fabrics.record.config import KubernetesTarget
from fabrics.resources.kinds import get_kind
from settings import Settings
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.processes.ports import LOOPBACK

CREDENTIAL = "hostile"

MAX_PEAK_BYTES = 250_000_000
"""A page of 32 MB, its items, and an object of 2 MB as it is decoded."""

TOO_LARGE = "has more than Fabric Sync reads of one fabric"
NO_API = "does not respond as a Kubernetes API does"
SENTENCES = {
    "huge-page": TOO_LARGE,
    "endless-page": "sent more than 32 MB",
    "endless-list": TOO_LARGE,
    "dense-objects": TOO_LARGE,
    "many-keys": TOO_LARGE,
    "deep-json": NO_API,
    "long-token": NO_API,
    "compressed": "sent more than 32 MB",
    "dripping-headers": "did not answer in time",
    "dripping-body": "did not answer in time",
    "redirect": "redirects elsewhere",
    "less-than-said": "cannot be reached",
    "more-than-said": NO_API,
}


@pytest.fixture
def small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a reading keep a tenth of the usual memory."""
    budget = partial(ReadingBudget, kept_bytes_left=10_000_000)
    monkeypatch.setattr("activities.kubernetes.requests.ReadingBudget", budget)


@contextmanager
def hostile_target(answer: Answer, settings: Settings) -> Iterator[KubernetesTarget]:
    """Serve an answer, and yield the API as a record names it."""
    auth = make_auth()
    with hostile_server(answer, make_tls_context(auth)) as port:
        server = f"https://{LOOPBACK}:{port}"
        auth.write_credential(settings.credentials_dir / CREDENTIAL, server)
        yield KubernetesTarget(server=server, namespace="default", credential=CREDENTIAL)


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Check how much memory the block takes at most."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MAX_PEAK_BYTES


@pytest.mark.usefixtures("small_budget")
@pytest.mark.parametrize("name", HOSTILE_ANSWERS)
def test_hostile_api_is_an_error_that_takes_little_memory(name: str, settings: Settings) -> None:
    patience = 1.0 if name.startswith("dripping") else 60.0
    hasty = settings.model_copy(update={"read_timeout": patience})
    with (
        hostile_target(HOSTILE_ANSWERS[name], settings) as target,
        bounded_memory(),
        pytest.raises((PermanentError, TransientError), match=SENTENCES[name]) as caught,
    ):
        read_live_state(target, hasty)
    assert str(caught.value).startswith(f"The Kubernetes API at {target.server} ")


def test_time_of_a_whole_reading_is_bounded(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SimpleNamespace(monotonic=count(0, 7).__next__)  # each request takes seven seconds
    monkeypatch.setattr("activities.kubernetes.requests.time", slow)
    with (
        hostile_target(send_endless_list, settings) as target,
        pytest.raises(NoResponseError, match="takes too long to list everything"),
    ):
        read_live_state(target, settings)


@pytest.mark.usefixtures("small_budget")
def test_objects_of_a_hostile_api_are_not_kept(settings: Settings) -> None:
    states = LiveStateCache()
    with hostile_target(send_endless_list, settings) as target:
        with pytest.raises(PermanentError):
            states.read(target, settings)
        assert states.get_cached(target) is None


@pytest.mark.usefixtures("small_budget")
def test_api_that_has_too_much_is_read_again_after_a_pause(settings: Settings) -> None:
    clock, requests = [0.0], list[None]()

    def send_too_much() -> Iterator[bytes]:
        requests.append(None)
        return send_endless_list()

    states = LiveStateCache(lambda: clock[0])
    with hostile_target(send_too_much, settings) as target:

        def count_requests() -> int:
            with pytest.raises(PermanentError, match=TOO_LARGE):
                states.read(target, settings)
            return len(requests)

        first = count_requests()
        assert count_requests() == first
        clock[0] = MAX_PAUSE_SECONDS
        assert count_requests() == 2 * first


def test_cache_is_bounded_by_the_memory_of_its_objects(
    api: EmulatedKubernetesApi,
    target: KubernetesTarget,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("activities.kubernetes.live_state.MAX_CACHED_BYTES", 100_000)
    states = LiveStateCache()
    server = {"apiVersion": "wiring.githedgehog.com/v1beta1", "kind": "Server"}
    large = server | {"metadata": {"name": "large"}, "spec": {"description": "x" * 200_000}}
    api.apply_all([large])
    assert states.read(target, settings).resources[get_kind("Server")]
    assert states.get_cached(target) is None
