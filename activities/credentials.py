"""Credentials: secrets in files on the worker, found by the name that a fabric's record gives.

A credential is a folder `<credentials_dir>/<name>/`, laid out as a mounted Kubernetes Secret:

    kubeconfig                       for the fabric's Kubernetes API; or
    token, server, ca.crt            a bearer token, the URL it is for, the CA (system's if absent)
    git-token or ssh-key, git-url    for Git over https or ssh, and the URLs it is for
    known_hosts                      with ssh-key: the host keys that are expected
    git-ca.crt, git-username         where the Git host has a CA of its own, or asks for a user name

The files alone say where a secret may go; a record that names another place is refused, so editing
NetBox is no way to collect secrets. `server` is that one API. Each line of `git-url` is a repository,
or a folder of repositories: `https://git.example.com/fabrics` covers everything below it, not
`https://git.example.com/fabrics-old`. Where there are no files for a source, it is read anonymously.
"""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

from activities.errors import PermanentError

CREDENTIAL_NAME_PATTERN: Final = re.compile(r"(?!\.+$)[A-Za-z0-9._-]{1,100}")
SCP_URL_PATTERN: Final = re.compile(r"([\w.-]+@)?(?P<host>[\w.]+[\w.-]*):(?P<path>[^:/].*)")
DEFAULT_PORTS: Final = {"https": 443, "http": 80, "ssh": 22}
DEFAULT_GIT_USERNAME: Final = "x-token-auth"
"""GitHub, GitLab and Gitea take a token with any user name, Bitbucket with this one."""


