"""Which credentials give access to a Kubernetes API, and which are refused."""

import base64
import json
import traceback
from pathlib import Path
from typing import Any

import pytest
import yaml

from activities.errors import PermanentError
from activities.kubernetes.access import (
    MAX_NAMED_FILE_BYTES,
    KubernetesAccess,
    load_kubernetes_access,
)
from activities.kubernetes.live_state import LiveStateCache, read_live_state
from fabrics.record.config import KubernetesTarget
from fabrics.resources.kinds import SWITCH_PROFILE
from settings import Settings
from stack.kubernetes.emulator import EmulatedKubernetesApi

SERVER = "https://10.0.0.1:6443"
SECRET = "s3cret-token"


def access(directory: Path, server: str = SERVER, *, allow_exec: bool = False) -> KubernetesAccess:
    target = KubernetesTarget(server=server, namespace="default", credential="lab")
    settings = Settings(credentials_dir=directory, kubernetes_allow_exec=allow_exec)
    return load_kubernetes_access(target, settings)


def write_kubeconfig(
    directory: Path, *, cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None
) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": SERVER} | (cluster or {})}],
        "users": [{"name": "u", "user": {"token": SECRET} if user is None else user}],
    }
    (directory / "lab").mkdir(exist_ok=True)
    (directory / "lab" / "kubeconfig").write_text(yaml.safe_dump(config))


def test_api_is_read_anonymously_without_credential(tmp_path: Path) -> None:
    loaded = access(tmp_path)

    assert loaded.credential == ""
    assert loaded.configuration.host == SERVER
    assert not loaded.configuration.api_key


def test_kubeconfig_token_is_used(tmp_path: Path) -> None:
    write_kubeconfig(tmp_path)

    loaded = access(tmp_path, "https://10.0.0.1:6443/")

    assert loaded.credential == "lab"
    assert loaded.configuration.api_key == {"BearerToken": f"Bearer {SECRET}"}
    assert loaded.configuration.verify_ssl


def test_kubeconfig_ca_is_used(
    api: EmulatedKubernetesApi, credential: Path, target: KubernetesTarget, settings: Settings
) -> None:
    for file in ("server", "token", "ca.crt"):
        (credential / file).unlink()
    authority = base64.b64encode(api.auth.ca_cert.encode()).decode()
    write_kubeconfig(
        settings.credentials_dir,
        cluster={"server": api.server, "certificate-authority-data": authority},
        user={"token": api.auth.token},
    )

    assert SWITCH_PROFILE in read_live_state(target, settings).resources


@pytest.mark.parametrize(
    ("cluster", "user", "sentence"),
    [
        ({"server": "https://10.0.0.2:6443"}, None, "is not for this API"),
        ({"server": "https://10.0.0.1:6443/other"}, None, "is not for this API"),
        ({"server": "http://10.0.0.1:6443"}, None, "is not for this API"),
        ({"server": "nonsense"}, None, "names an unusable server"),
        ({"insecure-skip-tls-verify": True}, None, "disables certificate checks"),
        (None, {"exec": {"command": "id", "apiVersion": "x"}}, "runs a program"),
        (None, {"auth-provider": {"name": "gcp"}}, "runs a program"),
        ({"certificate-authority-data": "###"}, None, "is unusable; try it with kubectl"),
        ({"certificate-authority": "x" * 300}, None, "is unusable; try it with kubectl"),
    ],
)
def test_unsafe_kubeconfigs_are_refused(
    tmp_path: Path, cluster: dict[str, Any] | None, user: dict[str, Any] | None, sentence: str
) -> None:
    write_kubeconfig(tmp_path, cluster=cluster, user=user)

    with pytest.raises(PermanentError, match=sentence) as caught:
        access(tmp_path)

    assert "Credential lab" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("key", ["tokenFile", "client-certificate", "certificate-authority"])
@pytest.mark.parametrize(
    "file", ["../other/token", "{}/other/token", "link", "/dev/null", "absent", "folder", "large"]
)
def test_kubeconfig_names_only_small_files_of_its_own_folder(
    tmp_path: Path, key: str, file: str
) -> None:
    folder, other = tmp_path / "lab", tmp_path / "other"
    named = {key: file.format(tmp_path)}
    write_kubeconfig(tmp_path, **{"cluster" if key == "certificate-authority" else "user": named})
    other.mkdir()
    (other / "token").write_text(SECRET)
    (folder / "link").symlink_to(other / "token")
    (folder / "folder").mkdir()
    (folder / "large").write_bytes(b"x" * (MAX_NAMED_FILE_BYTES + 1))

    with pytest.raises(PermanentError, match=f"needs its {key} in the same folder"):
        access(tmp_path)


