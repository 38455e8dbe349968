"""Ways in which a fabric's sources use a marked secret, well or not."""

import base64
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Any, Final

import trustme
import yaml

from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from stack.services.git_server import GitServer
from tests.support.git.echoing_server import WAYS, echoing_git_server
from tests.support.git.hostile_servers import dripping_server
from tests.support.secrets.echoes import EchoFault
from tests.support.secrets.programs import Programs
from tests.support.secrets.search import Secrets
from tests.support.system.installation import Fabric

ELSEWHERE: Final = "https://127.0.0.1:1"
EXEC_API: Final = "client.authentication.k8s.io/v1"


@dataclass(frozen=True)
class Marking:
    """The secrets of a test, and what their users need.

    Servers run until `exits` closes.
    """

    secrets: Secrets
    git: GitServer
    programs: Programs
    exits: ExitStack


type Prepare = Callable[[Fabric, Marking], dict[str, object]]
"""Writes a fabric's credential; returns changes of its record."""


def write(fabric: Fabric, files: Mapping[str, str]) -> None:
    """Write files of the fabric's credential."""
    for name, text in files.items():
        path = fabric.credential / name
        path.touch(mode=0o600)
        path.write_text(text)


def write_kubeconfig(fabric: Fabric, user: dict[str, Any]) -> None:
    """Replace token and server of the credential by a kubeconfig."""
    for file in ("token", "server"):
        (fabric.credential / file).unlink()
    cluster = {
        "server": fabric.api.server,
        "certificate-authority-data": encode(fabric.api.auth.ca_cert),
    }
    config = {
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
        "clusters": [{"name": "lab", "cluster": cluster}],
        "users": [{"name": "lab", "user": user}],
    }
    write(fabric, {"kubeconfig": yaml.safe_dump(config)})


def encode(text: str) -> str:
    """Return a text as kubeconfigs embed it."""
    return base64.b64encode(text.encode()).decode()


def bearer_token(fabric: Fabric, marking: Marking) -> dict[str, object]:
    """Keep the token of the API, which each has for itself."""
    marking.secrets[f"token of {fabric.fabric_id}"] = fabric.api.auth.token
    return {}


def client_key(fabric: Fabric, marking: Marking) -> dict[str, object]:
    """Send a client certificate, too."""
    issued = trustme.CA().issue_cert("worker@example.com")
    key = issued.private_key_pem.bytes().decode()
    marking.secrets["client key"] = key.splitlines()[2]
    certificate = issued.cert_chain_pems[0].bytes().decode()
    user = {"client-certificate-data": encode(certificate), "client-key-data": encode(key)}
    write_kubeconfig(fabric, user | {"token": fabric.api.auth.token})
    return bearer_token(fabric, marking)


def login_program(output: str, fabric: Fabric, marking: Marking) -> dict[str, object]:
    """Run a program that prints `output`, where TOKEN stands for the token."""
    text = output.replace("TOKEN", fabric.api.auth.token)
    write(fabric, {"output": text})
    commands = (
        marking.programs.note_command,
        "cat output",
        "cat output >&2",
        "touch $TMPDIR/login",
    )
    program = fabric.credential / "login"
    program.write_text("\n".join(("#!/bin/sh", *commands)))
    program.chmod(0o755)
    write_kubeconfig(fabric, {"exec": {"apiVersion": EXEC_API, "command": "./login"}})
    return bearer_token(fabric, marking)


def api_fault(fault: Fault, fabric: Fabric, marking: Marking) -> dict[str, object]:
    """Let the API answer wrongly."""
    assert isinstance(fabric.api, EmulatedKubernetesApi)
    fabric.api.inject_fault(fault)
    return bearer_token(fabric, marking)


def refused_token(fabric: Fabric, marking: Marking) -> dict[str, object]:
    """Let the API refuse the token."""
    write(fabric, {"token": marking.secrets.mark("refused token")})
    return {}


