"""Files in one message: as they were, and within its limit."""

import lzma
from base64 import b64encode
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrics.packed_files import (
    MAX_PACKED_CHARS,
    MAX_UNPACKED_BYTES,
    PackingError,
    pack_files,
    unpack_files,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.binary(), max_size=4))
def test_files_are_unpacked_as_they_were(files: dict[str, bytes]) -> None:
    assert unpack_files(pack_files(files)) == files


def test_files_of_a_large_fabric_fit() -> None:
    manifest = (
        "kind: Connection\nmetadata: {name: server-%d--unbundled--leaf-%d}\nspec: {mtu: %d}\n"
    )
    files = {"a.yaml": "".join(manifest % (n, n % 64, n) for n in range(10_000)).encode()}
    assert len(files["a.yaml"]) > 500_000
    assert len(pack_files(files)) <= MAX_PACKED_CHARS


def test_files_that_do_not_fit_are_refused() -> None:
    with pytest.raises(PackingError, match="more than the 56 KB that a message may have"):
        pack_files({"a.yaml": Random(1).randbytes(MAX_PACKED_CHARS)})


def test_large_contents_of_a_short_message_are_refused() -> None:
    bomb = b64encode(lzma.compress(b" " * (MAX_UNPACKED_BYTES + 1))).decode()
    assert len(bomb) < MAX_PACKED_CHARS
    with pytest.raises(PackingError, match="take more than 16 MB"):
        unpack_files(bomb)


@pytest.mark.parametrize("content", [b"[1]", b"{", b'{"a": 1}', b'"a"', b"\xff", b"[" * 100_000])
def test_other_contents_are_refused(content: bytes) -> None:
    for message in (b64encode(lzma.compress(content)).decode(), content.decode("latin-1")):
        with pytest.raises(PackingError):
            unpack_files(message)
