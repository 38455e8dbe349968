"""Programs that kubeconfigs run to log in: when, and what they cannot do."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme
import yaml

from activities.errors import NoResponseError, PermanentError, TransientError
from activities.kubernetes.access import KubernetesAccess, load_kubernetes_access
from activities.kubernetes.exec_plugins import EXEC_LOGINS, INHERITED_VARIABLES, ExecLogin
from activities.kubernetes.live_state import LiveStateCache
from fabrics.record.config import KubernetesTarget
from settings import Settings
from stack.kubernetes.emulator import EmulatedKubernetesApi
from tests.support.git.waiting import is_running, wait_until

SERVER = "https://10.0.0.1:6443"
API_VERSION = "client.authentication.k8s.io/v1"
SECRET = "s3cret-token"
LONG_AGO, FAR_AWAY = "2000-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


def print_login(**status: str) -> str:
    """Return a shell command that prints this login."""
    login = {"apiVersion": API_VERSION, "kind": "ExecCredential", "status": status}
    return f"printf %s '{json.dumps(login)}'"


class Plugin:
    """A credential whose kubeconfig runs a shell script."""

    def __init__(self, directory: Path, name: str, server: str = SERVER) -> None:
        self.directory, self.name, self.server = directory, name, server
        self.folder = directory / name
        self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, script: str, **plugin: object) -> None:
        """Make the kubeconfig run a script, which notes each run."""
        program = self.folder / "login"
        program.write_text(f"#!/bin/sh\necho run >> runs\n{script}\n")
        program.chmod(0o755)
        user = {"exec": {"apiVersion": API_VERSION, "command": "./login"} | plugin}
        cluster: dict[str, object] = {"server": self.server}
        if (self.folder / "ca.crt").exists():
            cluster["certificate-authority"] = "ca.crt"
        config = {
            "current-context": "one",
            "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
        }
        (self.folder / "kubeconfig").write_text(yaml.safe_dump(config))

    def load(self, seconds: float = 60) -> KubernetesAccess:
        """Load the access, as each sync does."""
        target = KubernetesTarget(server=self.server, namespace="default", credential=self.name)
        settings = Settings(
            credentials_dir=self.directory, kubernetes_allow_exec=True, read_timeout=seconds
        )
        return load_kubernetes_access(target, settings)

    def count_runs(self) -> int:
        return len((self.folder / "runs").read_text().splitlines())


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path, "lab")


def token_of(access: KubernetesAccess) -> str:
    return access.configuration.api_key["BearerToken"]


@pytest.mark.parametrize("expiry", [{}, {"expirationTimestamp": FAR_AWAY}])
def test_login_is_kept_until_it_expires(plugin: Plugin, expiry: dict[str, str]) -> None:
    plugin.write(print_login(token=SECRET, **expiry))
    assert {token_of(plugin.load()) for _ in range(3)} == {f"Bearer {SECRET}"}
    assert plugin.count_runs() == 1


def test_expired_login_is_renewed(plugin: Plugin) -> None:
    plugin.write(print_login(token=SECRET, expirationTimestamp=LONG_AGO))
    for _ in range(2):
        plugin.load()
    assert plugin.count_runs() == 2


def test_changed_kubeconfig_needs_a_new_login(plugin: Plugin) -> None:
    plugin.write(print_login(token=SECRET))
    plugin.load()
    plugin.write(print_login(token="other"), args=["--other"])
    assert token_of(plugin.load()) == "Bearer other"


def test_client_certificate_is_a_login(plugin: Plugin) -> None:
    issued = trustme.CA().issue_cert("worker@example.com")
    key, certificate = (
        issued.private_key_pem.bytes().decode(),
        issued.cert_chain_pems[0].bytes().decode(),
    )
    plugin.write(print_login(clientCertificateData=certificate, clientKeyData=key))
    assert plugin.load().client_certificate == f"{certificate}\n{key}".encode()


def test_login_that_the_api_refuses_is_renewed_at_once(
    api: EmulatedKubernetesApi, settings: Settings, credential: Path
) -> None:
    for file in ("server", "token"):
        (credential / file).unlink()
    plugin = Plugin(settings.credentials_dir, credential.name, api.server)
    secret = credential / "secret"
    secret.write_text(print_login(token="revoked"))
    plugin.write(". ./secret")
    target = KubernetesTarget(server=api.server, namespace="default", credential=plugin.name)
    states, allowed = LiveStateCache(), settings.model_copy(update={"kubernetes_allow_exec": True})
    with pytest.raises(TransientError, match="it runs again"):
        states.read(target, allowed)
    with pytest.raises(PermanentError, match="check its kubeconfig with kubectl"):
        states.read(target, allowed)  # a second login helped as little
    secret.write_text(print_login(token=api.auth.token))
    for _ in range(2):
        assert states.read(target, allowed).resources
    assert plugin.count_runs() == 3


def test_login_that_others_have_replaced_is_not_forgotten_again(plugin: Plugin) -> None:
    logins = iter(["first", "second", "third"])

    def renew() -> ExecLogin:
        plugin.write(print_login(token=next(logins)), args=[plugin.name])
        login = plugin.load().login
        assert login is not None
        return login

    refused = renew()
    assert EXEC_LOGINS.forget(plugin.folder, refused), "it may be renewed"
    assert EXEC_LOGINS.forget(plugin.folder, refused), "others had the same one"
    renewed = renew()
    assert EXEC_LOGINS.forget(plugin.folder, refused), "still refused, but replaced by now"
    assert plugin.load().login == renewed
    assert plugin.count_runs() == 2
    assert not EXEC_LOGINS.forget(plugin.folder, renewed), "a new one was refused just as well"


def test_program_that_hangs_is_killed_with_its_children(plugin: Plugin) -> None:
    plugin.write("sleep 1000 & echo $! > child; wait")
    with pytest.raises(NoResponseError, match="did not end in time"):
        plugin.load(seconds=5)
    child = int((plugin.folder / "child").read_text())
    wait_until(lambda: not is_running(child))


def test_program_need_not_wait_for_what_it_started(plugin: Plugin) -> None:
    plugin.write(f"sleep 1000 & echo $! > child\n{print_login(token=SECRET)}")
    assert token_of(plugin.load()) == f"Bearer {SECRET}"
    child = int((plugin.folder / "child").read_text())
    wait_until(lambda: not is_running(child))


def test_program_that_hangs_delays_no_other_credential(plugin: Plugin, tmp_path: Path) -> None:
    other = Plugin(tmp_path, "other")
    other.write(print_login(token="other"))
    gate = plugin.folder / "gate"
    os.mkfifo(gate)
    plugin.write(f"cat gate\n{print_login(token=SECRET)}")
    with ThreadPoolExecutor(2) as threads:
        hanging = threads.submit(plugin.load)
        gate_writer = gate.open("w")  # opens once the program waits there
        try:
            assert token_of(threads.submit(other.load).result(30)) == "Bearer other"
            assert not hanging.done()
        finally:
            gate_writer.close()
        assert token_of(hanging.result(30)) == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 3", r"failed \(exit status 3\)"),
        ("exec yes", "prints no valid ExecCredential"),
        ("echo nonsense", "prints no valid ExecCredential"),
        (print_login(token="two words"), "prints no valid ExecCredential"),
        (print_login(), "prints no valid ExecCredential"),
        (print_login(token=SECRET).replace("/v1", "/v2"), "prints no valid ExecCredential"),
    ],
)
def test_failure_of_a_program_is_named(plugin: Plugin, script: str, sentence: str) -> None:
    plugin.write(script)
    with pytest.raises(PermanentError, match=sentence) as caught:
        plugin.load()
    assert SECRET not in str(caught.value)


def test_program_that_does_not_exist_is_named(plugin: Plugin) -> None:
    plugin.write("", command="./absent")
    with pytest.raises(PermanentError, match="cannot be started"):
        plugin.load()


@pytest.mark.parametrize("plugin_config", [{"command": 7}, {"args": "x"}, {"env": [{"name": "x"}]}])
def test_invalid_exec_section_is_named(plugin: Plugin, plugin_config: dict[str, object]) -> None:
    plugin.write("", **plugin_config)
    with pytest.raises(PermanentError, match="has an invalid exec section"):
        plugin.load()


def test_program_sees_the_cluster_and_only_variables_that_it_needs(
    plugin: Plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = (
        "FABRIC_SYNC_NETBOX_TOKEN",
        "TEMPORAL_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "VAULT_TOKEN",
    )
    for name in foreign:
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    plugin.write(
        f"env > seen\n{print_login(token=SECRET)}",
        provideClusterInfo=True,
        env=[{"name": "PROFILE", "value": "lab"}],
    )
    plugin.load()
    seen = dict(
        line.split("=", 1)
        for line in (plugin.folder / "seen").read_text().splitlines()
        if "=" in line
    )
    assert (seen["PROFILE"], seen["AWS_REGION"]) == ("lab", "eu-north-1")
    assert not seen.keys() & set(foreign)
    added_by_the_shell = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert seen.keys() - added_by_the_shell <= {
        *INHERITED_VARIABLES,
        "PROFILE",
        "KUBERNETES_EXEC_INFO",
    }
    info = json.loads(seen["KUBERNETES_EXEC_INFO"])
    assert (info["kind"], info["apiVersion"]) == ("ExecCredential", API_VERSION)
    assert info["spec"] == {"interactive": False, "cluster": {"server": SERVER}}
