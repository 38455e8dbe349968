"""Classification of git's error messages, as sentences for operators.

git explains failures in prose on stderr. Only git's own words are matched: neither output of the server
(`remote: ...`) nor names. None of it is repeated to people.
"""

import re
from difflib import get_close_matches
from typing import Final
from urllib.parse import urlsplit

from activities.credentials import GitAccess
from activities.errors import (
    ClassifiedError,
    NoResponseError,
    PermanentError,
    TransientError,
    classify_status,
    one_line,
)
from activities.git.command import MAX_CPU_SECONDS, MAX_FILE_BYTES, MAX_MEMORY_BYTES, GitError
from fabrics.record.config import GitSource

MISSING_BRANCH_PATTERN: Final = re.compile(r"couldn't find remote ref")

MISSING_COMMIT_PATTERN: Final = re.compile(r"not our ref|request for unadvertised object")

TOO_LARGE_PATTERN: Final = re.compile(r"file too large|out of memory")
"""Of several messages this one counts: git also says that the connection broke off, since it did not read on."""

TOO_LARGE: Final = (
    f"is too large: git may use {MAX_FILE_BYTES >> 20} MB of disk, {MAX_MEMORY_BYTES >> 20} MB of memory and"
    f" {MAX_CPU_SECONDS} s of processor time for a branch. Move the manifests into a repository of their own"
)

KILLED_PATTERN: Final = (
    r"(?s)\A(?!.*fatal: (?!fetch-pack|index-pack)).*(invalid index-pack output|died of signal 9)"
)
"""git's index-pack says why it fails, as `fatal: ...`, unless it is killed: by its limit of processor time, or for want
of memory. Then only these words of its parent are left."""

TRANSIENT_PATTERNS: Final[tuple[tuple[str, type[TransientError], str], ...]] = (
    (r"could not resolve host", NoResponseError, "cannot be found: its host name does not resolve"),
    (r"connection refused", NoResponseError, "refused the connection: nothing listens there"),
    (
        r"(failed|couldn't|could not|unable) to connect|no route to host",
        NoResponseError,
        "cannot be reached",
    ),
    (r"timed out", NoResponseError, "did not answer in time"),
    (r"no space left on device", TransientError, "cannot be mirrored: the worker's disk is full"),
    (r"returned error: (429|5\d\d)", TransientError, "is not available at the moment"),
    (
        r"connection (was )?(reset|closed)|early eof|disconnect|hung up|rpc failed"
        r"|ssl_(read|connect|error)|gnutls",
        NoResponseError,
        "broke off",
    ),
)

PERMANENT_PATTERNS: Final = (
    (r"could not read (username|password)|authentication failed", "{refused}"),
    (r"returned error: 40[13]", "{refused}"),
    (r"unprotected private key", "needs an ssh-key in {name} that only the worker can read"),
    (r"host key verification failed", "has a host key that is not in known_hosts of {name}"),
    (r"permission denied \(", "{refused}"),
    (
        r"does not match target|subject name matches target",
        "has a certificate of another host: name the host of the certificate in hh_git_repository, or renew it",
    ),
    (
        r"ssl ca cert|ca cert file|trust anchors|verify locations",
        "cannot be verified, since the file of its CA is unusable: correct git-ca.crt of the credential"
        " {credential}, or the file in SSL_CERT_FILE",
    ),
    (
        r"has expired|expiration date|not activated|not yet valid",
        "has a certificate that has expired or is not valid yet: renew it, or correct the clock of the worker's host",
    ),
    (
        r"certificate",  # with GnuTLS also of one that has expired
        "has a certificate that is not trusted or has expired: put its CA into git-ca.crt of the credential"
        " {credential}, or into the file in SSL_CERT_FILE, or renew it",
    ),
    (r"returned error: 30\d", "redirects elsewhere: name the final URL in hh_git_repository"),
    (
        r"returned error: 404|not found|not appear to be a git repository|is this a git repository",
        "does not exist, or {name} may not see it: check hh_git_repository",
    ),
    (r"dumb http transport", "is served as plain files, without Git's own protocol"),
    (r"transport .*not allowed", "has a URL whose protocol is not allowed"),
    (r"fsck error", "contains data that fails git's own checks"),
    (KILLED_PATTERN, TOO_LARGE),
)


