"""Run `git` on untrusted repositories.

Arguments are constants or object ids. URL and branch are configuration in the environment, so no value can pass for an
option. A token is in a configuration file in memory, so it appears in no process list. git gets only those of the
worker's variables that it needs to reach a host, and ignores the configuration of the system and of the user.
It never prompts, runs no hooks, helpers or other transports, and follows no redirects, which could send a token
elsewhere. Time, output, processor time, memory and files are bounded.
"""

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from subprocess import CompletedProcess
from tempfile import TemporaryFile
from typing import BinaryIO, Final

from git import Git, GitCommandNotFound

from activities.connections import Deadline
from activities.credentials import GitAccess
from activities.errors import TransientError, one_line
from activities.process_groups import NETWORK_VARIABLES, communicate, inherit_variables
from activities.secrets.memory_files import memory_file, name_memory_file

MAX_FILE_BYTES: Final = 512 * 1024 * 1024
"""For each file that git writes, so also for what it receives at a time: that takes `git_timeout` at 100 Mbit/s."""

MAX_MEMORY_BYTES: Final = 512 * 1024 * 1024
"""For each of git's processes, beside the files that it maps. A pack of a few MB can ask for any amount."""

MAX_CPU_SECONDS: Final = 60
"""For each of git's processes, all threads together, so that a large branch fits on a slow host. A pack of a few MB can
take any time."""

MAX_OUTPUT_BYTES: Final = 128 * 1024 * 1024
"""Enough for the manifests of a fabric, all at once."""

MAX_LOGGED_CHARS: Final = 1000

ANY_DIRECTORY: Final = "/"
"""Where git starts. GIT_DIR names the mirror, and another thread may be creating that again."""

ORPHAN_SECONDS: Final = 5.0
"""How long git may outlast its time limit if the worker, which kills it then, was killed itself."""

CANNOT_RUN: Final = (126, 127)
"""What `env` and `timeout` return for a program that they cannot run or find."""

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
    "pack.threads": "4",  # each takes memory
    "pack.windowMemory": "32m",
    "remote.source.tagOpt": "--no-tags",
}

TOKEN_CONFIG_VARIABLE: Final = "GIT_CONFIG_GLOBAL"  # noqa: S105  not a secret itself
"""Names the file that has the token, in place of the user's configuration."""

ISOLATION_ENVIRONMENT: Final = {
    "GIT_ASKPASS": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",  # error messages are matched
}

SSH_COMMAND: Final = (
    "ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none"
    " -o ConnectTimeout=5 -o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=/dev/null -o UpdateHostKeys=no"
)


class GitError(Exception):
    """git failed. `output` is its stderr, which is never shown to people as it is.

    As a string it is git's own words on one line, fit for a log.
    """

    def __init__(self, output: str, *, timed_out: bool) -> None:
        super().__init__()
        self.output = output
        self.timed_out = timed_out

    def __str__(self) -> str:
        return one_line(self.local_output, MAX_LOGGED_CHARS)

    @property
    def local_output(self) -> str:
        """The output without the lines that the server sent."""
        # Other separators are the server's, within one of its lines; git prefixes what follows these two.
        lines = re.split(r"[\r\n]", self.output)
        return "\n".join(line for line in lines if not line.startswith("remote:"))


