"""Hosts that secrets may be sent to, and reports of unusable credentials."""

import os
from pathlib import Path

import pytest

from activities.credentials import Credential, GitAccess, NormalizedUrl, resolve_git_access
from activities.errors import PermanentError

SECRET = "s3cret-token"
REPOSITORY = "https://git.example.com/fabrics/oslo.git"


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name.replace("_dot_", ".").replace("_", "-")
        path.write_text(text)
        path.chmod(0o600)


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("https://git.example.com/fabrics/oslo", REPOSITORY),
        ("https://git.example.com/fabrics/oslo.git", "https://git.example.com/fabrics/oslo"),
        ("https://GIT.example.com:443/fabrics/", REPOSITORY),
        ("https://git.example.com/fabrics", "https://git.example.com./fabrics//oslo.git/"),
        ("https://git.example.com", REPOSITORY),
        ("https://git.example.com/f%61brics", REPOSITORY),
        ("ssh://git@git.example.com:22/fabrics", "git@git.example.com:fabrics/oslo.git"),
        ("git.example.com:fabrics", "ssh://other@git.example.com/fabrics/oslo"),
    ],
)
def test_url_covers_allowed_places(allowed: str, url: str) -> None:
    assert NormalizedUrl.from_url(allowed).covers(NormalizedUrl.from_url(url))


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("https://git.example.com/fabrics", "https://git.example.com/fabrics-old/oslo.git"),
        ("https://git.example.com/fabrics", "https://git.example.com/Fabrics/oslo.git"),
        ("https://git.example.com/fabrics/oslo", "https://git.example.com/fabrics"),
        ("https://git.example.com", "http://git.example.com/fabrics"),
        ("https://git.example.com", "https://git.example.com:8443/fabrics"),
        ("https://git.example.com", "https://git.example.com.evil.org/fabrics"),
        ("https://git.example.com", "https://evil.org/git.example.com"),
        ("https://git.example.com", "ssh://git.example.com/fabrics"),
    ],
)
def test_url_does_not_cover_other_places(allowed: str, url: str) -> None:
    assert not NormalizedUrl.from_url(allowed).covers(NormalizedUrl.from_url(url))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "fabrics",
        "/etc/passwd",
        "file:///etc",
        "ext::sh -c id",
        "ext::sh",
        "git://git.example.com/fabrics",
        "https://",
        "https:///fabrics",
        "https://user@git.example.com/fabrics",
        "https://user:word@git.example.com/fabrics",
        "ssh://git:word@git.example.com/fabrics",
        "https://git.example.com\\@evil.org/fabrics",
        "https://git.example.com/fabrics?x=1",
        "https://git.example.com/fabrics#@evil.org",
        "https://git.example.com/fabrics/../secrets",
        "https://git.example.com/fabrics/%2e%2e/secrets",
        "https://git.example.com/fabrics%2f..%2fsecrets",
        "https://git.example.com/fabrics/%0aHost:evil.org",
        "https://git.exa\tmple.com/fabrics",
        "https://git.example.com:port/fabrics",
        "ssh://-oProxyCommand=id/fabrics",
        "-oProxyCommand=id:fabrics",
        "--upload-pack=id",
    ],
)
def test_ambiguous_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^its? "):
        NormalizedUrl.from_url(url)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "...", "../etc", "a/b", "/etc", "a b", "a\n", "ä", "a" * 101]
)
def test_credential_names_that_leave_the_directory_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PermanentError, match="must be the name of a credential"):
        Credential.find(tmp_path, name)


def test_without_a_folder_git_is_read_anonymously(tmp_path: Path) -> None:
    assert resolve_git_access(tmp_path, "lab", REPOSITORY) == GitAccess(tmp_path / "lab")


def test_git_is_read_anonymously_with_kubernetes_files_only(tmp_path: Path) -> None:
    write(tmp_path / "lab", token=SECRET, server="https://10.0.0.1:6443")

    assert resolve_git_access(tmp_path, "lab", REPOSITORY) == GitAccess(tmp_path / "lab")


