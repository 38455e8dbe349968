"""Validation of a record's Git settings; errors are `PermanentError`."""

import re
from typing import Final

from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import HTTPError

from activities.connections import Deadline, TimedConnection
from activities.credentials import check_host_allowed, parse_git_url
from activities.errors import PermanentError, classify
from fabrics.hosts import is_loopback
from settings import Settings

BRANCH_PATTERN: Final = re.compile(
    r"(?![-/.])(?!.*(\.\.|//|@\{|/\.|\.lock(/|$)))[^\x00-\x20\x7f~^:?*\[\\]{1,200}(?<![/.])"
)
"""As git-check-ref-format(1) allows."""

COMMIT_PATTERN: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def select_protocol(repository: str, settings: Settings) -> str:
    """Return the only protocol that git may use; file and http need a setting."""
    if not repository.isprintable():
        raise PermanentError("hh_git_repository must not contain control characters.")
    if settings.git_allow_local and repository.startswith("file:///"):
        return "file"
    place = parse_git_url(repository)
    if place.scheme == "http" and not (settings.git_allow_local and is_loopback(place.host)):
        raise PermanentError("hh_git_repository must start with https:// or ssh://.")
    check_host_allowed("hh_git_repository", place, settings)
    return place.scheme


def validate_branch(name: str) -> str:
    """Return the branch name if git allows it."""
    if not BRANCH_PATTERN.fullmatch(name):
        raise PermanentError("hh_git_branch is not a valid branch name.")
    return name


def select_wanted(branch: str, commit: str) -> str:
    """Return what to fetch, as git names it: the commit, or else the branch."""
    if not commit:
        return f"refs/heads/{validate_branch(branch)}"
    if not COMMIT_PATTERN.fullmatch(commit):
        raise PermanentError("A commit is named by all its 40 or 64 hexadecimal digits.")
    return commit


def validate_directory(path: str) -> str:
    """Return the directory relative to the repository's root."""
    steps = [step for step in path.split("/") if step]
    if {".", ".."} & set(steps) or not path.isprintable():
        raise PermanentError("hh_git_directory must be a path inside the repository, without '..'.")
    return "/".join(steps)


def uses_proxy(repository: str) -> bool:
    """Return whether the environment names a proxy for this repository's host."""
    return bool(select_proxy(repository, get_environ_proxies(repository)))


def check_host_reachable(repository: str, deadline: Deadline) -> None:
    """Raise `NoResponseError` if the host accepts no connection by `deadline`.

    Only for http, where git would wait five minutes and has no setting for that. A host behind a proxy is not
    checked.
    """
    if uses_proxy(repository):
        return
    place = parse_git_url(repository)
    try:
        timeout = deadline.count_seconds_left()
        connection = TimedConnection(place.host, place.port, timeout=timeout)
        connection.connect()
    except (TimeoutError, HTTPError) as error:
        raise classify(error, f"The Git repository {repository}") from error
    connection.close()
