"""Credentials: secrets in files on the worker, named by a fabric's record.

A credential is a folder `<credentials_dir>/<name>/`, laid out as a mounted Kubernetes Secret:

    kubeconfig                       for the fabric's Kubernetes API; or
    token, server, ca.crt            a bearer token, the URL it is for, the CA (system's if absent)
    git-token or ssh-key, git-url    for Git over https or ssh, and the URLs it is for
    known_hosts                      with ssh-key: the expected host keys
    git-ca.crt, git-username         if the Git host has its own CA, or requires a user name

Only these files say where a secret may be sent. A record that names another place is refused, so nobody
can collect secrets by editing NetBox. `server` is the URL of one API. Each line of `git-url` is a repository
or a folder of repositories: `https://git.example.com/fabrics` covers everything below it, but not
`https://git.example.com/fabrics-old`. A source without files is read anonymously.
"""

import base64
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

from activities.errors import PermanentError
from activities.secrets.sources import REDACTED
from fabrics.hosts import is_covered
from settings import Settings

CREDENTIAL_NAME_PATTERN: Final = re.compile(r"(?!\.+$)[A-Za-z0-9._-]{1,100}")
SCP_URL_PATTERN: Final = re.compile(r"([\w.-]+@)?(?P<host>[\w.]+[\w.-]*):(?P<path>[^:/].*)")
DEFAULT_PORTS: Final = {"https": 443, "http": 80, "ssh": 22}
DEFAULT_GIT_USERNAME: Final = "x-token-auth"
"""GitHub, GitLab and Gitea accept a token with any user name, Bitbucket with this one."""


class NormalizedUrl(NamedTuple):
    """The place that a URL leads to; two spellings of one place are equal."""

    scheme: str
    host: str
    port: int
    path: tuple[str, ...]

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Parse `url`. Raises `ValueError` where programs may disagree on what it means."""
        parts, port = _split_url(url)
        steps = [step for step in unquote(parts.path).split("/") if step]
        if {".", ".."} & set(steps) or not unquote(parts.path).isprintable() or "\\" in url:
            raise ValueError("its path contains '.', '..', '\\' or control characters")
        host = parts.hostname or "-"
        if parts.query or parts.fragment or parts.password is not None or host.startswith("-"):
            raise ValueError("it must contain a host, but no password, '?' or '#'")
        if parts.scheme not in DEFAULT_PORTS or (parts.username and parts.scheme != "ssh"):
            raise ValueError("it must start with https:// or ssh://, without a user name for https")
        path = (*steps[:-1], steps[-1].removesuffix(".git")) if steps else ()
        return cls(parts.scheme, host.rstrip("."), port or DEFAULT_PORTS[parts.scheme], path)

    def covers(self, other: "NormalizedUrl") -> bool:
        """Return whether `other` is this place or lies below it."""
        return self[:3] == other[:3] and other.path[: len(self.path)] == self.path


def _split_url(url: str) -> tuple[SplitResult, int | None]:
    """Return the parts and the port of a URL; `git@host:path` is an ssh URL."""
    if re.search(r"\s", url):
        raise ValueError("it contains a space")
    if "://" not in url and (scp := SCP_URL_PATTERN.fullmatch(url)):
        url = f"ssh://{scp['host']}/{scp['path']}"
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        raise ValueError("its host or port is malformed") from None


def check_host_allowed(field: str, url: NormalizedUrl, settings: Settings) -> None:
    """Raise `PermanentError` if a record's field names a host that is not allowed."""
    if settings.allowed_hosts and not is_covered(url.host, settings.allowed_hosts):
        raise PermanentError(
            f"{field} names the host {url.host}, which FABRIC_SYNC_ALLOWED_HOSTS of this fabric's worker does not"
            " cover: name another host, or have it added there."
        )


