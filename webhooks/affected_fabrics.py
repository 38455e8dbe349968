"""Which fabrics follow a branch that was pushed."""

from collections.abc import Collection, Iterable

from activities.credentials import DEFAULT_PORTS, NormalizedUrl
from fabrics.record.config import FabricConfig
from webhooks.payloads import PushEvent

type RepositoryKey = tuple[str, int | None, tuple[str, ...]]
"""Host, port if it is not the usual one, path."""


def find_affected_fabrics(
    configs: Iterable[FabricConfig], pushes: Collection[PushEvent]
) -> list[str]:
    """The ids of the fabrics whose desired state is on one of the pushed branches.

    Fabrics that are paused or switched off follow nothing: a push is no person who asks for a sync.
    """
    pushed = {(get_repository_key(url), push.branch) for push in pushes for url in push.urls}
    return [
        config.fabric_id
        for config in configs
        if config.fabric_id and config.needs_loop and not config.paused
        if config.git and (get_repository_key(config.git.repository), config.git.branch) in pushed
    ]


def get_repository_key(url: str) -> RepositoryKey | str:
    """What all spellings of a repository's URL have in common: https, ssh and `git@host:path` are one.

    The case of letters does not count, as on GitHub, GitLab and Gitea: taking two repositories for one
    costs a sync, taking one for two would make pushes go unheard.
    """
    try:
        place = NormalizedUrl.from_url(url)
    except ValueError:
        return url
    port = None if place.port == DEFAULT_PORTS[place.scheme] else place.port
    return place.host, port, tuple(step.casefold() for step in place.path)
