"""The stack works, and leaves nothing behind when it fails or is killed."""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pynetbox
import pytest
import requests
from temporalio.client import Client
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

import temporal
from stack.processes.supervisor import StackError
from stack.stack import Stack
from tests.support.paths import PROJECT

pytestmark = pytest.mark.server

START_A_STACK = """
from stack.stack import Stack
with Stack():
    raise SystemExit("The test ends this process before the stack is up.")
"""
until_true = retry(
    retry=retry_if_exception_type(AssertionError),
    wait=wait_fixed(0.05),
    stop=stop_after_delay(60),
    reraise=True,
)


def test_netbox_accepts_the_token(stack: Stack) -> None:
    netbox = pynetbox.api(stack.netbox.url, token=stack.netbox.token)

    tag = netbox.extras.tags.create(name="Stack test", slug="stack-test")

    assert netbox.extras.tags.get(slug="stack-test").name == "Stack test"
    assert tag.delete()


def test_netbox_refuses_another_token(stack: Stack) -> None:
    netbox = pynetbox.api(stack.netbox.url, token="nbt_aaaaaaaaaaaa." + 40 * "b")

    with pytest.raises(pynetbox.RequestError, match="403"):
        netbox.extras.tags.count()


def test_netbox_works_in_a_browser(stack: Stack) -> None:
    with requests.Session() as browser:
        login_page = browser.get(f"{stack.netbox.url}/login/", timeout=30)
        form = {
            "csrfmiddlewaretoken": login_page.text.split('csrfmiddlewaretoken" value="')[1][:64],
            "username": stack.netbox.user,
            "password": stack.netbox.password,
        }
        home = browser.post(f"{stack.netbox.url}/login/", data=form, timeout=30)
        style_sheet = browser.get(f"{stack.netbox.url}/static/netbox.css", timeout=30)

    assert 'href="/static/netbox.css' in home.text
    assert "/logout/" in home.text
    assert style_sheet.headers["Content-Type"] == "text/css"


def test_netbox_runs_background_jobs(stack: Stack) -> None:
    netbox = pynetbox.api(stack.netbox.url, token=stack.netbox.token)

    @until_true
    def a_worker_is_registered() -> None:
        assert netbox.status()["rq-workers-running"] == 1

    a_worker_is_registered()


async def test_temporal_has_our_search_attributes(stack: Stack) -> None:
    client = await Client.connect(stack.temporal.address)

    assert await temporal.missing_search_attributes(client) == []


def test_temporal_has_its_web_ui(stack: Stack) -> None:
    page = requests.get(stack.temporal.ui_url, timeout=30)

    assert page.ok
    assert "<html" in page.text


def test_repositories_can_be_cloned(stack: Stack, tmp_path: Path) -> None:
    repository = stack.git.create_repository("clone-test")
    repository.commit({"switch.yaml": "kind: Switch\n"})

    subprocess.run(["git", "clone", "--quiet", repository.url, tmp_path], check=True)

    assert (tmp_path / "switch.yaml").read_text() == "kind: Switch\n"


def test_secrets_are_not_in_the_repr(stack: Stack) -> None:
    assert stack.netbox.token not in repr(stack.netbox)
    assert stack.netbox.password not in repr(stack.netbox)


def test_failed_start_ends_the_services_that_it_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none_installed() -> None:
        raise StackError("PostgreSQL is not installed.")

    monkeypatch.setattr("stack.services.netbox.find_binaries", none_installed)
    before = set(psutil.Process().children())  # the reapers, which end all services below them
    failing = Stack()

    with pytest.raises(StackError, match="PostgreSQL is not installed"):
        failing.__enter__()

    assert set(psutil.Process().children()) == before
    assert (failing.log_dir / "valkey.log").exists()


# SIGTERM, for which nothing is prepared, ends the process as SIGKILL does.
@pytest.mark.parametrize(
    "end", [signal.SIGINT, signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.soak)]
)
def test_no_process_outlives_an_interrupted_start(end: signal.Signals) -> None:
    command = [sys.executable, "-c", START_A_STACK]
    with subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL) as starting:

        @until_true
        def services_of_the_stack() -> set[psutil.Process]:
            family = descendants(psutil.Process(starting.pid))
            services = {"temporal", "valkey-server", "postgres"}
            assert services <= set(filter(None, map(name_of, family)))
            return family

        family = services_of_the_stack()
        starting.send_signal(end)

    assert starting.returncode == -end
    ended, alive = psutil.wait_procs(family, timeout=60)
    assert len(ended) == len(family)
    assert alive == []


def name_of(process: psutil.Process) -> str | None:
    """Return the name of a process, or None if it has ended."""
    with suppress(psutil.NoSuchProcess):
        return process.name()
    return None


def descendants(process: psutil.Process) -> set[psutil.Process]:
    return set(process.children(recursive=True))
