"""Which fabrics follow a branch that was pushed."""

from collections.abc import Collection, Iterable

from activities.credentials import DEFAULT_PORTS, Place
from fabrics.record.config import FabricConfig
from webhooks.payloads import Push

type Where = tuple[str, int | None, tuple[str, ...]]
"""Host, port if it is not the usual one, path."""


def followers(configs: Iterable[FabricConfig], pushes: Collection[Push]) -> list[str]:
    """The ids of the fabrics whose desired state is on one of the pushed branches.

    Fabrics that are paused or switched off follow nothing: a push is no person who asks for a sync.
    """
    pushed = {(where(url), push.branch) for push in pushes for url in push.urls}
    return [
        config.fabric_id
        for config in configs
        if config.fabric_id and config.wants_a_loop and not config.paused
        if config.git and (where(config.git.repository), config.git.branch) in pushed
    ]


def where(url: str) -> Where | str:
    """What all spellings of a repository's URL have in common: https, ssh and `git@host:path` are one.

    The case of letters does not count, as on GitHub, GitLab and Gitea: taking two repositories for one
    costs a sync, taking one for two would make pushes go unheard.
    """
    try:
        place = Place.of(url)
    except ValueError:
        return url
    port = None if place.port == DEFAULT_PORTS[place.scheme] else place.port
    return place.host, port, tuple(step.casefold() for step in place.path)
