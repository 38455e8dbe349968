"""`.demo.env`: the settings with which a second terminal reaches a running demo."""

import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from stack.cache import fingerprint
from stack.processes.leases import try_lease
from stack.processes.ports import LOOPBACK
from stack.processes.supervisor import StackError


@contextmanager
def env_file(variables: Mapping[str, str], folder: Path) -> Iterator[Path]:
    """Provide a file of `export` lines that only its owner may read.

    Its name is `.demo.env`, or `.demo-2.env` and so on while other demos run in `folder`. Raises
    StackError if `folder` is not writable.
    """
    with _reserve_path(folder) as path:
        _write_private_file(path, _format_exports(variables))
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


def _write_private_file(path: Path, text: str) -> None:
    try:
        path.unlink(missing_ok=True)  # left by a demo that was killed
        path.touch(mode=0o600)
        path.write_text(text)
    except OSError as error:
        raise StackError(
            f"Cannot write {path} ({error.strerror}); start the demo in a folder of your own."
        ) from None


def _format_exports(variables: Mapping[str, str]) -> str:
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    programs = shlex.quote(str(Path(sys.prefix, "bin")))
    lines.append(f'export PATH={programs}:"$PATH"')
    lines.append(f'export no_proxy={LOOPBACK},"${{no_proxy:-$NO_PROXY}}"')
    return "\n".join([*lines, ""])


@contextmanager
def _reserve_path(folder: Path) -> Iterator[Path]:
    for number in count(1):
        path = folder.resolve() / (".demo.env" if number == 1 else f".demo-{number}.env")
        if lease := try_lease(f"demo-{fingerprint(bytes(path))}"):
            with lease:
                yield path
            return
