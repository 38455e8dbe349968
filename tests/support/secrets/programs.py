"""A watch over the programs that a worker starts: their arguments and variables."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Final

import psutil

WATCHED: Final = ("git", "ssh")
INTERVAL_SECONDS: Final = 0.1


@dataclass
class Programs:
    """Notes of programs on their start, and samples of all processes."""

    folder: Path
    samples: set[bytes] = field(default_factory=set)

    @property
    def notes(self) -> Path:
        return self.folder / "notes"

    @property
    def note_command(self) -> str:
        """A shell command that notes its process."""
        return f"cat /proc/$$/cmdline /proc/$$/environ >> {self.notes}"

    def write_watched(self) -> Path:
        """Write programs that note themselves and run the real ones; their folder."""
        self.folder.mkdir()
        for name in WATCHED:
            program = self.folder / name
            real = shutil.which(name) or "/bin/false"
            program.write_text(f'#!/bin/sh\n{self.note_command}\nexec {real} "$@"\n')
            program.chmod(0o755)
        return self.folder

    def read(self) -> bytes:
        """Return all that was seen."""
        return self.notes.read_bytes() + b"\n".join(self.samples)

    @contextmanager
    def sampling(self, worker: int) -> Iterator[None]:
        """Sample a worker and its descendants until the block ends."""
        stopped = Event()

        def sample() -> None:
            while not stopped.wait(INTERVAL_SECONDS):
                with suppress(psutil.NoSuchProcess):
                    process = psutil.Process(worker)
                    for found in (process, *process.children(recursive=True)):
                        self._sample(found.pid)

        thread = Thread(target=sample)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    def _sample(self, process: int) -> None:
        for file in ("cmdline", "environ"):
            with suppress(OSError):  # it has ended
                self.samples.add(Path(f"/proc/{process}/{file}").read_bytes())
