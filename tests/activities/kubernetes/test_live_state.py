"""Reads of the live state: pages, and failures between worker and fabric."""

import socket
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from activities.errors import PermanentError, TransientError
from activities.kubernetes.live_state import LATER_KINDS_INTERVAL, LiveStateCache, read_live_state
from activities.kubernetes.paged_lists import PAGE_SIZE
from fabrics.drift.model import LiveState
from fabrics.record.config import KubernetesTarget
from fabrics.resources.kinds import COMPARED_KINDS, LISTED_KINDS, SWITCH_PROFILE, get_kind
from fabrics.resources.list_response import ListResponse, parse_list_response
from settings import Settings
from stack.kubernetes.base import KubernetesApi
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import EndlessResponse, Fault
from stack.kubernetes.releases import HedgehogRelease
from tests.support.fabrics.sample_sets import SETS, SampleSet, needs_samples

SECRET = "another-s3cret-token"


def server_object(number: int, **spec: str) -> dict[str, Any]:
    return {
        "apiVersion": "wiring.githedgehog.com/v1beta1",
        "kind": "Server",
        "metadata": {"name": f"server-{number:04}"},
        "spec": spec,
    }


def counts(live: LiveState) -> dict[str, int]:
    return {kind.name: len(resources) for kind, resources in live.resources.items() if resources}


NEXT_KINDS = frozenset({get_kind("Fabric"), get_kind("VPCInterconnect")})
"""The kinds that today's release does not serve."""


def sentence_of(error: type[Exception], target: KubernetesTarget, settings: Settings) -> str:
    with pytest.raises(error) as caught:
        read_live_state(target, settings)
    return str(caught.value)


def hasty(settings: Settings) -> Settings:
    """Return the settings of a worker that does not wait long for an answer."""
    return settings.model_copy(update={"read_timeout": 2.0})


@pytest.mark.usefixtures("fabric_api")
def test_empty_fabric_has_empty_kinds(fabric_target: KubernetesTarget, settings: Settings) -> None:
    live = read_live_state(fabric_target, settings)

    served = [kind for kind in LISTED_KINDS if kind not in NEXT_KINDS]
    assert live.resources == dict.fromkeys(served, ())
    assert live.unserved_kinds == NEXT_KINDS


@needs_samples
@pytest.mark.parametrize("sample", SETS, ids=str)
def test_sample_sets_are_read_completely(
    sample: SampleSet,
    fabric_api: KubernetesApi,
    fabric_target: KubernetesTarget,
    settings: Settings,
) -> None:
    fabric_api.apply_all(sample.dump()["items"])

    live = read_live_state(fabric_target, settings)

    expected = sample.live_state()
    for kind in COMPARED_KINDS:
        digests = {resource.key: resource.digest for resource in live.resources.get(kind, ())}
        assert digests == {
            resource.key: resource.digest for resource in expected.resources.get(kind, ())
        }


