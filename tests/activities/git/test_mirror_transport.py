"""Git over the network: tokens, git's environment, redirects, hanging servers."""

import base64
import json
import os
import shutil
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from activities.errors import PermanentError, TransientError
from activities.git.desired_state import DesiredStateCache
from activities.git.mirror import GitMirror
from fabrics.record.config import GitSource
from settings import Settings
from stack.services.git_server import GitRepository, GitServer
from tests.support.git.echoing_server import WAYS, echoing_git_server
from tests.support.git.repositories import Repository

TOKEN = "s3cret-token"


@pytest.fixture
def private(git_server: GitServer, credential: Path) -> GitRepository:
    """A repository that requires a token, which the credential has."""
    repository = git_server.create_repository(f"private-{uuid4().hex[:8]}", token=TOKEN)
    repository.commit({"oslo/a.yaml": "a: 1\n"})
    (credential / "git-token").write_text(f"{TOKEN}\n")
    (credential / "git-url").write_text(f"{git_server.url}\n")
    return repository


def source(repository: str, credential: str = "lab") -> GitSource:
    return GitSource(repository=repository, branch="main", directory="/", credential=credential)


def sentence_of(error: type[Exception], requested: GitSource, settings: Settings) -> str:
    with pytest.raises(error) as caught:
        GitMirror(requested, settings).fetch_snapshot()
    assert TOKEN not in str(caught.value)
    return str(caught.value)


def test_token_gives_access_to_private_repository(
    private: GitRepository, settings: Settings
) -> None:
    (file,) = GitMirror(source(private.url), settings).fetch_snapshot().files

    assert file.path == "oslo/a.yaml"


def test_refused_access_names_the_fix(
    private: GitRepository, settings: Settings, credential: Path
) -> None:
    assert "requires a credential, and the worker has none" in sentence_of(
        PermanentError, source(private.url, "other"), settings
    )
    assert "does not exist, or the credential lab may not see it" in sentence_of(
        PermanentError, source(f"{private.url}x"), settings
    )
    (credential / "git-token").write_text("wrong")
    assert "refused the credential lab: renew its git-token" in sentence_of(
        PermanentError, source(private.url), settings
    )


def test_an_anonymous_reader_needs_no_credential(git_server: GitServer, settings: Settings) -> None:
    public = git_server.create_repository(f"public-{uuid4().hex[:8]}")
    commit = public.commit({"a.yaml": "a: 1\n"})

    assert GitMirror(source(public.url, "none"), settings).fetch_snapshot().commit == commit


