"""What git's complaints mean, as sentences for the people who can do something about them.

git explains itself in prose on stderr. Only its own words are looked at: neither what the other side
had it print (`remote: ...`) nor names in it, and none are repeated to anybody.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from activities.credentials import GitAccess
from activities.errors import ClassifiedError, NoResponseError, PermanentError, TransientError
from activities.git.command import GitError
from fabrics.record.config import GitSource

MISSING_BRANCH_PATTERN: Final = re.compile(r"couldn't find remote ref")

TRANSIENT_PATTERNS: Final[tuple[tuple[str, type[TransientError], str], ...]] = (
    (r"could not resolve host", NoResponseError, "cannot be found: its host name does not resolve"),
    (r"connection refused", NoResponseError, "refused the connection: nothing listens there"),
    (
        r"(failed|couldn't|could not|unable) to connect|no route to host",
        NoResponseError,
        "cannot be reached",
    ),
    (r"timed out", NoResponseError, "did not answer in time"),
    (r"no space left on device", TransientError, "cannot be kept: the worker's disk is full"),
    (r"returned error: (429|5\d\d)", TransientError, "is not available at the moment"),
    (
        r"connection (was )?(reset|closed)|early eof|disconnect|hung up|rpc failed",
        NoResponseError,
        "broke off",
    ),
    (r"ssl_(read|connect|error)|gnutls", NoResponseError, "broke off"),
)

PERMANENT_PATTERNS: Final = (
    (r"could not read (username|password)|authentication failed", "{refused}"),
    (r"returned error: 40[13]", "{refused}"),
    (r"unprotected private key", "needs an ssh-key in {name} that only the worker can read"),
    (r"host key verification failed", "has another host key than known_hosts in {name} says"),
    (r"permission denied \(", "{refused}"),
    (
        r"certificate",
        "has a certificate that is not trusted; a CA of your own is git-ca.crt in its credential",
    ),
    (r"returned error: 30\d", "redirects elsewhere: name the final URL in hh_git_repository"),
    (
        r"returned error: 404|not found|not appear to be a git repository|is this a git repository",
        "does not exist, or {name} may not see it: check hh_git_repository",
    ),
    (r"dumb http transport", "is served as plain files, without Git's own protocol"),
    (r"transport .*not allowed", "has an address of a kind that is not allowed"),
    (r"fsck error", "holds data that git's own checks refuse"),
)


def classify_fetch_error(
    error: GitError, source: GitSource, access: GitAccess
) -> ClassifiedError | None:
    """What a failed fetch means; None when git says something that is not known here."""
    who = f"The Git repository {source.repository}"
    if error.timed_out:
        return NoResponseError(f"{who} did not answer in time.")
    words = _strip_names(strip_remote_output(error), source)
    for pattern, made, meaning in TRANSIENT_PATTERNS:
        if re.search(pattern, words):
            return made(f"{who} {meaning}.")
    for pattern, meaning in PERMANENT_PATTERNS:
        if re.search(pattern, words):
            what = meaning.format(name=_describe_reader(access), refused=_describe_refusal(access))
            return PermanentError(f"{who} {what}.")
    return None


def _describe_reader(access: GitAccess) -> str:
    known = access.token or access.ssh_key
    return f"the credential {access.credential}" if known else "a reader without credentials"


def _describe_refusal(access: GitAccess) -> str:
    if access.token:
        return f"refused the credential {access.credential}: renew its git-token"
    if access.ssh_key:
        return f"refused the credential {access.credential}: let it have the public key of ssh-key"
    return (
        "asks for credentials, and the worker has none: put git-token and git-url into a folder"
        f" {access.credential}"
    )


def strip_remote_output(error: GitError) -> str:
    """What git wrote, without what the other side had it print."""
    lines = error.output.splitlines()
    return "\n".join(line for line in lines if not line.startswith("remote:"))


def _strip_names(output: str, source: GitSource) -> str:
    """In lower case, without the names of places: one may read `timed-out` or `ssl`."""
    output = re.sub(r"'[^']*'", "", output)
    for name in (source.repository, urlsplit(source.repository).hostname, source.branch):
        output = output.replace(name, "") if name else output
    return output.lower()