@dataclass(frozen=True)
class GitCommand:
    """git in the repository of `environment`, killed at `deadline`.

    Commands that ask a server need its `access`.
    """

    environment: Mapping[str, str]
    deadline: Deadline
    access: GitAccess | None = None

    def run(
        self,
        *arguments: str,
        input_lines: Iterable[str] = (),
        max_output_bytes: int = MAX_OUTPUT_BYTES,
    ) -> bytes:
        """Run a command on `input_lines` and return its output.

        It is cut after `max_output_bytes`. Raises `GitError`, and `TransientError` if the worker cannot start
        processes.
        """
        try:
            with TemporaryFile() as stdin:
                stdin.write("".join(f"{line}\n" for line in input_lines).encode())
                stdin.seek(0)
                completed = self._communicate(arguments, stdin, max_output_bytes)
        except TimeoutError:
            raise GitError("It did not end in time.", timed_out=True) from None
        except GitCommandNotFound as error:
            raise TransientError("The worker cannot run git (not found in its PATH).") from error
        except OSError as error:
            raise TransientError(f"The worker cannot run git ({error.strerror}).") from error
        if completed.returncode in CANNOT_RUN:
            raise TransientError("The worker cannot run git, timeout or prlimit: install them.")
        if completed.returncode != 0 and len(completed.stdout) < max_output_bytes:
            if completed.returncode == -SIGKILL:
                raise GitError(
                    "It was killed: it took too much processor time, or memory was short.",
                    timed_out=True,
                )
            output = completed.stderr.decode(errors="replace")
            raise GitError(self.access.redact(output) if self.access else output, timed_out=False)
        return completed.stdout

    def _communicate(
        self, arguments: tuple[str, ...], stdin: BinaryIO, max_output_bytes: int
    ) -> CompletedProcess[bytes]:
        with memory_file(self._build_token_config()) as token_config:
            # A variable, since GitPython interrupts git once nobody refers to this.
            interruptible = Git(ANY_DIRECTORY).execute(
                self._build_command(arguments),
                istream=stdin,
                as_process=True,
                env={**self.environment, TOKEN_CONFIG_VARIABLE: name_memory_file(token_config)},
                umask=0o077,  # what it creates is for this user only
                start_new_session=True,
                pass_fds=(token_config,),
                restore_signals=False,  # SIGXFSZ stays ignored: git says that a file is too large
            )
        assert interruptible.proc  # noqa: S101  it is dropped by an interruption only
        return communicate(interruptible.proc, self.deadline, max_output_bytes)

    def _build_token_config(self) -> bytes:
        header = self.access.authorization if self.access else ""
        return f'[http]\nextraHeader = "Authorization: {header}"\n'.encode() if header else b""

    def _build_command(self, arguments: tuple[str, ...]) -> list[str]:
        """Return git within its limits, without those variables that GitPython adds."""
        inherited = os.environ.keys() - self.environment.keys() - {TOKEN_CONFIG_VARIABLE}
        without = [part for name in inherited for part in ("-u", name)]
        seconds = self.deadline.count_seconds_left() + ORPHAN_SECONDS
        timeout = ("timeout", "--signal=KILL", f"{seconds:.1f}")
        space = (f"--fsize={MAX_FILE_BYTES}", f"--data={MAX_MEMORY_BYTES}", "--core=0")
        limits = ("prlimit", f"--cpu={MAX_CPU_SECONDS}", *space)
        return ["env", *without, *timeout, *limits, "git", *arguments]


def build_git_environment(
    repository: Path, access: GitAccess, configuration: Mapping[str, str], protocols: str
) -> dict[str, str]:
    """Return git's environment in `repository`; `protocols` as in GIT_ALLOW_PROTOCOL."""
    environment = {
        **inherit_variables(NETWORK_VARIABLES),
        **ISOLATION_ENVIRONMENT,
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_DIR": str(repository),
        "HOME": str(repository),  # git reads .netrc there
        **_encode_config({**GIT_CONFIG, **configuration}),
    }
    # git does not read SSL_CERT_FILE itself.
    if ca_cert := access.ca_cert or os.environ.get("SSL_CERT_FILE"):
        environment["GIT_SSL_CAINFO"] = str(ca_cert)
    if access.ca_cert:
        # Otherwise the system's folder counts beside the file.
        environment["GIT_SSL_CAPATH"] = os.devnull
    if access.ssh_key:
        key, known = (shlex.quote(f"{path}") for path in (access.ssh_key, access.known_hosts))
        environment["GIT_SSH_COMMAND"] = f"{SSH_COMMAND} -i {key} -o UserKnownHostsFile={known}"
    return environment


def _encode_config(configuration: Mapping[str, str]) -> dict[str, str]:
    """Encode configuration as variables, see GIT_CONFIG_COUNT in git-config(1)."""
    numbered = {"GIT_CONFIG_COUNT": str(len(configuration))}
    for number, (key, value) in enumerate(configuration.items()):
        numbered |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return numbered