def classify_fetch_error(
    error: GitError, source: GitSource, access: GitAccess
) -> ClassifiedError | None:
    """Return the error for a failed fetch; None if git's message is unknown."""
    repository = f"The Git repository {source.repository}"
    if error.timed_out:
        return NoResponseError(f"{repository} did not answer in time.")
    output = _strip_names(error.local_output, source)
    if TOO_LARGE_PATTERN.search(output):
        return PermanentError(f"{repository} {TOO_LARGE}.")
    for pattern, error_type, meaning in TRANSIENT_PATTERNS:
        if re.search(pattern, output):
            return error_type(f"{repository} {meaning}.")
    for pattern, meaning in PERMANENT_PATTERNS:
        if re.search(pattern, output):
            what = meaning.format(
                name=_describe_reader(access),
                refused=_describe_refusal(access),
                credential=access.credential,
            )
            return PermanentError(f"{repository} {what}.")
    return None


def build_missing_branch_error(heads: bytes, source: GitSource) -> PermanentError:
    """Return the error for a branch that is not among those of `git ls-remote`."""
    repository = f"The Git repository {source.repository}"
    lines = heads.decode(errors="replace").split("\n")
    names = [name for line in lines if (name := line.partition("\trefs/heads/")[2])]
    if not names:
        return PermanentError(
            f"{repository} has no branches: it is empty, or not a Git repository. Push a branch"
            f" {source.branch}, or correct hh_git_repository."
        )
    similar = one_line(", ".join(get_close_matches(source.branch, names, cutoff=0.0)))
    return PermanentError(
        f"{repository} has no branch {source.branch} (but {similar}): check hh_git_branch."
    )


def build_missing_commit_error(commit: str, source: GitSource) -> PermanentError:
    """Return the error for a commit that the server does not send."""
    return PermanentError(
        f"The Git repository {source.repository} has no commit {commit}, or does not send single commits: push"
        " it first, or compare its branch (`diff --branch`)."
    )


def build_missing_directory_error(
    source: GitSource, commit: str, *, is_file: bool
) -> PermanentError:
    """Return the error for a path that is a file, or that a commit does not have.

    `commit` is empty for the tip of the branch.
    """
    what = "is not a directory" if is_file else "does not exist"
    if commit:
        return PermanentError(
            f"The path {source.directory} {what} in commit {commit} of {source.repository}: compare a commit that has"
            " it, or check hh_git_directory."
        )
    return PermanentError(
        f"The path {source.directory} {what} in branch {source.branch} of {source.repository}: check hh_git_directory."
    )


def build_too_many_files_error(source: GitSource) -> PermanentError:
    """Return the error for a directory whose list is too long."""
    return PermanentError(
        f"The Git repository {source.repository} holds too many files in {source.directory}: name a directory in"
        " hh_git_directory that holds only this fabric's manifests."
    )


def classify_refusal(
    status: int, retry_after: str | None, source: GitSource, access: GitAccess
) -> ClassifiedError | None:
    """Return the error for an HTTP status that git would only get again, or None."""
    repository = f"The Git repository {source.repository}"
    if status in {401, 403}:
        return PermanentError(f"{repository} {_describe_refusal(access)}.")
    if status in {429, 503}:
        return classify_status(repository, status, retry_after=retry_after)
    return None


def _describe_reader(access: GitAccess) -> str:
    secret = access.token or access.ssh_key
    return f"the credential {access.credential}" if secret else "a reader without credentials"


def _describe_refusal(access: GitAccess) -> str:
    if access.token:
        return f"refused the credential {access.credential}: renew its git-token"
    if access.ssh_key:
        return f"refused the credential {access.credential}: register the public key of its ssh-key"
    return (
        "requires a credential, and the worker has none: put git-token and git-url into its folder"
        f" {access.folder}"
    )


def _strip_names(output: str, source: GitSource) -> str:
    """Return the output in lower case without names, which may contain `ssl`."""
    output = re.sub(r"'[^']*'", "", output)
    for name in (source.repository, urlsplit(source.repository).hostname, source.branch):
        output = output.replace(name, "") if name else output
    return output.lower()
