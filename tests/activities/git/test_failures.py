"""What git says of a failed fetch becomes a sentence with what to do.

Its words depend on its version and on its library for TLS, so the git of one host does not say all of them.
"""

from pathlib import Path

import pytest

from activities.credentials import GitAccess
from activities.errors import ClassifiedError, NoResponseError, PermanentError
from activities.git.command import GitError
from activities.git.failures import classify_fetch_error
from fabrics.record.config import GitSource

URL = "https://git.example.com/fleet.git"
SOURCE = GitSource(repository=URL, branch="main", directory="/", credential="lab")
UNABLE = f"fatal: unable to access '{URL}/': "
KILLED = "fatal: fetch-pack: invalid index-pack output\n"


def classify(words: str) -> ClassifiedError | None:
    return classify_fetch_error(GitError(words, timed_out=False), SOURCE, GitAccess(Path("lab")))


@pytest.mark.parametrize(
    "words", [KILLED, "error: index-pack died of signal 9\nfatal: index-pack failed\n"]
)
def test_git_that_was_killed_had_too_much_to_read(words: str) -> None:
    error = classify(words)
    assert isinstance(error, PermanentError)
    assert "is too large: git may use" in str(error)


def test_pack_that_breaks_off_is_not_too_large() -> None:
    error = classify(f"fatal: early EOF\n{KILLED}")
    assert isinstance(error, NoResponseError)
    assert "broke off" in str(error)


def test_pack_that_does_not_fit_a_damaged_mirror_is_not_too_large() -> None:
    """An error that is unknown makes the mirror be created again."""
    assert classify(f"fatal: pack has 3 unresolved deltas\n{KILLED}") is None


@pytest.mark.parametrize(
    "words",
    [
        "Problem with the SSL CA cert (path? access rights?)",
        "error reading ca cert file /credentials/lab/git-ca.crt",
        "error adding trust anchors from file: /credentials/lab/git-ca.crt",
        "error setting certificate verify locations:  CAfile: /credentials/lab/git-ca.crt",
    ],
)
def test_unusable_file_of_a_ca_is_named(words: str) -> None:
    error = classify(UNABLE + words)
    assert isinstance(error, PermanentError)
    assert "correct git-ca.crt of the credential lab, or the file in SSL_CERT_FILE" in str(error)


@pytest.mark.parametrize(
    "words",
    [
        "SSL certificate problem: certificate has expired",
        "SSL certificate problem: certificate is not yet valid",
        "server certificate expiration date has passed.",
        "server certificate not activated yet.",
    ],
)
def test_certificate_of_another_time_is_named(words: str) -> None:
    error = classify(UNABLE + words)
    assert isinstance(error, PermanentError)
    assert "has expired or is not valid yet: renew it, or correct the clock" in str(error)
