"""Git repositories made object by object, even with what `git add` refuses."""

import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from fabrics.record.config import GitSource
from stack.services.git_server import COMMITTER_ENVIRONMENT

FILE: Final = "100644"
TREE: Final = "40000"
LINK: Final = "120000"
SUBMODULE: Final = "160000"


@dataclass(frozen=True)
class Repository:
    """A bare repository on this machine."""

    path: Path

    @classmethod
    def make(cls, path: Path) -> Self:
        repository = cls(path)
        repository.git("init", "--quiet", "--bare", "--initial-branch=main", str(path))
        return repository

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    def source(self, directory: str = "/", branch: str = "main") -> GitSource:
        """The source in a fabric's record."""
        return GitSource(repository=self.url, branch=branch, directory=directory, credential="lab")

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        isolation = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        git_dir = {} if "init" in arguments else {"GIT_DIR": str(self.path)}
        result = subprocess.run(
            ["git", *arguments],
            input=stdin,
            env={"PATH": os.environ["PATH"]} | COMMITTER_ENVIRONMENT | isolation | git_dir,
            capture_output=True,
            check=True,
        )
        return result.stdout.decode().strip()

    def blob(self, data: bytes | str) -> str:
        stdin = data.encode() if isinstance(data, str) else data
        return self.git("hash-object", "-w", "--stdin", stdin=stdin)

    def tree(self, *entries: tuple[str, str | bytes, str]) -> str:
        """Write a tree of (mode, name, object id), unchecked."""
        raw = b"".join(
            mode.encode()
            + b" "
            + (name.encode() if isinstance(name, str) else name)
            + b"\0"
            + bytes.fromhex(object_id)
            for mode, name, object_id in entries
        )
        return self.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw)

    def commit(self, tree: str, branch: str = "main", parents: Iterable[str] = ()) -> str:
        """Make the branch hold this tree, whatever it held before."""
        lineage = [part for parent in parents for part in ("-p", parent)]
        commit = self.git("commit-tree", tree, *lineage, "-m", "a change")
        self.git("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def commit_files(
        self,
        files: Mapping[str, bytes | str],
        branch: str = "main",
        parents: Iterable[str] = (),
    ) -> str:
        """Make the branch hold these files by their paths and nothing else."""
        return self.commit(self._nested(files), branch, parents)

    def _nested(self, files: Mapping[str, bytes | str]) -> str:
        folders: dict[str, dict[str, bytes | str]] = {}
        entries: dict[str, tuple[str, str, str]] = {}
        for path, data in files.items():
            head, _, rest = path.partition("/")
            if rest:
                folders.setdefault(head, {})[rest] = data
            else:
                entries[head] = (FILE, head, self.blob(data))
        for name, inner in folders.items():
            entries[f"{name}/"] = (TREE, name, self._nested(inner))
        return self.tree(*(entries[name] for name in sorted(entries)))
