"""The images' steps, carried out in root file systems instead of by an engine.

Debian's debootstrap makes what `FROM debian:trixie-slim` brings; each stage is a folder in which `chroot` runs the
steps. So this shows that the steps work and what they leave behind, but it makes no image.
"""

import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from tests.support.deploy.dockerfile import DOCKERFILE, Dockerfile, Stage, Step
from tests.support.deploy.reachable import PYPI, explain_unreachable
from tests.support.paths import PROJECT

MIRROR: Final = "http://deb.debian.org/debian"
DEBIAN: Final = f"{MIRROR}/dists/trixie/InRelease"

HOST_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
CERTIFICATES: Final = "/etc/host-certificates.crt"
"""Where steps find the CAs of this host, since it may be behind a proxy that has one of its own."""

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

MOUNTED: Final = """
set -e
root=$1; shift
for folder in dev proc; do mount --rbind "/$folder" "$root/$folder"; done
exec "$@"
"""
READ_ONLY: Final = """
set -e
root=$1; shift
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
for folder in dev proc; do mount --rbind "/$folder" "$root/$folder"; done
mount -t tmpfs tmpfs "$root/tmp"
exec "$@"
"""
"""As `read_only: true` with `tmpfs: [/tmp]`. Both run in a mount namespace, with which the mounts end."""


def missing_prerequisite() -> str | None:
    """Return why the steps cannot be carried out here; None if they can."""
    if shutil.which("debootstrap") is None:
        return "debootstrap is not installed: `stack/set-up debootstrap` installs it"
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        return "this user may not mount file systems"
    return explain_unreachable(DEBIAN) or explain_unreachable(PYPI)


@dataclass
class ImageRoot:
    """The file system of a stage, and what its containers begin with."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    user: str = "0:0"
    directory: str = "/"
    entry_point: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    def at(self, path: str) -> Path:
        """Return where `path` of the image is on this host."""
        return self.folder / (Path(self.directory) / path).relative_to("/")

    def step(self, script: str) -> None:
        """Run a step of the build, which may write everywhere."""
        variables = {"DEBIAN_FRONTEND": "noninteractive"}
        if HOST_CERTIFICATES.exists():
            variables |= dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT"), CERTIFICATES)
        ran = self._chroot(MOUNTED, ["sh", "-c", script], variables)
        assert ran.returncode == 0, f"{script}\n{ran.stdout}\n{ran.stderr}"

    def container(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program as a container with a read-only file system would."""
        return self._chroot(READ_ONLY, [*self.entry_point, *command], variables)

    def _chroot(
        self, mounts: str, command: list[str], variables: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        home = "/root" if self.user == "0:0" else "/home/app"
        environment = {"PATH": PATH, "HOME": home} | self.environment | variables
        return subprocess.run(
            [
                *("unshare", "--mount", "sh", "-c", mounts, "sh", str(self.folder)),
                *("chroot", f"--userspec={self.user}", str(self.folder)),
                *("env", "--ignore-environment", f"--chdir={self.directory}"),
                *(f"{name}={value}" for name, value in environment.items()),
                *command,
            ],
            capture_output=True,
            text=True,
            check=False,
        )


class ImageBuilder:
    """Carries out the steps of stages below a folder."""

    def __init__(self, folder: Path) -> None:
        """Keep the roots in `folder`."""
        self._folder = folder
        self._stages = Dockerfile().stages
        self._roots: dict[str, ImageRoot] = {}
        self._context = folder / "context"
        _copy_context(self._context)

    def build(self, target: str) -> ImageRoot:
        """Return the root of a stage, or of the image that all are from."""
        if target not in self._roots:
            stage = self._stages.get(target)
            self._roots[target] = self._build_stage(stage) if stage else self._build_base()
        return self._roots[target]

    def _build_base(self) -> ImageRoot:
        folder = self._folder / "base"
        _run("debootstrap", "--variant=minbase", "trixie", str(folder), MIRROR)
        for file in ("etc/resolv.conf", "etc/hosts"):
            shutil.copy(f"/{file}", folder / file)
        if HOST_CERTIFICATES.exists():
            shutil.copy(HOST_CERTIFICATES, folder / CERTIFICATES.removeprefix("/"))
        return ImageRoot(folder)

    def _build_stage(self, stage: Stage) -> ImageRoot:
        base = self.build(stage.base)
        folder = self._folder / stage.name
        _run("cp", "--archive", "--reflink=auto", str(base.folder), str(folder))
        root = replace(base, folder=folder, environment=dict(base.environment))
        for step in stage.steps:
            self._carry_out(step, root)
        return root

    def _carry_out(self, step: Step, root: ImageRoot) -> None:
        match step.instruction:
            case "RUN":
                root.step(step.arguments)
            case "COPY":
                self._copy(step, root)
            case "ENV":
                root.environment |= _parse_variables(step, root)
            case "WORKDIR":
                root.directory = step.arguments
                root.at(".").mkdir(parents=True, exist_ok=True)
            case "USER":
                root.user = step.arguments
            case "ENTRYPOINT":
                root.entry_point = step.words
            case "CMD":
                root.command = step.words
            case unknown:
                raise NotImplementedError(f"{DOCKERFILE} uses {unknown}, which has no rule here.")

    def _copy(self, step: Step, root: ImageRoot) -> None:
        words = [word for word in step.words if not word.startswith("--from=")]
        *sources, target = words
        for source in sources:
            if len(words) < len(step.words):
                origin = self.build(step.words[0].removeprefix("--from=")).at(source)
            else:
                origin = self._context / source
            destination = root.at(target)
            if origin.is_dir():
                shutil.copytree(origin, destination, symlinks=True, dirs_exist_ok=True)
            else:
                is_folder = target.endswith("/") or destination.is_dir()
                destination = destination / origin.name if is_folder else destination
                destination.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(origin, destination)


def _parse_variables(step: Step, root: ImageRoot) -> dict[str, str]:
    known = {"PATH": PATH} | root.environment
    pairs = (word.partition("=") for word in shlex.split(step.arguments))
    return {
        name: re.sub(r"\$(\w+)", lambda found: known[found[1]], value) for name, _, value in pairs
    }


def _copy_context(folder: Path) -> None:
    """Copy what `Dockerfile.dockerignore` lets into the build."""
    patterns = Path(f"{DOCKERFILE}.dockerignore").read_text().splitlines()
    for pattern in patterns:
        for path in PROJECT.glob(pattern.removeprefix("!")) if pattern.startswith("!") else ():
            target = folder / path.relative_to(PROJECT)
            if path.is_dir():
                shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target)


def _run(*command: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{command}\n{ran.stdout[-2000:]}\n{ran.stderr}"
