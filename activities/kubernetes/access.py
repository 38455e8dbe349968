"""Access to a fabric's Kubernetes API, as the client library's configuration.

A kubeconfig is only data: its programs are not run unless a setting allows that, it cannot disable certificate
checks, and it names files of its own folder only. These are read here: the library would read any file, and leave
certificates and keys in temporary ones.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import yaml
from kubernetes.client import Configuration
from kubernetes.config import ConfigException
from kubernetes.config.kube_config import KubeConfigLoader

from activities.credentials import Credential, NormalizedUrl, check_host_allowed
from activities.errors import PermanentError
from activities.kubernetes.exec_plugins import EXEC_LOGINS, KUBECONFIG_FILE, ExecLogin
from fabrics.record.config import KubernetesTarget
from settings import Settings

NAMESPACE_PATTERN: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""A label of RFC 1123; `..` would lead to another path of the API."""

_PEM_KEYS: Final = {"certificate-authority", "client-certificate", "client-key"}

_TOKEN_KEYS: Final = {"token", "tokenFile"}
"""Keys of a user whose token goes before a program."""

MAX_NAMED_FILE_BYTES: Final = 1024 * 1024
"""For each file that a kubeconfig names; a token or a certificate has a few KB."""


@dataclass(frozen=True)
class KubernetesAccess:
    """The client configuration for one API; `credential` is empty if anonymous.

    `client_certificate` has a certificate and its key as PEM, or nothing; `login` is that of a program. Equal digests
    mean the same server, secrets and certificates.
    """

    configuration: Configuration = field(repr=False)
    credential: str
    digest: str
    client_certificate: bytes = field(default=b"", repr=False)
    login: ExecLogin | None = field(default=None, repr=False)

    @classmethod
    def from_configuration(
        cls,
        configuration: Configuration,
        credential: str = "",
        client_certificate: bytes = b"",
        login: ExecLogin | None = None,
    ) -> Self:
        """Compute the digest."""
        parts = (
            configuration.host,
            configuration.api_key,
            configuration.ca_cert_data,
            configuration.tls_server_name,
            configuration.proxy,
            client_certificate,
        )
        digest = hashlib.sha256(repr(parts).encode()).hexdigest()
        return cls(configuration, credential, digest, client_certificate, login)


def load_kubernetes_access(target: KubernetesTarget, settings: Settings) -> KubernetesAccess:
    """Return the access to the API that the record names. Raises `PermanentError`."""
    url = _parse_api_url(target.server)
    check_host_allowed("hh_kubernetes_server", url, settings)
    if not NAMESPACE_PATTERN.fullmatch(target.namespace):
        raise PermanentError("hh_kubernetes_namespace is not a valid namespace name.")
    credential = Credential.find(settings.credentials_dir, target.credential)
    configuration = Configuration(host=target.server.rstrip("/"))
    if credential is None:
        return KubernetesAccess.from_configuration(configuration)
    if credential.find_file(KUBECONFIG_FILE):
        kubeconfig = _parse_kubeconfig(credential)
        cluster, user = _find_current_context(credential, kubeconfig)
        _check_cluster(credential, cluster, url)
        _check_user(credential, user, settings.kubernetes_allow_exec)
        login = None
        if "exec" in user and not _TOKEN_KEYS & user.keys():
            login = EXEC_LOGINS.log_in(credential, user, cluster, settings.read_timeout)
            user = _add_login(user, login)
        # In no case may the library run the program, with all variables and without a time limit.
        data = {name: value for name, value in user.items() if name != "exec"}
        return _load_kubeconfig_access(credential, cluster, data, login, configuration)
    return _load_token_access(credential, url, configuration)


def _parse_api_url(server: str) -> NormalizedUrl:
    try:
        url = NormalizedUrl.from_url(server)
    except ValueError as error:
        raise PermanentError(f"hh_kubernetes_server is not a usable URL: {error}.") from error
    if url.scheme != "https":
        raise PermanentError("hh_kubernetes_server must start with https://.")
    return url


def _load_token_access(
    credential: Credential, url: NormalizedUrl, configuration: Configuration
) -> KubernetesAccess:
    ca_certificates = credential.read_text("ca.crt")
    if ca_certificates == "":
        what = (
            "is empty, which must not mean that the system's CAs are trusted; correct or delete it"
        )
        raise credential.file_error("ca.crt", what)
    configuration.ca_cert_data = ca_certificates
    token = credential.read_token("token")
    if token is None:
        return KubernetesAccess.from_configuration(configuration)
    why = "write into it the URL of the API the token is for"
    _check_server_allowed(credential, "server", credential.read_urls("server", why), url)
    configuration.api_key["BearerToken"] = f"Bearer {token.get_secret_value()}"
    return KubernetesAccess.from_configuration(configuration, credential.name)


def _parse_kubeconfig(credential: Credential) -> dict[str, Any]:
    try:
        # As `yaml.safe_load` does, but ten times faster.
        return dict(yaml.load(credential.read_text(KUBECONFIG_FILE) or "", yaml.CSafeLoader))
    except (yaml.YAMLError, TypeError, ValueError):  # whose text may quote the file
        raise _invalid_context_error(credential) from None


def _check_cluster(credential: Credential, cluster: Mapping[str, Any], url: NormalizedUrl) -> None:
    try:
        server = NormalizedUrl.from_url(str(cluster.get("server")))
    except ValueError as error:
        what = f"names an unusable server: {error}"
        raise credential.file_error(KUBECONFIG_FILE, what) from error
    _check_server_allowed(credential, KUBECONFIG_FILE, [server], url)
    if cluster.get("insecure-skip-tls-verify"):
        what = "disables certificate checks; give certificate-authority-data instead"
        raise credential.file_error(KUBECONFIG_FILE, what)


