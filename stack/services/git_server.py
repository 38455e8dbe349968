"""A Git server: bare repositories, served by Git's own `git http-backend`.

It runs in a thread of this process. A repository can require a token: HTTP basic authentication
with any user name and the token as the password.
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
    """A bare repository at `path`; clients clone it from `url`."""

    path: Path
    url: str

    def commit(
        self,
        files: Mapping[str, str | None],
        *,
        message: str = "Change the fabric",
        branch: str = "main",
    ) -> str:
        """Commit and push `files` (None: delete) by relative path; return the hash.

        A new branch starts from main.
        """
        with tempfile.TemporaryDirectory(prefix="fabric-sync-commit-") as checkout:
            tree = Path(checkout)
            _run_git("clone", "--quiet", self.path, tree)
            start_point = self._find_start_point(branch)
            _run_git("-C", tree, "checkout", "--quiet", "-B", branch, *start_point)
            for name, text in files.items():
                _write_or_delete(tree / name, text)
            _run_git("-C", tree, "add", "--all")
            _run_git("-C", tree, "commit", "--quiet", "--allow-empty", f"--message={message}")
            _run_git("-C", tree, "push", "--quiet", "origin", branch)
            return _run_git("-C", tree, "rev-parse", "HEAD")

    def _find_start_point(self, branch: str) -> list[str]:
        branches = _run_git("-C", self.path, "branch", "--format=%(refname:short)").split()
        return [f"origin/{branch}"] if branch in branches else []


class GitServer:
    """An HTTP server for the repositories under `root`; it runs until `close`."""

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
        """Create an empty repository; with `token`, clients need it as their password."""
        path = self._root / f"{name}.git"
        _run_git("init", "--quiet", "--bare", "--initial-branch=main", path)
        _run_git("-C", path, "config", "http.receivepack", "true")
        _run_git("-C", path, "config", "uploadpack.allowFilter", "true")
        repository = GitRepository(path, f"{self.url}/{path.name}")
        if token:
            self.require_token(repository, token)
        return repository

    def require_token(self, repository: GitRepository, token: str) -> None:
        """Let clients of a repository need this token, and no other, as their password."""
        self._tokens[repository.path.name] = token

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
) -> list[bytes]:
    """Hand the request to `git http-backend`, a CGI program (RFC 3875)."""
    variables = {name: environ[name] for name in CGI_VARIABLES if environ.get(name)}
    variables |= {"GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1"}
    variables |= {"GIT_PROTOCOL": environ.get("HTTP_GIT_PROTOCOL", "")}
    variables |= {"HTTP_CONTENT_ENCODING": environ.get("HTTP_CONTENT_ENCODING", "")}
    body = environ["wsgi.input"].read()
    variables["CONTENT_LENGTH"] = str(len(body))  # a large push is chunked and has none
    environment = get_base_environment() | variables
    command = ["git", "http-backend"]
    cgi = subprocess.run(command, input=body, env=environment, capture_output=True, check=True)
    head, _, content = cgi.stdout.partition(b"\r\n\r\n")
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
    # Keep out the user's own Git configuration (signing, hooks, templates).
    isolation = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    environment = get_base_environment() | COMMITTER_ENVIRONMENT | isolation
    return subprocess.check_output(
        ["git", *arguments], env=environment, text=True, stderr=subprocess.PIPE
    ).strip()
