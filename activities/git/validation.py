"""What a record says about Git, checked before git sees it. What is wrong there raises `PermanentError`."""

import re
import socket
from typing import Final

from requests.utils import get_environ_proxies, select_proxy

from activities.credentials import parse_git_url
from activities.errors import PermanentError, classify

BRANCH_PATTERN: Final = re.compile(
    r"(?![-/.])(?!.*(\.\.|//|@\{|/\.|\.lock(/|$)))[^\x00-\x20\x7f~^:?*\[\\]{1,200}(?<![/.])"
)
"""What git-check-ref-format(1) allows."""

LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def select_protocol(repository: str, *, allow_local: bool) -> str:
    """The one transport that git may use: https or ssh; for development file, or http on loopback."""
    if allow_local and repository.startswith("file:///"):
        return "file"
    place = parse_git_url(repository)
    if place.scheme == "http" and not (allow_local and place.host in LOOPBACK_HOSTS):
        raise PermanentError("hh_git_repository must start with https:// or ssh://.")
    return place.scheme


def validate_branch(name: str) -> str:
    """The branch, if it is a name that git takes for one."""
    if not BRANCH_PATTERN.fullmatch(name):
        raise PermanentError("hh_git_branch is no name of a branch.")
    return name


def validate_directory(path: str) -> str:
    """The directory relative to the repository's root, without slashes at its ends."""
    steps = [step for step in path.split("/") if step]
    if {".", ".."} & set(steps) or not path.isprintable():
        raise PermanentError("hh_git_directory must be a path inside the repository, without '..'.")
    return "/".join(steps)


def check_host_reachable(repository: str, connect_timeout_seconds: float) -> None:
    """Raise `NoResponseError` where the host takes no connection within `connect_timeout_seconds` seconds.

    For http alone: there git would wait five minutes, and knows no setting for less. What lies behind
    a proxy only the proxy can tell.
    """
    if select_proxy(repository, get_environ_proxies(repository)):
        return
    place = parse_git_url(repository)
    try:
        socket.create_connection((place.host, place.port), connect_timeout_seconds).close()
    except OSError as error:
        raise classify(error, f"The Git repository {repository}") from error
    except UnicodeError as error:  # a label of the name is empty, or too long
        raise PermanentError(f"The Git repository {repository} is not a usable URL.") from error
