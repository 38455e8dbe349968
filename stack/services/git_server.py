"""A Git server: bare repositories, served over smart HTTP by Git's own `git http-backend`.

It runs in a thread of this process. A repository can demand a token (HTTP basic authentication,
any user name) and then refuses everyone else.
"""

import base64
import hmac
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from cheroot.wsgi import Server

from stack.processes.ports import LOOPBACK, PortPool
from stack.processes.supervisor import get_base_environment

WsgiEnviron = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]
CGI_VARIABLES = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE")
COMMITTER_ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "Fabric Sync",
    "GIT_AUTHOR_EMAIL": "fabric-sync@localhost",
    "GIT_COMMITTER_NAME": "Fabric Sync",
    "GIT_COMMITTER_EMAIL": "fabric-sync@localhost",
}


@dataclass(frozen=True)
class GitRepository:
    """A bare repository at `path`, which is cloned from `url`."""

    path: Path
    url: str

    def commit(
        self,
        files: Mapping[str, str | None],
        *,
        message: str = "Change the fabric",
        branch: str = "main",
    ) -> str:
        """Write files (text by relative path, None to delete), push, and return the commit's hash.

        A branch that does not exist yet starts from the present main branch.
        """
        with tempfile.TemporaryDirectory(prefix="fabric-sync-commit-") as checkout:
            tree = Path(checkout)
            _run_git("clone", "--quiet", self.path, tree)
            _run_git(
                "-C", tree, "checkout", "--quiet", "-B", branch, *self._find_start_point(branch)
            )
            for name, text in files.items():
                _write_or_delete(tree / name, text)
            _run_git("-C", tree, "add", "--all")
            _run_git("-C", tree, "commit", "--quiet", "--allow-empty", f"--message={message}")
            _run_git("-C", tree, "push", "--quiet", "origin", branch)
            return _run_git("-C", tree, "rev-parse", "HEAD")

    def _find_start_point(self, branch: str) -> list[str]:
        known = _run_git("-C", self.path, "for-each-ref", "--format=%(refname:short)", "refs/heads")
        return [f"origin/{branch}"] if branch in known.split() else []


class GitServer:
    """Serves the repositories under `root` until `close`."""

    def __init__(self, root: Path, ports: PortPool) -> None:
        self._root = root
        self._tokens: dict[str, str] = {}
        port = ports.reserve(8418)
        self._server = Server((LOOPBACK, port), self._respond)
        self._server.prepare()
        self.url = f"http://{LOOPBACK}:{port}"
        self._thread = Thread(target=self._server.serve, name="git-server", daemon=True)
        self._thread.start()

    def create_repository(self, name: str, *, token: str = "") -> GitRepository:
        """Make an empty repository; with a token it is readable with that password only."""
        path = self._root / f"{name}.git"
        _run_git("init", "--quiet", "--bare", "--initial-branch=main", path)
        _run_git("-C", path, "config", "http.receivepack", "true")
        _run_git("-C", path, "config", "uploadpack.allowFilter", "true")
        if token:
            self._tokens[path.name] = token
        return GitRepository(path, f"{self.url}/{path.name}")

    def close(self) -> None:
        self._server.stop()
        self._thread.join()

    def _respond(self, environ: WsgiEnviron, start_response: StartResponse) -> Iterable[bytes]:
        repository = environ["PATH_INFO"].split("/")[1]
        if not _is_authorised(environ, self._tokens.get(repository)):
            start_response(
                "401 Unauthorized",
                [("WWW-Authenticate", 'Basic realm="Git"'), ("Content-Length", "0")],
            )
            return []
        return _run_http_backend(self._root, environ, start_response)


def _is_authorised(environ: WsgiEnviron, token: str | None) -> bool:
    if token is None:
        return True
    scheme, _, encoded = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        return False
    password = base64.b64decode(encoded).partition(b":")[2]
    return hmac.compare_digest(password, token.encode())


def _run_http_backend(
    root: Path, environ: WsgiEnviron, start_response: StartResponse
) -> Iterable[bytes]:
    """Hand the request to `git http-backend`, a CGI program (RFC 3875)."""
    variables = {name: environ[name] for name in CGI_VARIABLES if environ.get(name)}
    variables |= {"GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1"}
    variables |= {"GIT_PROTOCOL": environ.get("HTTP_GIT_PROTOCOL", "")}
    variables |= {"HTTP_CONTENT_ENCODING": environ.get("HTTP_CONTENT_ENCODING", "")}
    body = environ["wsgi.input"].read()
    variables["CONTENT_LENGTH"] = str(len(body))  # a large push comes in chunks, without it
    answer = subprocess.run(
        ["git", "http-backend"],
        input=body,
        env=get_base_environment() | variables,
        capture_output=True,
        check=True,
    )
    head, _, content = answer.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
    start_response(headers.pop("Status", "200 OK"), list(headers.items()))
    return [content]


def _write_or_delete(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _run_git(*arguments: str | Path) -> str:
    # The user's own Git configuration (signing, hooks, templates) has no say here.
    isolation = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    answer = subprocess.run(
        ["git", *arguments],
        env=get_base_environment() | COMMITTER_ENVIRONMENT | isolation,
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout.strip()