def mount(folder: Path, version: str, token: str) -> None:
    """Replace the files of a mounted Secret at once, as Kubernetes does."""
    (folder / f"..{version}").mkdir()
    (folder / f"..{version}" / "token").write_text(token)
    (folder / "..data_tmp").symlink_to(f"..{version}")
    (folder / "..data_tmp").replace(folder / "..data")


@pytest.mark.parametrize("file", ["token", "{}/lab/token"])
def test_files_of_a_mounted_secret_are_in_its_folder(tmp_path: Path, file: str) -> None:
    write_kubeconfig(tmp_path, user={"tokenFile": file.format(tmp_path)})
    (tmp_path / "lab" / "token").symlink_to("..data/token")
    for token in ("first", "renewed"):
        mount(tmp_path / "lab", token, f"{token}\n")
        assert access(tmp_path).configuration.api_key == {"BearerToken": f"Bearer {token}"}


@pytest.mark.parametrize("text", ["", "[]", "a: [", "kind: Config", "current-context: x", "\0"])
def test_invalid_kubeconfigs_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "kubeconfig").write_text(text)

    with pytest.raises(PermanentError, match="has no valid current context"):
        access(tmp_path)


@pytest.mark.parametrize("token", [f"*{SECRET}", f"!{SECRET}", f"&{SECRET}: [", f"'{SECRET}"])
def test_kubeconfig_that_is_no_yaml_is_not_quoted(tmp_path: Path, token: str) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "kubeconfig").write_text(f"users: [{{user: {{token: {token}}}}}]\n")
    with pytest.raises(PermanentError) as caught:
        access(tmp_path)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_exec_plugin_needs_a_setting(tmp_path: Path) -> None:
    credential_json = json.dumps(
        {
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "status": {"token": SECRET},
        }
    )
    program = tmp_path / "login"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\necho '{credential_json}'\n")
    program.chmod(0o755)
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program)}
    write_kubeconfig(tmp_path, user={"exec": plugin})

    with pytest.raises(PermanentError, match="FABRIC_SYNC_KUBERNETES_ALLOW_EXEC"):
        access(tmp_path)
    assert not (tmp_path / "ran").exists()

    loaded = access(tmp_path, allow_exec=True)
    assert loaded.configuration.api_key == {"BearerToken": f"Bearer {SECRET}"}


def test_program_beside_an_empty_token_is_run_by_nobody(tmp_path: Path) -> None:
    program = tmp_path / "login"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program)}
    write_kubeconfig(tmp_path, user={"exec": plugin, "token": ""})

    assert access(tmp_path, allow_exec=True).configuration.api_key == {}
    assert not (tmp_path / "ran").exists()


def test_empty_ca_is_not_taken_for_the_system_s_cas(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "ca.crt").write_text("\n")
    with pytest.raises(PermanentError, match="must not mean that the system's CAs are trusted"):
        access(tmp_path)


def test_token_is_sent_only_to_its_server(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "token").write_text(f"{SECRET}\n")
    with pytest.raises(PermanentError, match="the file server is missing"):
        access(tmp_path)

    (tmp_path / "lab" / "server").write_text("https://10.0.0.1:6443\n")
    assert access(tmp_path).configuration.api_key == {"BearerToken": f"Bearer {SECRET}"}
    for other_server in (
        "https://10.0.0.1",
        "https://10.0.0.1:6443/x",
        "https://10.0.0.1.evil.org",
    ):
        with pytest.raises(PermanentError, match="is not for this API"):
            access(tmp_path, other_server)


@pytest.mark.parametrize("server", ["", "http://10.0.0.1:6443", "10.0.0.1:6443", "ssh://10.0.0.1"])
def test_only_https_servers_are_accepted(tmp_path: Path, server: str) -> None:
    with pytest.raises(PermanentError, match="hh_kubernetes_server"):
        access(tmp_path, server)


def test_renewed_token_file_of_a_kubeconfig_is_used_at_once(
    api: EmulatedKubernetesApi, credential: Path, target: KubernetesTarget, settings: Settings
) -> None:
    (credential / "server").unlink()
    write_kubeconfig(
        settings.credentials_dir,
        cluster={"server": api.server, "certificate-authority": "ca.crt"},
        user={"tokenFile": "token"},
    )
    states = LiveStateCache()
    states.read(target, settings)
    (credential / "token").write_text("revoked\n")
    with pytest.raises(PermanentError, match="refused the credential lab: renew its token"):
        states.read(target, settings)
    (credential / "token").write_text(f"{api.auth.token}\n")
    assert states.read(target, settings).resources


@pytest.mark.parametrize("text", ["two words", "x\x00y"])
def test_token_file_with_more_than_a_token_is_refused(tmp_path: Path, text: str) -> None:
    write_kubeconfig(tmp_path, user={"tokenFile": "token"})
    (tmp_path / "lab" / "token").write_text(text)
    with pytest.raises(PermanentError, match="Credential lab: the file kubeconfig"):
        access(tmp_path)
