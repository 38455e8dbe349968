"""Run `git` on untrusted repositories.

Arguments are constants or object ids. Everything else (URL, branch, secrets) is configuration in the
environment, so no value can pass for an option and no secret appears in a process list. git ignores the
configuration of the system, of the user and of the worker's own environment. It never prompts, runs no hooks,
helpers or other transports, and follows no redirects, which could send a token elsewhere.
"""

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from threading import Timer
from typing import IO, Final

from git import Git, GitCommandError

from activities.credentials import GitAccess

GIT_CONFIG: Final = {
    "core.bigFileThreshold": "8m",  # larger blobs are streamed, so memory stays bounded
    "core.hooksPath": os.devnull,
    "credential.helper": "",
    "fetch.fsckObjects": "true",
    "fetch.recurseSubmodules": "false",
    "fetch.unpackLimit": "1",  # keep one pack per fetch; git repacks after 50 (gc.autoPackLimit)
    "gc.autoDetach": "false",  # within our lock and timeout
    "gc.pruneExpire": "now",  # nobody else uses the mirror, and only the newest commits matter
    "http.followRedirects": "false",
    "init.defaultBranch": "main",
    "remote.source.tagOpt": "--no-tags",
}

ISOLATION_ENVIRONMENT: Final = {
    "GIT_ASKPASS": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_TERMINAL_PROMPT": "0",
}

SSH_COMMAND: Final = (
    "ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none"
    " -o ConnectTimeout=5 -o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=/dev/null -o UpdateHostKeys=no"
)

ANY_DIRECTORY: Final = "/"
"""Where git starts. GIT_DIR names the mirror, and another thread may be creating that again."""

KILLED_EXIT_STATUS: Final = -9
CHUNK_BYTES: Final = 256 * 1024


class GitError(Exception):
    """git failed. `output` is its stderr, which is never shown to people as it is."""

    def __init__(self, output: str, *, timed_out: bool) -> None:
        super().__init__()
        self.output = output
        self.timed_out = timed_out

    @property
    def local_output(self) -> str:
        """The output without the lines that the server sent."""
        lines = self.output.splitlines()
        return "\n".join(line for line in lines if not line.startswith("remote:"))


@dataclass(frozen=True)
class GitCommand:
    """git in one bare repository, killed after `timeout` seconds."""

    repository: Path
    environment: Mapping[str, str]
    timeout: float

    def run(self, *arguments: str, input_lines: Iterable[str] = ()) -> bytes:
        """Run a command on `input_lines` and return its output. Raises `GitError`."""
        with TemporaryFile() as stdin:
            stdin.write("".join(f"{line}\n" for line in input_lines).encode())
            stdin.seek(0)
            status, output, errors = Git(ANY_DIRECTORY).execute(
                self._build_command(arguments),
                istream=stdin,
                env=self.environment,
                kill_after_timeout=self.timeout,
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
            )
        if status != 0:
            raise GitError(errors, timed_out=status == KILLED_EXIT_STATUS)
        return output

    def run_truncated(self, max_bytes: int, *arguments: str) -> bytes:
        """Run a command and return its output, cut after some `max_bytes` bytes."""
        process = Git(ANY_DIRECTORY).execute(
            self._build_command(arguments), env=self.environment, as_process=True
        )
        watchdog = Timer(self.timeout, process.kill)
        watchdog.start()
        with process.stdout, process.stderr:
            output = b"".join(_read_chunks(process.stdout, max_bytes))
            if len(output) >= max_bytes:
                process.kill()
            try:
                process.wait()
            except GitCommandError as error:
                if len(output) < max_bytes:
                    timed_out = error.status == KILLED_EXIT_STATUS
                    raise GitError(str(error.stderr), timed_out=timed_out) from None
            finally:
                watchdog.cancel()
        return output

    def _build_command(self, arguments: tuple[str, ...]) -> list[str]:
        """Return the command without inherited variables, which may act even if empty."""
        inherited = {name for name in os.environ if name.startswith("GIT_")}
        unset = [part for name in inherited - self.environment.keys() for part in ("-u", name)]
        return ["env", *unset, "git", *arguments]


def _read_chunks(stream: IO[bytes], max_bytes: int) -> Iterator[bytes]:
    left = max_bytes
    while left > 0 and (chunk := stream.read(CHUNK_BYTES)):
        left -= len(chunk)
        yield chunk


def build_git_environment(
    repository: Path, access: GitAccess, configuration: Mapping[str, str], protocols: str
) -> dict[str, str]:
    """Return git's environment in `repository`; `protocols` as in GIT_ALLOW_PROTOCOL."""
    environment = {
        **ISOLATION_ENVIRONMENT,
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_DIR": str(repository),
        "HOME": str(repository),  # git reads .netrc there
        **_encode_config({**GIT_CONFIG, **configuration, **_build_auth_config(access)}),
    }
    if access.ca_cert:
        environment["GIT_SSL_CAINFO"] = str(access.ca_cert)
    if access.ssh_key:
        key, known = (shlex.quote(f"{path}") for path in (access.ssh_key, access.known_hosts))
        environment["GIT_SSH_COMMAND"] = f"{SSH_COMMAND} -i {key} -o UserKnownHostsFile={known}"
    return environment


def _build_auth_config(access: GitAccess) -> dict[str, str]:
    header = access.authorization
    return {"http.extraHeader": f"Authorization: {header}"} if header else {}


def _encode_config(configuration: Mapping[str, str]) -> dict[str, str]:
    """Encode configuration as variables, see GIT_CONFIG_COUNT in git-config(1)."""
    numbered = {"GIT_CONFIG_COUNT": str(len(configuration))}
    for number, (key, value) in enumerate(configuration.items()):
        numbered |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return numbered
