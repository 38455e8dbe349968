"""Checks for `starter.py doctor FABRIC`: can a sync read the fabric's sources?

They run on the worker that would read the fabric. A step that fails ends the checks of its source.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Final

from activities.checks import Check, run_check
from activities.errors import PermanentError
from activities.git.mirror import GitMirror
from activities.kubernetes.access import load_kubernetes_access
from activities.kubernetes.live_state import read_live_state
from fabrics.drift.model import LiveState
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.resources.kinds import COMPARED_KINDS, LISTED_KINDS, SWITCH_PROFILE
from settings import Settings

NO_KUBERNETES_SERVER: Final = "hh_kubernetes_server is empty: name the fabric's API there."
PROFILES_HINT: Final = "so the inventory has only those switch ports that are in use"


def diagnose_sources(config: FabricConfig, settings: Settings) -> list[Check]:
    """Check a fabric's credentials, Git directory and Kubernetes API."""
    context = copy_context()  # so that Git's log lines name the fabric, too
    with ThreadPoolExecutor(1, "git") as executor:
        git = executor.submit(lambda: context.run(lambda: list(_check_git(config, settings))))
        kubernetes = list(_check_kubernetes(config, settings))
        return [*git.result(), *kubernetes]


def _check_git(config: FabricConfig, settings: Settings) -> Iterator[Check]:
    if config.git is None:
        yield Check("Git", True, "The record names no Git repository: only the inventory is kept.")
        return
    mirror = GitMirror(config.git, settings)
    credential = run_check("Git credential", partial(_describe_git_credential, mirror))
    yield credential
    if credential.ok:
        yield run_check("Git", partial(_describe_git, mirror))


def _describe_git_credential(mirror: GitMirror) -> str:
    name = mirror.access.credential
    if mirror.access.token or mirror.access.ssh_key:
        return f'The worker has the credential "{name}" for the repository.'
    return f'The worker has no credential "{name}" for Git and reads the repository anonymously.'


def _describe_git(mirror: GitMirror) -> str:
    source, snapshot = mirror.source, mirror.fetch_snapshot()
    return (
        f"The branch {source.branch} of {source.repository} is at {snapshot.commit[:12]};"
        f" {source.directory} holds {len(snapshot.files)} files."
    )


def _check_kubernetes(config: FabricConfig, settings: Settings) -> Iterator[Check]:
    if config.kubernetes is None:
        yield Check("Kubernetes", False, NO_KUBERNETES_SERVER)
        return
    describe = partial(_describe_kubernetes_credential, config.kubernetes, settings)
    credential = run_check("Kubernetes credential", describe)
    yield credential
    if credential.ok:
        yield run_check("Kubernetes", partial(_describe_kubernetes, config.kubernetes, settings))


def _describe_kubernetes_credential(target: KubernetesTarget, settings: Settings) -> str:
    access = load_kubernetes_access(target, settings)
    if not access.credential:
        raise PermanentError(
            f'The worker has no credential "{target.credential}" for Kubernetes: put a kubeconfig, or'
            f" token, server and ca.crt, into its folder {settings.credentials_dir / target.credential}."
        )
    return f'The worker has the credential "{access.credential}" for the API.'


def _describe_kubernetes(target: KubernetesTarget, settings: Settings) -> str:
    live = read_live_state(target, settings)
    compared = [live.resources[kind] for kind in COMPARED_KINDS if kind in live.resources]
    others = ", ".join(sorted(kind.plural for kind in live.unserved_kinds))
    return (
        f"The API at {target.server} lists all {len(compared)} kinds that it serves,"
        f" {sum(map(len, compared))} objects in the namespace {target.namespace}"
        + (f"; it does not serve {others}, which belong to other releases." if others else ".")
        + _describe_forbidden_kinds(live)
    )


def _describe_forbidden_kinds(live: LiveState) -> str:
    """Describe the kinds that a sync can do without and that may not be listed."""
    read = live.resources.keys() | live.unserved_kinds
    forbidden = [kind for kind in LISTED_KINDS if kind not in read]
    if not forbidden:
        return ""
    plurals = ", ".join(kind.plural for kind in forbidden)
    effect = f", {PROFILES_HINT}" if SWITCH_PROFILE in forbidden else ""
    return f" It does not let {plurals} be listed{effect}: apply deploy/clusterrole.yaml again."
