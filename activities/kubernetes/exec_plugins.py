"""Programs that a kubeconfig runs to log in, and the logins that they returned.

A login is kept until it expires or the API refuses it, as kubectl does. Each credential has a lock of its own, and a
program that takes too long is killed with all that it has started.
Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

import json
import math
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from threading import Lock
from typing import Annotated, Any, Final

import msgspec

from activities.connections import Deadline
from activities.credentials import Credential
from activities.errors import NoResponseError, PermanentError
from activities.process_groups import NETWORK_VARIABLES, communicate, inherit_variables

KUBECONFIG_FILE: Final = "kubeconfig"

MAX_OUTPUT_BYTES: Final = 1024 * 1024
"""Bytes that a program may print; a token with certificates has some 10 KB."""

EXPIRY_MARGIN: Final = timedelta(seconds=60)
"""So long before it expires, a login is renewed: a sync may take as long."""

REFUSED_AGAIN_SECONDS: Final = 30.0
"""If the API refuses a second login so soon, the program returns none that it accepts."""

EXEC_EXTENSION: Final = "client.authentication.k8s.io/exec"
"""The extension of a cluster that a kubeconfig holds for the program."""

INHERITED_VARIABLES: Final = (
    *NETWORK_VARIABLES,
    *("HOME", "USER", "LOGNAME", "LANG", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_CONFIG_FILE"),
    *("AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE", "AWS_STS_REGIONAL_ENDPOINTS"),
    *("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    *("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    *("AZURE_AUTHORITY_HOST", "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"),
    *("GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG"),
)
"""What login programs need of the worker's variables: the network, where their user's files are, and who the worker is
in a cloud (names and files that the cloud's own pods get). Secrets are not among them: a program that needs more has it
in `env` of its kubeconfig."""


class _Variable(msgspec.Struct, frozen=True):
    name: str
    value: str


class ExecPlugin(msgspec.Struct, frozen=True, rename="camel"):
    """How a kubeconfig runs a program (`users[].user.exec`)."""

    command: str
    api_version: str
    args: list[str] | None = None
    env: list[_Variable] | None = None
    provide_cluster_info: bool = False


class ExecLogin(msgspec.Struct, frozen=True, rename="camel"):
    """What a program returned: a token, a client certificate with its key, or both."""

    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: Annotated[datetime, msgspec.Meta(tz=True)] | None = None

    @property
    def secrets(self) -> tuple[str | None, ...]:
        """What is sent to the API."""
        return self.token, self.client_certificate_data, self.client_key_data

    def is_valid(self) -> bool:
        """Return whether it may still be used for a sync."""
        expires = self.expiration_timestamp
        return expires is None or datetime.now(UTC) < expires - EXPIRY_MARGIN


class _ExecCredential(msgspec.Struct, rename="camel"):
    api_version: str
    kind: str
    status: ExecLogin


@dataclass
class _KeptLogin:
    """The login of one credential, and the request that it answers.

    `refused_at` is when the API refused one, in the time of `time.monotonic`.
    """

    lock: Lock = field(default_factory=Lock)
    request: tuple[ExecPlugin, str] | None = None
    login: ExecLogin | None = None
    refused_at: float = -math.inf


class ExecLogins:
    """The logins of all credentials. Threads may share it."""

    def __init__(self) -> None:
        self._by_folder: dict[Path, _KeptLogin] = {}
        self._lock = Lock()

    def log_in(
        self,
        credential: Credential,
        user: Mapping[str, Any],
        cluster: Mapping[str, Any],
        seconds: float,
    ) -> ExecLogin:
        """Return the login that a user's program prints, or has printed before.

        It may take `seconds`, with the wait for others that use the credential. Raises `NoResponseError` and
        `PermanentError`.
        """
        deadline, plugin = Deadline.after(seconds), _parse_plugin(credential, user)
        request = plugin, _describe_request(plugin, cluster)
        kept = self._get_kept(credential.folder)
        with _acquire(kept.lock, credential, seconds):
            login = kept.login  # others may forget it at any time
            if not (login and login.is_valid() and kept.request == request):
                login = _run(credential, *request, deadline)
                kept.login, kept.request = login, request
            return login

    def forget(self, folder: Path, refused: ExecLogin) -> bool:
        """Forget a login for the credential in a folder, which the API has refused.

        Returns whether another one may help: not if the one before it was refused just as well. One that others have
        replaced meanwhile is forgotten already.
        """
        kept, now = self._get_kept(folder), time.monotonic()
        with self._lock:
            if kept.login is None or kept.login.secrets != refused.secrets:
                return True
            may_help = now - kept.refused_at > REFUSED_AGAIN_SECONDS
            kept.login, kept.refused_at = None, now
        return may_help

    def _get_kept(self, folder: Path) -> _KeptLogin:
        with self._lock:
            return self._by_folder.setdefault(folder, _KeptLogin())


EXEC_LOGINS: Final = ExecLogins()


@contextmanager
def _acquire(lock: Lock, credential: Credential, seconds: float) -> Iterator[None]:
    if not lock.acquire(timeout=seconds):
        raise _timeout_error(credential)
    try:
        yield
    finally:
        lock.release()


def _parse_plugin(credential: Credential, user: Mapping[str, Any]) -> ExecPlugin:
    try:
        return msgspec.convert(user["exec"], ExecPlugin)
    except msgspec.ValidationError:
        what = "has an invalid exec section; try it with kubectl"
        raise credential.file_error(KUBECONFIG_FILE, what) from None


def _describe_request(plugin: ExecPlugin, cluster: Mapping[str, Any]) -> str:
    """Return the variable KUBERNETES_EXEC_INFO for a program."""
    spec: dict[str, object] = {"interactive": False}
    if plugin.provide_cluster_info:
        extensions = cluster.get("extensions") or ()
        configs = [e["extension"] for e in extensions if e.get("name") == EXEC_EXTENSION]
        known = {name: value for name, value in cluster.items() if name != "extensions"}
        spec["cluster"] = known | ({"config": configs[0]} if configs else {})
    info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    return json.dumps(info, default=str)


def _run(credential: Credential, plugin: ExecPlugin, info: str, deadline: Deadline) -> ExecLogin:
    """Run a program, and parse what it prints."""
    try:
        process = _start(credential.folder, plugin, info)
        completed = communicate(process, deadline, MAX_OUTPUT_BYTES)
    except TimeoutError as error:
        raise _timeout_error(credential) from error
    except (OSError, ValueError) as error:
        what = "names a program to log in that cannot be started; try it with kubectl"
        raise credential.file_error(KUBECONFIG_FILE, what) from error
    status, output = completed.returncode, completed.stdout
    if status != 0 and len(output) < MAX_OUTPUT_BYTES:
        what = f"runs a program to log in that failed (exit status {status}); try it with kubectl"
        raise credential.file_error(KUBECONFIG_FILE, what)
    return _parse_login(credential, plugin, output)


def _start(folder: Path, plugin: ExecPlugin, info: str) -> Popen[bytes]:
    return Popen(  # noqa: S603  a setting allows it
        [plugin.command, *(plugin.args or ())],
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,  # it may hold secrets
        cwd=folder,  # where kubectl looks for relative commands, too
        env=_build_environment(plugin, info),
        start_new_session=True,
    )


def _build_environment(plugin: ExecPlugin, info: str) -> dict[str, str]:
    added = {variable.name: variable.value for variable in plugin.env or ()}
    return inherit_variables(INHERITED_VARIABLES) | added | {"KUBERNETES_EXEC_INFO": info}


def _parse_login(credential: Credential, plugin: ExecPlugin, output: bytes) -> ExecLogin:
    """Return the login in a program's output.

    Raises `PermanentError`, which repeats nothing of it.
    """
    try:
        answer = msgspec.json.decode(output, type=_ExecCredential)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _invalid_login_error(credential) from None
    login = answer.status
    is_token = login.token is None or re.fullmatch(r"[\x21-\x7e]+", login.token)
    has_secret = login.token or (login.client_certificate_data and login.client_key_data)
    if not (is_token and has_secret) or answer.api_version != plugin.api_version:
        raise _invalid_login_error(credential)
    return login


def _invalid_login_error(credential: Credential) -> PermanentError:
    what = "runs a program to log in that prints no valid ExecCredential; try it with kubectl"
    return credential.file_error(KUBECONFIG_FILE, what)


def _timeout_error(credential: Credential) -> NoResponseError:
    return NoResponseError(
        f"Credential {credential.name}: the program to log in that its kubeconfig runs did not end in time."
    )
