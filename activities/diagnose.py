"""Can a sync read this fabric? Everything that it needs is tried, from the worker that would read it.

For `starter.py doctor FABRIC`. What one step refuses keeps the next from being tried.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from activities.check import check
from activities.errors import PermanentError
from activities.git.mirror import GitMirror
from activities.kubernetes.access import kubernetes_access
from activities.kubernetes.live_state import read_live
from fabrics.check import Check
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.resources.kinds import KINDS, SWITCH_PROFILE
from settings import Settings


def examine_sources(config: FabricConfig, settings: Settings) -> list[Check]:
    """The fabric's credentials, its Git directory and its Kubernetes API; both sources side by side."""
    with ThreadPoolExecutor(1, "git") as beside:
        git = beside.submit(lambda: list(_git_checks(config, settings)))
        kubernetes = list(_kubernetes_checks(config, settings))
        return [*git.result(), *kubernetes]


def _git_checks(config: FabricConfig, settings: Settings) -> Iterator[Check]:
    if config.git is None:
        yield Check("Git", True, "The record names no Git repository: only the inventory is kept.")
        return
    mirror = GitMirror(config.git, settings)
    credential = check("Git credential", partial(_git_credential, mirror))
    yield credential
    if credential.ok:
        yield check("Git", partial(_git, mirror))


def _git_credential(mirror: GitMirror) -> str:
    name = mirror.access.credential
    if mirror.access.token or mirror.access.ssh_key:
        return f'The worker has the credential "{name}" for the repository.'
    return f'The worker has no credential "{name}" for Git, and reads the repository anonymously.'


def _git(mirror: GitMirror) -> str:
    source, snapshot = mirror.source, mirror.snapshot()
    return (
        f"The branch {source.branch} of {source.repository} is at {snapshot.commit[:12]};"
        f" {source.directory} holds {len(snapshot.files)} files."
    )


def _kubernetes_checks(config: FabricConfig, settings: Settings) -> Iterator[Check]:
    if config.kubernetes is None:
        why = "hh_kubernetes_server is empty: name the fabric's API there."
        yield Check("Kubernetes", False, why)
        return
    look = partial(_kubernetes_credential, config.kubernetes, settings)
    credential = check("Kubernetes credential", look)
    yield credential
    if credential.ok:
        yield check("Kubernetes", partial(_kubernetes, config.kubernetes, settings))


def _kubernetes_credential(target: KubernetesTarget, settings: Settings) -> str:
    access = kubernetes_access(
        settings.credentials_dir, target, allow_exec=settings.kubernetes_allow_exec
    )
    if not access.credential:
        raise PermanentError(
            f'The worker has no credential "{target.credential}" for Kubernetes: put a kubeconfig, or'
            " token, server and ca.crt, into a folder of that name in its FABRIC_SYNC_CREDENTIALS_DIR."
        )
    return f'The worker has the credential "{access.credential}" for the API.'


def _kubernetes(target: KubernetesTarget, settings: Settings) -> str:
    live = read_live(target, settings)
    compared = [live.resources[kind] for kind in KINDS if kind in live.resources]
    others = ", ".join(sorted(kind.plural for kind in live.not_served))
    return (
        f"The API at {target.server} lists all {len(compared)} kinds that it serves,"
        f" {sum(map(len, compared))} objects in the namespace {target.namespace}"
        + (f"; it does not serve {others}, which are of other releases." if others else ".")
        + ("" if SWITCH_PROFILE in {*live.resources, *live.not_served} else _NO_PROFILES)
    )


_NO_PROFILES: Final = (
    " It does not let switchprofiles be listed, so that the inventory has only those ports of switches"
    " that are in use: bind deploy/clusterrole.yaml anew."
)