def test_lists_are_paged_and_consistent(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    api.apply_all(server_object(number) for number in range(1001))

    assert counts(read_live_state(target, settings)) == {"Server": 1001}

    queries = [parse_qs(urlsplit(path).query) for path in api.request_paths if "/servers" in path]
    assert len(queries) == 3
    assert [query["limit"] for query in queries] == [["500"]] * 3
    assert ["continue" in query for query in queries] == [False, True, True]
    assert not any("resourceVersion" in path or "watch" in path for path in api.request_paths)
    assert api.connection_count == 1


def test_only_the_namespace_of_the_fabric_is_read(
    fabric_api: KubernetesApi, fabric_target: KubernetesTarget, settings: Settings
) -> None:
    other = server_object(1)
    other["metadata"]["namespace"] = "other"
    fabric_api.apply_all([other, server_object(2)])

    (resource,) = read_live_state(fabric_target, settings).resources[get_kind("Server")]

    assert (resource.namespace, resource.name) == ("default", "server-0002")


def test_unserved_kind_differs_from_empty_kind(
    own_api: KubernetesApi, own_target: KubernetesTarget, settings: Settings
) -> None:
    gateway = get_kind("Gateway")
    assert read_live_state(own_target, settings).unserved_kinds == NEXT_KINDS
    own_api.stop_serving(gateway)

    live = read_live_state(own_target, settings)

    assert live.unserved_kinds == NEXT_KINDS | {gateway}
    assert gateway not in live.resources
    assert live.resources[get_kind("GatewayGroup")] == ()


def test_list_restarts_after_its_continue_token_expires(
    fabric_api: KubernetesApi,
    fabric_target: KubernetesTarget,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fabric_api.apply_all(server_object(number) for number in range(PAGE_SIZE + 1))
    tokens = []

    def read_and_forget(body: bytes) -> ListResponse:
        page = parse_list_response(body)
        if page.continue_token:
            tokens.append(page.continue_token)
            if len(tokens) == 1:
                fabric_api.expire_lists()
        return page

    monkeypatch.setattr("activities.kubernetes.live_state.parse_list_response", read_and_forget)

    assert counts(read_live_state(fabric_target, settings)) == {"Server": PAGE_SIZE + 1}
    assert len(set(tokens)) == 2, "the list did not restart"


def test_list_restarts_are_bounded(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    api.apply_all(server_object(number) for number in range(600))
    api.inject_fault(Fault(410, later_pages_only=True, times=2))

    assert counts(read_live_state(target, settings)) == {"Server": 600}

    api.inject_fault(Fault(410, later_pages_only=True))
    assert "changes faster" in sentence_of(TransientError, target, settings)


@pytest.mark.parametrize(
    ("fault", "error", "sentence"),
    [
        (
            Fault(401),
            PermanentError,
            "renew its token, or check its kubeconfig with kubectl (HTTP 401)",
        ),
        (
            Fault(403, "switches"),
            PermanentError,
            "list switches.wiring.githedgehog.com in the namespace default: bind deploy/cluster",
        ),
        (Fault(500, "gatewaypeerings"), TransientError, "(HTTP 500)"),
        (Fault(500, "servers", later_pages_only=True), TransientError, "(HTTP 500)"),
        (Fault(404, "servers", later_pages_only=True), TransientError, "stopped serving servers"),
        (Fault(404), PermanentError, "serves none of the Hedgehog kinds"),
        (Fault(302, body=""), PermanentError, "redirects elsewhere"),
        (Fault(200, body="<html>Sign in</html>"), PermanentError, "does not respond as a Kube"),
        (Fault(200, body="{}"), PermanentError, "does not respond as a Kubernetes API does"),
        (Fault(200, body='{"kind": "Status"}'), PermanentError, "does not respond as a Kube"),
        (Fault(200, body="[" * 100_000), PermanentError, "does not respond as a Kubernetes"),
        (
            Fault(200, body='{"kind": "ServerList", "metadata": {}, "items": [{"metadata": {}}]}'),
            PermanentError,
            "returned an invalid Fabric object",
        ),
        (
            Fault(200, body='{"kind": "ServerList", "metadata": {}, "items": [1]}'),
            PermanentError,
            "returned an invalid Fabric object",
        ),
    ],
    ids=repr,
)
def test_one_failed_page_fails_the_read(  # noqa: PLR0917
    fault: Fault,
    error: type[Exception],
    sentence: str,
    api: EmulatedKubernetesApi,
    target: KubernetesTarget,
    settings: Settings,
) -> None:
    api.apply_all(server_object(number) for number in range(501))
    api.inject_fault(fault)

    message = sentence_of(error, target, settings)

    assert sentence in message
    assert message.startswith(f"The Kubernetes API at {api.server} ")
    assert api.auth.token not in message

    api.clear_faults()
    assert counts(read_live_state(target, settings)) == {"Server": 501}


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_of_the_api_is_kept(
    status: int, api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    api.inject_fault(Fault(status, retry_after=7))

    with pytest.raises(TransientError) as caught:
        read_live_state(target, settings)

    assert caught.value.retry_after == 7
    assert len(api.request_paths) == 1, "no client may retry by itself"


def test_hanging_api_costs_one_read_timeout(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    api.inject_fault(Fault(0))

    sentence_of(TransientError, target, hasty(settings))

    assert len(api.request_paths) == 1


def test_kind_that_hangs_fails_the_read(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    api.apply_all(server_object(number) for number in range(3))
    api.inject_fault(Fault(0, "servers"))

    message = sentence_of(TransientError, target, hasty(settings))

    assert message == f"The Kubernetes API at {api.server} did not answer in time."
    assert api.auth.token not in message
    api.clear_faults()
    assert counts(read_live_state(target, settings)) == {"Server": 3}


def test_trickling_response_times_out(
    target: KubernetesTarget, settings: Settings, api: EmulatedKubernetesApi
) -> None:
    api.inject_fault(EndlessResponse())

    assert "did not answer in time" in sentence_of(TransientError, target, hasty(settings))


def test_refused_token_and_unknown_certificate_are_permanent(
    fabric_target: KubernetesTarget, fabric_credential: Path, settings: Settings
) -> None:
    (fabric_credential / "token").write_text(SECRET)
    message = sentence_of(PermanentError, fabric_target, settings)
    assert "refused the credential fabric" in message
    assert SECRET not in message

    (fabric_credential / "ca.crt").unlink()
    assert "certificate that is not trusted" in sentence_of(PermanentError, fabric_target, settings)


def test_missing_credential_is_named(
    fabric_target: KubernetesTarget, fabric_credential: Path, settings: Settings
) -> None:
    (fabric_credential / "token").unlink()

    message = sentence_of(PermanentError, fabric_target, settings)

    assert f"into its folder {fabric_credential}" in message


def test_unreachable_hosts_are_transient(settings: Settings) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = f"https://127.0.0.1:{free.getsockname()[1]}"
    closed = KubernetesTarget(server=server, namespace="default", credential="none")
    assert "nothing listens there" in sentence_of(TransientError, closed, settings)

    unknown = closed.model_copy(update={"server": "https://fabric.invalid"})
    assert "does not resolve" in sentence_of(TransientError, unknown, settings)


@pytest.mark.parametrize("namespace", ["..", "a/b", "", "default?limit=1", "Default"])
def test_invalid_namespaces_are_refused(
    namespace: str, target: KubernetesTarget, settings: Settings
) -> None:
    odd = target.model_copy(update={"namespace": namespace})

    assert "hh_kubernetes_namespace" in sentence_of(PermanentError, odd, settings)


def test_unchanged_objects_are_not_parsed_again(
    fabric_api: KubernetesApi, fabric_target: KubernetesTarget, settings: Settings
) -> None:
    states = LiveStateCache()
    fabric_api.apply_all(server_object(number) for number in range(3))
    first = states.read(fabric_target, settings).resources[get_kind("Server")]
    fabric_api.apply(server_object(1, description="moved"))
    fabric_api.delete(get_kind("Server"), "server-0002")

    second = states.read(fabric_target, settings).resources[get_kind("Server")]

    assert second[0] is first[0]
    assert second[1].spec == {"description": "moved"}
    assert len(second) == 2


def profile_object(name: str, **spec: str) -> dict[str, Any]:
    metadata = {"name": name}
    return server_object(1) | {"kind": "SwitchProfile", "metadata": metadata, "spec": spec}


def switch_object(profile: str) -> dict[str, Any]:
    return server_object(1) | {"kind": "Switch", "spec": {"profile": profile, "role": "spine"}}


def test_only_profiles_in_use_are_read(
    fabric_api: KubernetesApi, fabric_target: KubernetesTarget, settings: Settings
) -> None:
    states = LiveStateCache()
    fabric_api.apply_all([switch_object("b"), *(profile_object(name) for name in "abc")])

    first = states.read(fabric_target, settings)

    assert [resource.name for resource in first.resources[SWITCH_PROFILE]] == ["b"]
    assert counts(first) == {"Switch": 1, "SwitchProfile": 1}
    fabric_api.apply(profile_object("a", displayName="others do not matter"))
    second = states.read(fabric_target, settings)
    assert second.resources[SWITCH_PROFILE][0] is first.resources[SWITCH_PROFILE][0]
    fabric_api.apply(profile_object("b", displayName="DS3000"))
    assert states.read(fabric_target, settings).resources[SWITCH_PROFILE][0].spec == {
        "displayName": "DS3000"
    }


def test_forbidden_profiles_are_left_out(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    api.apply_all([switch_object("b"), profile_object("b")])
    api.inject_fault(Fault(403, "switchprofiles"))

    live = read_live_state(target, settings)

    assert counts(live) == {"Switch": 1}
    assert SWITCH_PROFILE not in {*live.resources, *live.unserved_kinds}
    api.clear_faults()
    api.stop_serving(SWITCH_PROFILE)
    assert read_live_state(target, settings).unserved_kinds == NEXT_KINDS | {SWITCH_PROFILE}


@pytest.mark.parametrize("status", [401, 500, 503])
def test_other_profile_errors_fail_the_read(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings, status: int
) -> None:
    api.inject_fault(Fault(status, "switchprofiles"))

    with pytest.raises((PermanentError, TransientError)):
        read_live_state(target, settings)


def test_last_live_state_is_cached(
    fabric_api: KubernetesApi, fabric_target: KubernetesTarget, settings: Settings
) -> None:
    states = LiveStateCache()
    assert states.get_cached(fabric_target) is None
    fabric_api.apply_all([server_object(1)])
    read = states.read(fabric_target, settings)
    assert states.get_cached(fabric_target) is read


def count_requests(api: EmulatedKubernetesApi, plural: str) -> int:
    """Return the number of lists of a kind so far."""
    return sum(f"/{plural}?" in path for path in api.request_paths)


def test_api_of_an_earlier_release_is_rarely_asked_for_later_kinds(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    states = LiveStateCache()
    for _ in range(3):
        assert states.read(target, settings, expected=()).unserved_kinds == NEXT_KINDS
    assert count_requests(api, "fabrics") == 1
    api.upgrade(HedgehogRelease.NEXT)
    expected = [get_kind("Fabric")]
    live = states.read(target, settings, expected)
    assert [fabric.name for fabric in live.resources[get_kind("Fabric")]] == ["default"]
    assert live.unserved_kinds == {get_kind("VPCInterconnect")}, "not expected, so not asked for"


def test_later_kinds_are_noticed_soon_after_an_upgrade(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    now = 0.0
    states = LiveStateCache(timer=lambda: now)
    states.read(target, settings, expected=())
    api.upgrade(HedgehogRelease.NEXT)
    now = LATER_KINDS_INTERVAL - 1
    assert states.read(target, settings, expected=()).unserved_kinds == NEXT_KINDS
    now = LATER_KINDS_INTERVAL + 1
    for _ in range(2):
        assert states.read(target, settings, expected=()).unserved_kinds == frozenset()


def test_apis_are_remembered_apart(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    states = LiveStateCache()
    states.read(target, settings, expected=())
    other = target.model_copy(update={"namespace": "other"})
    states.read(other, settings, expected=())
    assert count_requests(api, "fabrics") == 2


def test_kind_that_is_served_no_more_is_not_remembered_as_of_a_later_release(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    states = LiveStateCache()
    api.stop_serving(get_kind("VPC"))
    for _ in range(2):
        live = states.read(target, settings, expected=())
        assert live.unserved_kinds == NEXT_KINDS | {get_kind("VPC")}
    assert count_requests(api, "vpcs") == 2


def test_later_kinds_that_may_not_be_listed_are_not_read(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    api.inject_fault(Fault(403, "fabrics"))
    live = read_live_state(target, settings)
    assert get_kind("Fabric") not in {*live.resources, *live.unserved_kinds}
    api.inject_fault(Fault(403, "servers"))
    with pytest.raises(PermanentError, match=r"list servers\.wiring\.githedgehog\.com"):
        read_live_state(target, settings)