def test_token_applies_to_folder_of_repositories(tmp_path: Path) -> None:
    urls = "https://git.example.com/templates\nhttps://git.example.com/fabrics\n"
    write(tmp_path / "lab", git_token=f"{SECRET}\n", git_url=urls, git_username="robot")

    access = resolve_git_access(tmp_path, "lab", REPOSITORY)

    assert access.token is not None
    assert access.token.get_secret_value() == SECRET
    assert access.username == "robot"
    assert SECRET not in repr(access)


def test_ssh_key_applies_to_ssh_url(tmp_path: Path) -> None:
    write(tmp_path / "lab", ssh_key="key", git_url="git@git.example.com:fabrics")
    (tmp_path / "lab" / "known_hosts").write_text("git.example.com ssh-ed25519 AAAA")

    access = resolve_git_access(tmp_path, "lab", "git@git.example.com:fabrics/oslo.git")

    assert access.ssh_key == tmp_path / "lab" / "ssh-key"
    assert access.known_hosts == tmp_path / "lab" / "known_hosts"
    assert access.token is None


@pytest.mark.parametrize(
    ("files", "repository", "sentence"),
    [
        ({"git_token": SECRET}, REPOSITORY, "the file git-url is missing"),
        (
            {"git_token": SECRET, "git_url": "nonsense"},
            REPOSITORY,
            "git-url contains an unusable URL",
        ),
        (
            {"git_token": SECRET, "git_url": "https://git.example.com/other"},
            REPOSITORY,
            "is not for this repository",
        ),
        (
            {"git_token": f"{SECRET} x", "git_url": "https://git.example.com"},
            REPOSITORY,
            "git-token must contain one token",
        ),
        (
            {"git_token": f"{SECRET}\r\nX: y", "git_url": "https://git.example.com"},
            REPOSITORY,
            "git-token must contain one token",
        ),
        (
            {"git_token": SECRET, "git_url": "ssh://git.example.com"},
            "git@git.example.com:fabrics/oslo",
            "ssh-key is missing",
        ),
        (
            {"ssh_key": SECRET, "git_url": "ssh://git.example.com"},
            "git@git.example.com:fabrics/oslo",
            "known_hosts is missing",
        ),
        ({"ssh_key": SECRET, "git_url": "https://git.example.com"}, REPOSITORY, "git-token is"),
    ],
)
def test_errors_name_credential_and_file_but_no_secret(
    tmp_path: Path, files: dict[str, str], repository: str, sentence: str
) -> None:
    write(tmp_path / "lab", **files)

    with pytest.raises(PermanentError, match=sentence) as caught:
        resolve_git_access(tmp_path, "lab", repository)

    assert "Credential lab" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_ssh_without_key_names_the_missing_files(tmp_path: Path) -> None:
    files = "ssh-key, known_hosts and git-url"
    with pytest.raises(
        PermanentError, match=f"put {files} into the worker's folder {tmp_path / 'lab'}, or"
    ):
        resolve_git_access(tmp_path, "lab", "git@git.example.com:fabrics/oslo")


def test_ssh_key_readable_by_others_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "lab", ssh_key=SECRET, git_url="ssh://git.example.com")
    (tmp_path / "lab" / "known_hosts").write_text("x")
    (tmp_path / "lab" / "ssh-key").chmod(0o644)

    with pytest.raises(PermanentError, match="chmod 400"):
        resolve_git_access(tmp_path, "lab", "ssh://git.example.com/fabrics")


def test_binary_token_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "lab", git_url="https://git.example.com")
    (tmp_path / "lab" / "git-token").write_bytes(os.urandom(64) + b"\xff\xfe")

    with pytest.raises(PermanentError, match="git-token cannot be read as text"):
        resolve_git_access(tmp_path, "lab", REPOSITORY)
