"""Which fabrics a push affects, whatever form its URLs have."""

import pytest

from fabrics.record.config import FabricConfig, GitSource, KubernetesTarget
from tests.support.webhooks.senders import gitlab_push, push
from webhooks.affected_fabrics import find_affected_fabrics, get_repository_key
from webhooks.payloads import PushEvent, parse_push


def fabric(repository: str, branch: str = "main", fabric_id: str = "dc1") -> FabricConfig:
    """An enabled fabric with this source."""
    return FabricConfig(
        fabric_id=fabric_id,
        name="DC 1",
        record_id=1,
        enabled=True,
        kubernetes=KubernetesTarget(server="https://k8s", namespace="default", credential="dc1"),
        git=GitSource(repository=repository, branch=branch, directory="/", credential="dc1"),
    )


def pushed(repository: str = "git.example.com/net/dc1", branch: str = "main") -> PushEvent:
    event = parse_push(push(repository, branch))
    assert event is not None
    return event


@pytest.mark.parametrize(
    "repository",
    [
        "https://git.example.com/net/dc1.git",
        "https://git.example.com/net/dc1",
        "https://git.example.com/net/dc1/",
        "https://git.example.com:443/net/dc1.git",
        "https://GIT.Example.COM/net/dc1.git",
        "https://git.example.com/Net/DC1",
        "http://git.example.com/net/dc1",
        "ssh://git@git.example.com/net/dc1.git",
        "ssh://git@git.example.com:22/net/dc1",
        "git@git.example.com:net/dc1.git",
        "deploy@git.example.com:net/dc1",
    ],
)
def test_all_urls_of_a_repository_match(repository: str) -> None:
    assert find_affected_fabrics([fabric(repository)], [pushed()]) == ["dc1"]


@pytest.mark.parametrize(
    "repository",
    [
        "https://git.example.com/net/dc10.git",
        "https://git.example.com/net",
        "https://git.example.com/net/dc1/wiki",
        "https://git.example.com:8443/net/dc1",
        "https://git.example.org/net/dc1",
        "https://example.com/net/dc1",
        "file:///net/dc1",
        "git@git.example.com:dc1.git",
    ],
)
def test_other_repositories_do_not_match(repository: str) -> None:
    assert find_affected_fabrics([fabric(repository)], [pushed()]) == []


def test_port_distinguishes_repositories() -> None:
    event = pushed("git.example.com:8443/net/dc1")
    assert find_affected_fabrics([fabric("https://git.example.com:8443/net/dc1")], [event]) == [
        "dc1"
    ]
    assert find_affected_fabrics([fabric("https://git.example.com/net/dc1")], [event]) == []
    assert get_repository_key("ssh://git@git.example.com:2222/net/dc1") != get_repository_key(
        "git@git.example.com:net/dc1"
    )


def test_gitlab_push_matches() -> None:
    event = parse_push(gitlab_push("gitlab.example.com/net/dc1"))
    assert event is not None
    assert find_affected_fabrics([fabric("git@gitlab.example.com:net/dc1")], [event]) == ["dc1"]


@pytest.mark.parametrize("branch", ["main", "release/1", "Main"])
def test_only_the_branch_of_the_fabric_matches(branch: str) -> None:
    configs = [fabric("https://git.example.com/net/dc1", "main")]
    assert bool(find_affected_fabrics(configs, [pushed(branch=branch)])) == (branch == "main")


@pytest.mark.parametrize(
    "more",
    [
        {"paused": True},
        {"enabled": False},
        {"active": False},
        {"interval": 0},
        {"kubernetes": None},
        {"git": None},
        {"fabric_id": ""},
    ],
)
def test_push_does_not_sync_inactive_fabrics(more: dict[str, object]) -> None:
    configs = [fabric("https://git.example.com/net/dc1").model_copy(update=more)]
    assert find_affected_fabrics(configs, [pushed()]) == []


def test_fabric_is_listed_once_for_several_pushes() -> None:
    one = "https://git.example.com/net/dc1"
    configs = [
        fabric(one),
        fabric(one, "lab", fabric_id="lab"),
        fabric("https://git.example.com/net/dc2", fabric_id="dc2"),
    ]
    burst = [pushed(branch="lab"), pushed(), pushed(), pushed("git.example.com/net/dc3")]
    assert find_affected_fabrics(configs, burst) == ["dc1", "lab"]
