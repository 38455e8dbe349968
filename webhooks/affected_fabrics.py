"""Selection of the fabrics that follow a pushed branch."""

from collections.abc import Collection, Iterable

from activities.credentials import DEFAULT_PORTS, NormalizedUrl
from fabrics.record.config import FabricConfig
from webhooks.payloads import PushEvent

type RepositoryKey = tuple[str, int | None, tuple[str, ...]]
"""Host, port unless it is the default, path."""


def find_affected_fabrics(
    configs: Iterable[FabricConfig], pushes: Collection[PushEvent]
) -> list[str]:
    """Return the ids of the fabrics that follow one of the pushed branches.

    Paused or disabled fabrics are left out: only a person may ask for their sync, not a push.
    """
    pushed = {(get_repository_key(url), push.branch) for push in pushes for url in push.urls}
    return [
        config.fabric_id
        for config in configs
        if config.fabric_id and config.needs_loop and not config.paused
        if config.git and (get_repository_key(config.git.repository), config.git.branch) in pushed
    ]


def get_repository_key(url: str) -> RepositoryKey | str:
    """Return a key that all URLs of a repository (https, ssh, `git@...`) share.

    Case is ignored, as on GitHub, GitLab and Gitea: confusing two repositories costs a sync, but telling apart
    two spellings of one would lose pushes.
    """
    try:
        normalized = NormalizedUrl.from_url(url)
    except ValueError:
        return url
    port = None if normalized.port == DEFAULT_PORTS[normalized.scheme] else normalized.port
    return normalized.host, port, tuple(step.casefold() for step in normalized.path)