@pytest.fixture
def watched_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Record arguments, variables and configuration of every `git` call in a file."""
    notes, real = tmp_path / "notes", shutil.which("git")
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(
        "#!/usr/bin/env python3\n"
        "import json, os, sys\n"
        f"with open({str(notes)!r}, 'a') as notes:\n"
        "    config = open(os.environ.get('GIT_CONFIG_GLOBAL', os.devnull)).read()\n"
        "    print(json.dumps([sys.argv[1:], dict(os.environ), config]), file=notes)\n"
        f"os.execv({real!r}, ['git', *sys.argv[1:]])\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return notes


def test_git_gets_no_secret_arguments_and_only_variables_that_it_needs(
    private: GitRepository,
    settings: Settings,
    watched_git: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / ".gitconfig").write_text('[url "https://evil.invalid/"]\n insteadOf = http://\n')
    inherited = {
        "HOME": str(tmp_path),
        "GIT_DIR": "/nonexistent",
        "GIT_SSL_NO_VERIFY": "1",
        "GIT_TRACE_CURL": str(tmp_path / "trace"),
        "GIT_CONFIG_PARAMETERS": "'url.https://evil.invalid/.insteadOf'='http://'",
        "GIT_OBJECT_DIRECTORY": "/nonexistent",
        "FABRIC_SYNC_NETBOX_TOKEN": "nbt_s3cret",
        "TEMPORAL_API_KEY": "s3cret",
        "LD_PRELOAD": "",
    }
    for name, value in inherited.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    assert GitMirror(source(private.url), settings).fetch_snapshot().files

    received = [json.loads(line) for line in watched_git.read_text().splitlines()]
    calls = [call for call in received if call[0] != ["http-backend"]]
    assert [arguments[0] for arguments, *_ in calls] == ["init", "fetch", "rev-parse", "ls-tree"]
    encoded = base64.b64encode(f"x-token-auth:{TOKEN}".encode()).decode()
    for arguments, environment, config in calls:
        assert (encoded in config) == (arguments[0] in {"init", "fetch", "rev-parse"})
        assert not any(secret in json.dumps(environment) for secret in (TOKEN, encoded))
        assert not any(TOKEN in text or private.url in text for text in arguments)
        assert not environment.keys() & (inherited.keys() - {"HOME", "GIT_DIR"})
        assert environment["HOME"] == environment["GIT_DIR"] != str(tmp_path)
        assert environment["no_proxy"] == "127.0.0.1"
    assert not (tmp_path / "trace").exists()


def test_unchanged_branch_takes_one_git_command_at_most(
    private: GitRepository, settings: Settings, watched_git: Path, tmp_path: Path
) -> None:
    local = Repository.make(tmp_path / "fleet.git")
    local.commit_files({"a.yaml": "a: 1\n"})
    states = DesiredStateCache()
    for repository, expected in ((private.url, []), (local.url, ["ls-remote"])):
        states.read(source(repository), settings)
        watched_git.unlink()
        states.read(source(repository), settings)

        calls = [json.loads(line)[0][0] for line in watched_git.read_text().splitlines()]
        assert [call for call in calls if call != "http-backend"] == expected


@pytest.fixture
def ssh_key(credential: Path) -> Path:
    """A credential for every repository of git.example.com by ssh; its folder."""
    (credential / "git-url").write_text("ssh://git@git.example.com/")
    for name in ("ssh-key", "known_hosts"):
        (credential / name).write_text("x")
        (credential / name).chmod(0o600)
    return credential


@pytest.fixture
def pretend_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the program that runs as `ssh`."""
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return program