def _check_user(credential: Credential, user: Mapping[str, Any], allow_exec: bool) -> None:
    if "auth-provider" in user or ("exec" in user and not allow_exec):
        what = (
            "runs a program to log in; put a token into it,"
            " or allow that with FABRIC_SYNC_KUBERNETES_ALLOW_EXEC (exec only)"
        )
        raise credential.file_error(KUBECONFIG_FILE, what)


def _load_kubeconfig_access(
    credential: Credential,
    cluster: Mapping[str, Any],
    user: Mapping[str, Any],
    login: ExecLogin | None,
    configuration: Configuration,
) -> KubernetesAccess:
    try:
        authority = _read_pem(credential, cluster, "certificate-authority")
        pair = [_read_pem(credential, user, name) for name in ("client-certificate", "client-key")]
        user = _read_token_file(credential, user)
        loader: Any = KubeConfigLoader(  # type: ignore[no-untyped-call]
            _make_kubeconfig(_without_pem(cluster), _without_pem(user))
        )
        loader.load_and_set(configuration)
    except (ConfigException, OSError, ValueError, TypeError, KeyError):
        what = "is unusable; try it with kubectl"
        raise credential.file_error(KUBECONFIG_FILE, what) from None
    # The library would also set it before each request, from what it has just read.
    configuration.refresh_api_key_hook = None
    configuration.ca_cert_data = authority.decode("ascii", "ignore") or None
    _trim_token(credential, configuration)
    client_certificate = b"\n".join(filter(None, pair))
    return KubernetesAccess.from_configuration(
        configuration, credential.name, client_certificate, login
    )


def _read_pem(credential: Credential, entry: Mapping[str, Any], name: str) -> bytes:
    """Return what a kubeconfig embeds as `<name>-data`, or else has in a file."""
    data = entry.get(f"{name}-data")
    if not (data or entry.get(name)):
        return b""
    pem = base64.b64decode(data) if data else _read_named_file(credential, entry, name)
    if not pem:  # which must not mean that the system's CAs are trusted
        raise ValueError
    return pem


def _read_token_file(credential: Credential, user: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a user with the token of its `tokenFile`, unless it has one itself."""
    if "token" in user or "tokenFile" not in user:
        return user
    return {**user, "token": _read_named_file(credential, user, "tokenFile").decode()}


def _read_named_file(credential: Credential, entry: Mapping[str, Any], key: str) -> bytes:
    """Return the file that an entry of a kubeconfig names.

    Whoever writes a kubeconfig also names the server, which would get any file that reads as a token.
    """
    path = credential.folder / str(entry[key])
    # A mounted Secret has links to files further down in its folder.
    if path.is_file() and path.resolve().is_relative_to(credential.folder.resolve()):
        with path.open("rb") as file:
            content = file.read(MAX_NAMED_FILE_BYTES + 1)
        if len(content) <= MAX_NAMED_FILE_BYTES:
            return content
    what = f"needs its {key} in the same folder, as a file of at most 1 MB; put it there"
    raise credential.file_error(KUBECONFIG_FILE, what)


def _without_pem(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of a kubeconfig without certificates and keys."""
    return {
        key: value for key, value in entry.items() if key.removesuffix("-data") not in _PEM_KEYS
    }


def _add_login(user: Mapping[str, Any], login: ExecLogin) -> dict[str, Any]:
    """Return a user who has the login of a program."""
    certificate = {
        "client-certificate-data": login.client_certificate_data,
        "client-key-data": login.client_key_data,
    }
    encoded = {
        name: base64.b64encode(pem.encode()).decode() for name, pem in certificate.items() if pem
    }
    token = {"token": login.token} if login.token else {}
    return {**user, **encoded, **token}


def _make_kubeconfig(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> dict[str, Any]:
    """Return a kubeconfig of this cluster and this user alone."""
    context = {"name": "current", "context": {"cluster": "current", "user": "current"}}
    return {
        "current-context": "current",
        "contexts": [context],
        "clusters": [{"name": "current", "cluster": cluster}],
        "users": [{"name": "current", "user": user}],
    }


def _trim_token(credential: Credential, configuration: Configuration) -> None:
    """Trim a token from a file, as kubectl does: editors append a line break."""
    token = configuration.api_key.get("BearerToken")
    if token is None:
        return
    if not re.fullmatch(r"[\x21-\x7e]+ [\x21-\x7e]+", token.strip()):  # "Bearer" and the token
        what = "has a token that is not a single word; correct it"
        raise credential.file_error(KUBECONFIG_FILE, what)
    configuration.api_key["BearerToken"] = token.strip()


def _find_current_context(
    credential: Credential, kubeconfig: dict[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the cluster and the user of the current context."""
    try:
        context = _find_named(kubeconfig["contexts"], kubeconfig["current-context"])["context"]
        cluster = _find_named(kubeconfig["clusters"], context["cluster"])["cluster"]
        name = context.get("user")
        user = _find_named(kubeconfig["users"], name)["user"] if name else {}
        return dict(cluster), dict(user)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _invalid_context_error(credential) from None


def _invalid_context_error(credential: Credential) -> PermanentError:
    what = "has no valid current context; check it with kubectl config view"
    return credential.file_error(KUBECONFIG_FILE, what)


def _find_named(entries: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    (found,) = (entry for entry in entries if entry["name"] == name)
    return found


def _check_server_allowed(
    credential: Credential, file: str, allowed: list[NormalizedUrl], requested: NormalizedUrl
) -> None:
    if requested not in allowed:
        raise PermanentError(
            f"Credential {credential.name} is not for this API: its file {file} names another"
            " server. Correct hh_kubernetes_server, or name another credential."
        )
