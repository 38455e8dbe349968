"""Files in memory, for whoever reads a secret from a file only.

They are on no disk and have no name for other users, and they vanish with the last process that has them open, however
that ends.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def memory_file(content: bytes) -> Iterator[int]:
    """Yield the descriptor of a file with `content`.

    A child has it only if `pass_fds` names it.
    """
    descriptor = os.memfd_create("fabric-sync")
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)
        yield descriptor
    finally:
        os.close(descriptor)


def name_memory_file(descriptor: int) -> str:
    """Return the path at which whoever has the descriptor can open the file."""
    return f"/proc/self/fd/{descriptor}"