@dataclass(frozen=True)
class Credential:
    """One folder of secrets. Error messages never repeat what its files contain."""

    name: str
    folder: Path

    @classmethod
    def find(cls, directory: Path, name: str) -> Self | None:
        """Return the credential `name`, or None if `directory` has no such folder."""
        if not CREDENTIAL_NAME_PATTERN.fullmatch(name):
            raise PermanentError(
                "hh_credentials must be the name of a credential: letters, digits, '.', '_' and '-'."
            )
        folder = directory / name
        return cls(name, folder) if folder.is_dir() else None

    def find_file(self, file: str) -> Path | None:
        """Return the path of a file, or None if there is none."""
        path = self.folder / file
        return path if path.is_file() else None

    def read_text(self, file: str) -> str | None:
        """Return the text of a file without the line break that editors append, or None."""
        path = self.find_file(file)
        try:
            return path.read_text().strip() if path else None
        except (OSError, UnicodeDecodeError) as error:
            raise self.file_error(file, "cannot be read as text by the worker; check it") from error

    def read_token(self, file: str) -> SecretStr | None:
        """Return the token in a file, or None. It must be one word, to be a header."""
        text = self.read_text(file)
        if text is None:
            return None
        if not re.fullmatch(r"[\x21-\x7e]+", text):
            raise self.file_error(file, "must contain one token and nothing else; correct it")
        return SecretStr(text)

    def require_file(self, file: str, why: str) -> Path:
        """Return the path of a file that must exist; `why` ends the error message."""
        path = self.find_file(file)
        if path is None:
            raise self.file_error(file, f"is missing: {why}")
        return path

    def read_urls(self, file: str, why: str) -> list[NormalizedUrl]:
        """Return the URLs in a file, one per line."""
        self.require_file(file, why)
        try:
            return [NormalizedUrl.from_url(line) for line in (self.read_text(file) or "").split()]
        except ValueError as error:
            raise self.file_error(file, f"contains an unusable URL: {error}") from error

    def file_error(self, file: str, what: str) -> PermanentError:
        """Return an error that says `what` is wrong with a file."""
        return PermanentError(f"Credential {self.name}: the file {file} {what}.")


@dataclass(frozen=True)
class GitAccess:
    """The credential for one repository; anonymous without a token or a key.

    `folder` is where its files are, or belong.
    """

    folder: Path
    username: str = DEFAULT_GIT_USERNAME
    token: SecretStr | None = None
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    ca_cert: Path | None = None

    @property
    def credential(self) -> str:
        """The name of the credential."""
        return self.folder.name

    @property
    def authorization(self) -> str:
        """The HTTP header `Authorization` for the token; empty without one."""
        if self.token is None:
            return ""
        pair = f"{self.username}:{self.token.get_secret_value()}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"

    def redact(self, text: str) -> str:
        """Return the words of a server without the token, which it may repeat."""
        if self.token is None:
            return text
        encoded = self.authorization.removeprefix("Basic ")
        for secret in (self.token.get_secret_value(), encoded):
            text = text.replace(secret, REDACTED)
        return text


def resolve_git_access(directory: Path, name: str, repository: str) -> GitAccess:
    """Return the access to a repository. Raises `PermanentError`."""
    credential = Credential.find(directory, name)
    over_ssh = parse_git_url(repository).scheme == "ssh"
    if credential is None or not any(map(credential.find_file, ("git-token", "ssh-key"))):
        if over_ssh:
            raise PermanentError(
                f"Git over ssh needs a key: put ssh-key, known_hosts and git-url into the worker's folder"
                f" {directory / name}, or use the https URL of the repository."
            )
        ca_cert = credential.find_file("git-ca.crt") if credential else None
        return GitAccess(directory / name, ca_cert=ca_cert)
    _check_git_url(credential, repository)
    return _load_ssh_access(credential) if over_ssh else _load_https_access(credential)


def parse_git_url(repository: str) -> NormalizedUrl:
    """Return the place of a repository. Raises `PermanentError`."""
    try:
        return NormalizedUrl.from_url(repository)
    except ValueError as error:
        raise PermanentError(f"hh_git_repository is not a usable URL: {error}.") from error


def _check_git_url(credential: Credential, repository: str) -> None:
    why = "write into it the URL of the repository, or folder of repositories, the secret is for"
    url = parse_git_url(repository)
    if not any(allowed.covers(url) for allowed in credential.read_urls("git-url", why)):
        raise PermanentError(
            f"Credential {credential.name} is not for this repository: its file git-url names"
            " another place. Correct hh_git_repository, or name another credential."
        )


def _load_https_access(credential: Credential) -> GitAccess:
    credential.require_file("git-token", "https needs a token; for the ssh-key use an ssh URL")
    return GitAccess(
        credential.folder,
        username=credential.read_text("git-username") or DEFAULT_GIT_USERNAME,
        token=credential.read_token("git-token"),
        ca_cert=credential.find_file("git-ca.crt"),
    )


def _load_ssh_access(credential: Credential) -> GitAccess:
    key = credential.require_file("ssh-key", "ssh needs a key; for the git-token use an https URL")
    known = credential.require_file("known_hosts", "without its key the host cannot be verified")
    status = key.stat()
    if status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) & 0o077:
        what = "is readable by others, which ssh refuses: chmod 400 it"
        raise credential.file_error("ssh-key", what)
    return GitAccess(credential.folder, ssh_key=key, known_hosts=known)