class NormalizedUrl(NamedTuple):
    """Where a URL leads, so that two spellings of one place are equal."""

    scheme: str
    host: str
    port: int
    path: tuple[str, ...]

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Raises `ValueError` for a URL that may mean different places to different programs."""
        parts, port = _split_url(url)
        steps = [step for step in unquote(parts.path).split("/") if step]
        if {".", ".."} & set(steps) or not unquote(parts.path).isprintable() or "\\" in url:
            raise ValueError("it has '.', '..', '\\' or control characters in its path")
        host = parts.hostname or "-"
        if parts.query or parts.fragment or parts.password is not None or host.startswith("-"):
            raise ValueError("it must name a host, and no password, '?' or '#'")
        if parts.scheme not in DEFAULT_PORTS or (parts.username and parts.scheme != "ssh"):
            raise ValueError("it must start with https:// or ssh://, without a user name for https")
        path = (*steps[:-1], steps[-1].removesuffix(".git")) if steps else ()
        return cls(parts.scheme, host.rstrip("."), port or DEFAULT_PORTS[parts.scheme], path)

    def covers(self, other: "NormalizedUrl") -> bool:
        """Whether `other` is this place or lies below it."""
        return self[:3] == other[:3] and other.path[: len(self.path)] == self.path


def _split_url(url: str) -> tuple[SplitResult, int | None]:
    """The parts of a URL and its port; `git@host:path` is read as ssh takes it."""
    if re.search(r"\s", url):
        raise ValueError("it has a space in it")
    if "://" not in url and (scp := SCP_URL_PATTERN.fullmatch(url)):
        url = f"ssh://{scp['host']}/{scp['path']}"
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        raise ValueError("its host or port is malformed") from None


@dataclass(frozen=True)
class Credential:
    """One folder of secrets. No sentence on it repeats what its files hold."""

    name: str
    folder: Path

    @classmethod
    def find(cls, directory: Path, name: str) -> Self | None:
        """The credential of this name, None where there is no such folder."""
        if not CREDENTIAL_NAME_PATTERN.fullmatch(name):
            raise PermanentError(
                "hh_credentials must be the name of a credential: letters, digits, '.', '_' and '-'."
            )
        folder = directory / name
        return cls(name, folder) if folder.is_dir() else None

    def find_file(self, file: str) -> Path | None:
        """The file, None where there is none."""
        path = self.folder / file
        return path if path.is_file() else None

    def read_text(self, file: str) -> str | None:
        """What the file holds, without the line end that editors add; None where there is none."""
        path = self.find_file(file)
        try:
            return path.read_text().strip() if path else None
        except (OSError, UnicodeDecodeError) as error:
            raise self.file_error(file, "cannot be read as text by the worker; check it") from error

    def read_token(self, file: str) -> SecretStr | None:
        """A token in the file; it must be one word, as everything else would end up in a header."""
        text = self.read_text(file)
        if text is None:
            return None
        if not re.fullmatch(r"[\x21-\x7e]+", text):
            raise self.file_error(file, "must hold one token and nothing else; write it anew")
        return SecretStr(text)

    def require_file(self, file: str, why: str) -> Path:
        """The file, which must be there, because of `why`."""
        path = self.find_file(file)
        if path is None:
            raise self.file_error(file, f"is missing: {why}")
        return path

    def read_urls(self, file: str, why: str) -> list[NormalizedUrl]:
        """The URLs in the file, one a line."""
        self.require_file(file, why)
        try:
            return [NormalizedUrl.from_url(line) for line in (self.read_text(file) or "").split()]
        except ValueError as error:
            raise self.file_error(file, f"holds a URL that cannot be used: {error}") from error

    def file_error(self, file: str, what: str) -> PermanentError:
        """What is wrong with a file, as a sentence."""
        return PermanentError(f"Credential {self.name}: the file {file} {what}.")


@dataclass(frozen=True)
class GitAccess:
    """How to read one repository. All empty: anonymously."""

    credential: str
    username: str = DEFAULT_GIT_USERNAME
    token: SecretStr | None = None
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    ca_cert: Path | None = None


def resolve_git_access(directory: Path, name: str, repository: str) -> GitAccess:
    """The access to `repository` with the credential of this name. Raises `PermanentError`."""
    credential = Credential.find(directory, name)
    over_ssh = parse_git_url(repository).scheme == "ssh"
    if credential is None or not (
        credential.find_file("git-token") or credential.find_file("ssh-key")
    ):
        if over_ssh:
            raise PermanentError(
                f"Git over ssh needs a key: put ssh-key, known_hosts and git-url into the folder"
                f" {name} of the worker's credentials, or name the repository by https."
            )
        return GitAccess(name, ca_cert=credential.find_file("git-ca.crt") if credential else None)
    _check_git_url(credential, repository)
    return _load_ssh_access(credential) if over_ssh else _load_https_access(credential)


def parse_git_url(repository: str) -> NormalizedUrl:
    """Where the repository is. Raises `PermanentError`."""
    try:
        return NormalizedUrl.from_url(repository)
    except ValueError as error:
        raise PermanentError(f"hh_git_repository is no URL that can be read: {error}.") from error


def _check_git_url(credential: Credential, repository: str) -> None:
    why = "write the URL of the repository (or of a folder of them) that the secret is for into it"
    place = parse_git_url(repository)
    if not any(allowed.covers(place) for allowed in credential.read_urls("git-url", why)):
        raise PermanentError(
            f"Credential {credential.name} is not for this repository: its file git-url names"
            " another place. Correct hh_git_repository, or name another credential."
        )


def _load_https_access(credential: Credential) -> GitAccess:
    credential.require_file("git-token", "https needs a token; use ssh with the ssh-key")
    return GitAccess(
        credential.name,
        username=credential.read_text("git-username") or DEFAULT_GIT_USERNAME,
        token=credential.read_token("git-token"),
        ca_cert=credential.find_file("git-ca.crt"),
    )


def _load_ssh_access(credential: Credential) -> GitAccess:
    key = credential.require_file("ssh-key", "ssh needs a key; use https with the git-token")
    known = credential.require_file("known_hosts", "without the host's key its identity is unknown")
    status = key.stat()
    if status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) & 0o077:
        raise credential.file_error(
            "ssh-key", "is readable by others, which ssh refuses: chmod 400 it"
        )
    return GitAccess(credential.name, ssh_key=key, known_hosts=known)
