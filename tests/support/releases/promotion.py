"""Promotion of a build, and the way back, by the command that operators use."""

import subprocess
import sys
from pathlib import Path
from typing import Final

TEMPORAL: Final = str(Path(sys.prefix, "bin", "temporal"))


def set_current_version(address: str, deployment: str, build: str) -> bool:
    """Make a build the current one; an empty one means workers without a version.

    False if Temporal does not know all of its workers yet.
    """
    version = ("--build-id", build) if build else ("--unversioned",)
    command = [TEMPORAL, "worker", "deployment", "set-current-version", "--address", address]
    command += ["--deployment-name", deployment, "--yes", *version]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