def other_api(fabric: Fabric, marking: Marking) -> dict[str, object]:
    """Name an API that the token is not for."""
    return bearer_token(fabric, marking) | {"hh_kubernetes_server": ELSEWHERE}


def invalid_kubeconfig(fabric: Fabric, marking: Marking) -> dict[str, object]:
    """Write a kubeconfig that is no YAML, and whose error would name the token."""
    write(
        fabric,
        {"kubeconfig": f"users: [{{token: *{marking.secrets.mark('token in a kubeconfig')}}}]"},
    )
    return {}


def git_token(fabric: Fabric, marking: Marking) -> dict[str, object]:
    """Require a token for the repository."""
    token = marking.secrets.mark(f"Git token of {fabric.fabric_id}")
    marking.git.require_token(fabric.repository, token)
    write(fabric, {"git-token": token, "git-url": fabric.repository.url})
    return {}


def refused_git_token(fabric: Fabric, marking: Marking) -> dict[str, object]:
    """Let the Git server refuse the token."""
    marking.git.require_token(fabric.repository, "another")
    token = marking.secrets.mark("refused Git token")
    write(fabric, {"git-token": token, "git-url": marking.git.url})
    return {}


def other_repository(fabric: Fabric, marking: Marking) -> dict[str, object]:
    """Name a repository that the token is not for."""
    token = marking.secrets.mark("Git token for elsewhere")
    write(fabric, {"git-token": token, "git-url": ELSEWHERE})
    return {}


def ssh_key(fabric: Fabric, marking: Marking) -> dict[str, object]:
    """Use a key at a host that cannot be reached."""
    key = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{marking.secrets.mark('SSH key')}\n"
    write(fabric, {"ssh-key": key, "known_hosts": "x", "git-url": "ssh://git@127.0.0.1:1/"})
    return {"hh_git_repository": "ssh://git@127.0.0.1:1/fleet.git"}


def git_server(url: str, fabric: Fabric, marking: Marking) -> dict[str, object]:
    """Send a token to a Git server that does not behave."""
    token = marking.secrets.mark(f"Git token for {url}")
    write(fabric, {"git-token": token, "git-url": url})
    return {"hh_git_repository": f"{url}/fleet.git"}


def echoing_git(way: str, fabric: Fabric, marking: Marking) -> dict[str, object]:
    """Send a token to a Git server that repeats it."""
    echo = marking.exits.enter_context(echoing_git_server(way))
    return git_server(echo.url, fabric, marking)


def hanging_git(fabric: Fabric, marking: Marking) -> dict[str, object]:
    """Send a token to a Git server that never finishes an answer."""
    start = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n"
    host = marking.exits.enter_context(dripping_server(start, b"X: 1\r\n"))
    return git_server(f"http://{host}", fabric, marking)


LOGIN: Final = json.dumps(
    {"apiVersion": EXEC_API, "kind": "ExecCredential", "status": {"token": "TOKEN"}}
)

WORKING: Final[list[tuple[Prepare, Prepare]]] = [
    (bearer_token, git_token),
    (client_key, git_token),
    (partial(login_program, LOGIN), git_token),
]
"""Uses of Kubernetes and of Git after which a fabric is in sync."""

_FAILING_APIS: Final[list[Prepare]] = [
    *(partial(api_fault, EchoFault(status)) for status in (401, 403, 404, 429, 500, 200, 302)),
    partial(api_fault, Fault(0)),
    refused_token,
    other_api,
    partial(login_program, "You are TOKEN"),
    invalid_kubeconfig,
]
_FAILING_REPOSITORIES: Final[list[Prepare]] = [
    *(partial(echoing_git, way) for way in WAYS),
    hanging_git,
    refused_git_token,
    other_repository,
    ssh_key,
]

FAILING: Final[list[tuple[Prepare, Prepare]]] = list(
    zip_longest(_FAILING_APIS, _FAILING_REPOSITORIES, fillvalue=git_token)
)
"""Uses after which a fabric is in error."""
