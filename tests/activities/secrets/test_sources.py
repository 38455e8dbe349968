"""Secrets of the worker: which counts, and what is wrong with a file."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from activities.errors import PermanentError
from activities.secrets.sources import SecretSource, netbox_token, webhook_secret
from settings import Settings

NONE = SecretStr("")
OLD, NEW = "old-s3cret-of-the-senders", "new-s3cret-of-the-senders"


def mount(folder: Path, version: str, content: str) -> Path:
    """Mount a Secret's version, or replace one, as a kubelet does; the file's path."""
    data = folder / f"..{version}"
    data.mkdir()
    (data / "secret").write_text(content)
    link = folder / "..data_tmp"
    link.symlink_to(data.name)
    link.rename(folder / "..data")
    path = folder / "secret"
    if not path.is_symlink():
        path.symlink_to("..data/secret")
    return path


def test_value_of_a_variable_counts_before_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-the-file")
    assert netbox_token(SecretStr(" own\n"), tmp_path / "token").read_token() == "own"
    assert netbox_token(NONE, tmp_path / "token").read_token() == "from-the-file"
    assert netbox_token(NONE, None).read_token() == ""


def test_replaced_secret_counts_at_its_next_use(tmp_path: Path) -> None:
    source = netbox_token(NONE, mount(tmp_path, "1", "old\n"))
    assert source.read_token() == "old"
    mount(tmp_path, "2", "new\n")
    assert source.read_token() == "new"


def test_each_line_is_a_secret_of_webhooks_and_the_first_is_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    source = webhook_secret(Settings(webhook_port=1, webhook_secret_file=path))
    path.write_text(f"{NEW}\r\n\n  {OLD}  \n")
    assert source.read_all() == (NEW, OLD)


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe", NEW.encode() + b"\nshort\n"])
def test_unusable_file_is_named_but_not_quoted(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "secrets"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PermanentError, match=f"The file {path} .*: correct it") as caught:
        SecretSource("VARIABLE", NONE, path, min_chars=16).read_all()
    assert NEW not in str(caught.value)
    assert caught.value.__cause__ is None


def test_token_of_several_words_is_refused_without_repeating_it(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{OLD} {NEW}")
    sources = {
        str(path): netbox_token(NONE, path),
        "NETBOX_TOKEN": netbox_token(SecretStr("a\nb"), path),
    }
    for place, source in sources.items():
        with pytest.raises(PermanentError, match="must have one token without spaces") as caught:
            source.read_token()
        assert place in str(caught.value)
        assert OLD not in str(caught.value)


def test_secrets_are_not_in_the_text_of_a_source() -> None:
    assert OLD not in repr(netbox_token(SecretStr(OLD), None))