def test_ssh_uses_only_the_credential(
    ssh_key: Path,
    pretend_ssh: Path,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commit = Repository.make(tmp_path / "fleet.git").commit_files({"a.yaml": "a: 1"})
    note = f'printf "%s\\n" "$@" > {tmp_path}/arguments'
    pretend_ssh.write_text(f'#!/bin/sh\n{note}\nfor last; do :; done\neval "exec $last"\n')
    monkeypatch.setenv("GIT_SSH_COMMAND", "false")

    requested = source(f"ssh://git@git.example.com{tmp_path}/fleet.git")
    assert GitMirror(requested, settings).fetch_snapshot().commit == commit

    arguments = (tmp_path / "arguments").read_text().split("\n")
    assert {"BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"} < set(arguments)
    assert f"UserKnownHostsFile={ssh_key}/known_hosts" in arguments
    assert arguments[arguments.index("-i") + 1] == f"{ssh_key}/ssh-key"
    assert arguments[arguments.index("-F") + 1] == "none"
    assert "git@git.example.com" in arguments


@pytest.mark.parametrize(
    ("stderr", "error", "sentence"),
    [
        ("Host key verification failed.", PermanentError, "a host key that is not in known_hosts"),
        (
            "git@x: Permission denied (publickey).",
            PermanentError,
            "register the public key of its ssh-key",
        ),
        ("ssh: connect to host x port 22: Connection refused", TransientError, "nothing listens"),
        ("kex_exchange: Connection closed by remote host", TransientError, "broke off"),
    ],
)
@pytest.mark.usefixtures("ssh_key")
def test_ssh_errors_are_classified(
    stderr: str, error: type[Exception], sentence: str, pretend_ssh: Path, settings: Settings
) -> None:
    pretend_ssh.write_text(f"#!/bin/sh\necho '{stderr}' >&2\nexit 255\n")

    message = sentence_of(error, source("git@git.example.com:fabrics/oslo.git"), settings)

    assert sentence in message


@pytest.mark.usefixtures("ssh_key")
def test_words_of_a_server_reach_the_log_on_one_printable_line(
    pretend_ssh: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    words = "\\033]0;title\\007\\nERROR forged \\342\\200\\256 line\\n%05000d\\n"
    pretend_ssh.write_text(f"#!/bin/sh\nprintf '{words}' 0 >&2\nexit 255\n")

    with caplog.at_level("INFO", "fabric_sync.git"):
        sentence = sentence_of(
            TransientError, source("git@git.example.com:fabrics/oslo.git"), settings
        )

    assert "see the worker's log" in sentence
    assert len(caplog.messages) == 2
    for message in caplog.messages:
        assert "forged" in message
        assert message.isprintable()
        assert len(message) < 1500


@pytest.mark.parametrize("way", WAYS)
def test_server_that_repeats_the_token_brings_it_into_no_log(
    way: str, credential: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    (credential / "git-token").write_text(TOKEN)
    with echoing_git_server(way) as echo, caplog.at_level("DEBUG"):
        (credential / "git-url").write_text(echo.url)
        sentence = sentence_of(Exception, source(f"{echo.url}/fleet.git"), settings)
    assert echo.received, "it was sent"
    encoded = {header.removeprefix("Basic ") for header in echo.received}
    assert not any(secret in sentence + caplog.text for secret in {TOKEN, *encoded})


@contextmanager
def running_server(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """An HTTP server on loopback; its URL."""
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_redirect_gets_no_token(
    private: GitRepository, settings: Settings, credential: Path
) -> None:
    received: list[str | None] = []

    class Collector(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            received.append(self.headers.get("Authorization"))
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with running_server(Collector) as other_url:

        class Redirect(Collector):
            def do_GET(self) -> None:
                self.send_response(301)
                self.send_header("Location", f"{other_url}{self.path}")
                self.end_headers()

        with running_server(Redirect) as front:
            (credential / "git-url").write_text(front)
            message = sentence_of(PermanentError, source(f"{front}/fleet.git"), settings)

    assert "redirects elsewhere: name the final URL" in message
    assert received == []


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (403, PermanentError, "refused the credential lab"),
        (404, PermanentError, "does not exist"),
        (429, TransientError, "is not available at the moment"),
        (503, TransientError, "is not available at the moment"),
        (200, PermanentError, "it is empty, or not a Git repository"),
    ],
)
def test_http_errors_are_classified(  # noqa: PLR0917
    status: int,
    error: type[Exception],
    sentence: str,
    private: GitRepository,
    settings: Settings,
    credential: Path,
) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<html>remote: token accepted, timed out</html>")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with running_server(Handler) as url:
        (credential / "git-url").write_text(url)
        assert sentence in sentence_of(error, source(f"{url}/fleet.git"), settings)


def test_hanging_server_times_out_and_leaves_no_process(
    settings: Settings,
) -> None:
    short_timeout = settings.model_copy(update={"git_timeout": 1.0})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/fleet.git"
        started = time.monotonic()
        message = sentence_of(TransientError, source(url), short_timeout)
        elapsed = time.monotonic() - started

    assert "did not answer in time" in message
    assert elapsed < 10
    children = psutil.Process().children(recursive=True)
    assert not [child for child in children if child.name().startswith(("git", "timeout"))]


def test_unreachable_hosts_are_transient(settings: Settings) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/timed-out.git"
    assert "nothing listens there" in sentence_of(TransientError, source(url), settings)

    unknown = source("https://ssl-certificate.invalid/fleet.git")
    assert "does not resolve" in sentence_of(TransientError, unknown, settings)


@pytest.mark.parametrize(
    "repository",
    [
        "file:///etc",
        "http://127.0.0.1/fleet.git",
        "http://git.example.com/fleet.git",
        "/etc",
        "ext::sh -c id",
        "https://git.example.com\x1b/fleet.git",
    ],
)
def test_local_urls_need_the_development_setting(repository: str, settings: Settings) -> None:
    production = settings.model_copy(update={"git_allow_local": False})

    assert "hh_git_repository" in sentence_of(PermanentError, source(repository), production)


def test_plain_http_needs_a_loopback_host(settings: Settings) -> None:
    requested = source("http://git.example.com/fleet.git")

    assert "must start with https:// or ssh://" in sentence_of(PermanentError, requested, settings)
