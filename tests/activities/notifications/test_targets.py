"""The file of targets, and what is wrong with it."""

from pathlib import Path

import pytest

from activities.errors import PermanentError
from activities.notifications.targets import MAX_FILE_BYTES, MAX_TARGETS, load_targets

WEBHOOK = '[ops]\nurl = "https://hooks.example.com/x?key=s3cret"\nsecret_file = "ops-secret"\n'
CHAT = '[chat]\napprise_file = "/run/secrets/chat"\n'


def write(folder: Path, content: str) -> Path:
    """Write the file of targets, and return its path."""
    file = folder / "targets.toml"
    file.write_text(content)
    return file


def test_paths_count_from_the_folder_of_the_file(tmp_path: Path) -> None:
    targets = load_targets(write(tmp_path, WEBHOOK + CHAT))
    assert list(targets) == ["ops", "chat"]
    assert targets["ops"].secret_file == tmp_path / "ops-secret"
    assert targets["chat"].apprise_file == Path("/run/secrets/chat")


def test_edited_file_counts_at_its_next_use(tmp_path: Path) -> None:
    assert list(load_targets(write(tmp_path, WEBHOOK))) == ["ops"]
    assert list(load_targets(write(tmp_path, CHAT))) == ["chat"]
    assert load_targets(write(tmp_path, "")) == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('[ops]\nurl = "https://hooks.example.com/s3cret"', "ops: .*either url and secret_file"),
        ('[ops]\nsecret_file = "x"\napprise_file = "s3cret"', "ops: .*or apprise_file"),
        ("[ops]", "ops: .*either url and secret_file"),
        (f'{WEBHOOK}apprise_file = "x"', "ops: .*or apprise_file"),
        (f'{WEBHOOK}pasword = "s3cret"', "ops.pasword: Extra inputs are not permitted"),
        ('[ops]\nurl = "https://me:s3cret@hooks.example.com"\nsecret_file = "x"', "ops.url: "),
        ('[ops]\nurl = "ftp://hooks.example.com"\nsecret_file = "x"', "ops.url: "),
        ('["Ops team"]\napprise_file = "s3cret"', "Ops team"),
        ('ops = "s3cret"', "ops: Input should be a valid dictionary"),
        ("[ops", "it is no TOML"),
        ("#" * (MAX_FILE_BYTES + 1), "more than 64 KB"),
        ("".join(CHAT.replace("chat", f"c{n}", 1) for n in range(MAX_TARGETS + 1)), "at most 20"),
    ],
)
def test_unusable_file_is_named_with_the_place_but_not_quoted(
    tmp_path: Path, content: str, reason: str
) -> None:
    file = write(tmp_path, content)
    with pytest.raises(PermanentError, match=reason) as caught:
        load_targets(file)
    assert str(file) in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"cannot be read .No such file"):
        load_targets(tmp_path / "targets.toml")
