"""Files in memory: who can read them, and when they are gone."""

import os
import subprocess
from pathlib import Path

import pytest

from activities.secrets.memory_files import memory_file, name_memory_file

SECRET = b"s3cret\n" * 100


def test_file_has_its_content_each_time_it_is_opened_and_then_is_gone() -> None:
    with memory_file(SECRET) as descriptor:
        path = Path(name_memory_file(descriptor))
        assert [path.read_bytes() for _ in range(2)] == [SECRET] * 2
        assert str(path.readlink()).startswith("/memfd:"), "it is on no disk"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_child_has_the_file_only_if_it_is_passed_on() -> None:
    with memory_file(SECRET) as descriptor:
        command = ["cat", name_memory_file(descriptor)]
        assert subprocess.check_output(command, pass_fds=(descriptor,)) == SECRET
        refused = subprocess.run(command, capture_output=True, check=False)
        assert (refused.stdout, refused.returncode) == (b"", 1)
