"""Invalid input is refused with one sentence on stderr and exit status 2."""

import asyncio
import sys
from types import SimpleNamespace

import pytest

import worker
from activities.netbox.client import NetBox
from tests.support.cli.command_line import OFFLINE, CommandLine
from tests.support.system.installation import Installation

URL = "https://k8s.example:6443"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--task-queue", "oslo"], "go together"),
        (["--activities-only"], "go together"),
        *(
            (["--activities-only", "--task-queue", f"central{part}"], "a queue of its own")
            for part in (
                "",
                "-observe",
                "-observe-catch-up",
                "-observe-unresponsive",
                "-observe-inventory",
            )
        ),
    ],
)
def test_invalid_worker_options_are_refused(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    sentence: str,
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("FABRIC_SYNC_TASK_QUEUE", "central")
    monkeypatch.setattr(sys, "argv", ["worker.py", *arguments])
    # The name and the log are those of the whole process, which other tests share.
    monkeypatch.setattr(worker, "current_process", SimpleNamespace)
    monkeypatch.setattr(worker, "configure_logging", lambda *_: None)
    with pytest.raises(SystemExit) as refused:
        worker.main()
    assert refused.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["set-interval", "dc", "-5"], "5 to 2592000 seconds, or 0 to switch the sync off, not -5"),
        (["set-interval", "dc", "4"], "not 4"),
        (["set-interval", "dc", "1000000000000"], "not 1000000000000"),
        (["set-interval", "dc", "9" * 5000], "whole number of seconds"),
        (["set-interval", "dc", "abc"], "whole number of seconds, not 'abc'"),
        (["set-interval", "dc", "10^12"], "whole number of seconds, not '10^12'"),
        (["set-interval", "dc", "1.5"], "whole number of seconds"),
        (["set-interval", "dc", ""], "whole number of seconds"),
        (["set-interval", "dc"], "Missing argument 'SECONDS'"),
        (["add", "dc", "--kubernetes-server", URL, "--interval", "-1"], "not -1"),
        (["add", "dc"], "Missing option '--kubernetes-server'"),
        (["pause", "dc", "--reason", "x" * 201], "at most 200 characters, not 201"),
        (["pause", "dc", "--for", "2h", "--until", "16:00"], "not both"),
        (["pause", "dc", "--for", "2 hours"], "such as 90m"),
        (["pause"], "Missing argument 'FABRIC'"),
        (["enable"], "Name the fabrics, or give --all"),
        (["disable", "dc", "--all"], "but not both"),
        (["doctor", "--take-over"], "Name the fabric to take over"),
        (["setup", "--token-expires", "7"], "30"),
        (["watch", "--every", "0"], "0.5"),
        (["stauts"], "Did you mean 'status'?"),
        (["status", "--jsno"], "No such option: --jsno"),
        (["resume", "a", "b"], "unexpected extra argument"),
    ],
)
async def test_invalid_arguments_are_refused(arguments: list[str], sentence: str) -> None:
    refused = await OFFLINE(*arguments)
    assert refused.is_refused(sentence), refused


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["enable", "dc"],
        ["sync", "dc"],
        ["history", "dc", "--json"],
        ["add", "dc", "--kubernetes-server", URL],
        ["setup"],
    ],
)
async def test_temporal_is_unreachable(arguments: list[str]) -> None:
    refused = await OFFLINE(*arguments)
    assert refused.is_refused("No Temporal server answers at 127.0.0.1:1"), refused


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"FABRIC_SYNC_NETBOX_TIMEOUT": "soon"}, "FABRIC_SYNC_NETBOX_TIMEOUT"),
        ({"FABRIC_SYNC_NETBOX_URL": "http://10.0.0.1"}, "FABRIC_SYNC_NETBOX_ALLOW_HTTP=true"),
        ({"FABRIC_SYNC_ALLOWED_HOSTS": "https://git.example.com"}, "is not a host pattern"),
        ({"TEMPORAL_PROFILE": "none"}, "Temporal's configuration cannot be used"),
    ],
)
async def test_invalid_environment(variables: dict[str, str], sentence: str) -> None:
    refused = await OFFLINE.with_(**variables)("status")
    assert refused.is_refused(sentence), refused


async def test_missing_namespace(starter: CommandLine) -> None:
    refused = await starter.with_(TEMPORAL_NAMESPACE="elsewhere")("enable", "dc")
    assert refused.is_refused('no namespace "elsewhere"'), refused


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"FABRIC_SYNC_NETBOX_URL": "http://127.0.0.1:1"}, "nothing listens there"),
        ({"FABRIC_SYNC_NETBOX_URL": "nonsense"}, "is not a usable URL"),
        ({"FABRIC_SYNC_NETBOX_TOKEN": "wrong"}, "refused the token"),
        ({"FABRIC_SYNC_NETBOX_TOKEN": ""}, "refused the token"),
    ],
)
async def test_unusable_netbox(
    starter: CommandLine, variables: dict[str, str], sentence: str
) -> None:
    refused = await starter.with_(**variables)("enable", "dc")
    assert "python worker.py" in refused.err  # printed first: none of these tests has a worker
    assert sentence in refused.err.splitlines()[-1]
    assert (refused.code, refused.out) == (2, "")


async def test_url_of_other_service_is_refused(
    starter: CommandLine, installation: Installation
) -> None:
    misdirected = starter.with_(FABRIC_SYNC_NETBOX_URL=installation.stack.temporal.ui_url)
    refused = await misdirected("status")
    assert refused.is_refused("not the REST API of a NetBox"), refused


async def test_unknown_fabric(starter: CommandLine, installation: Installation) -> None:
    name = f"Berlin {installation.queue}"
    added = await starter("add", name, "--kubernetes-server", URL)
    assert added.code == 0
    refused = await starter("pause", name.lower().replace("berlin", "berln"))
    assert refused.is_refused("did you mean"), refused
    assert installation.queue in refused.err


async def test_ambiguous_name(
    starter: CommandLine, installation: Installation, admin: NetBox
) -> None:
    name = f"twin {installation.queue}"
    twins = [await asyncio.to_thread(admin.create_record, name, {}) for _ in range(2)]
    refused = await starter("status", name)
    assert refused.is_refused(f'2 fabrics answer to "{name}"'), refused
    for twin in twins:
        assert f"@{twin['id']}" in refused.err
    status = await starter("status", f"@{twins[0]['id']}", "--json")
    assert status.fabric["name"] == name


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--kubernetes-server", "ftp://x"], "hh_kubernetes_server"),
        (["--kubernetes-server", URL, "--git-repository", "https://u:secret@x/y"], "hh_git"),
        (["--kubernetes-server", URL, "--credentials", "../other"], "hh_credentials"),
        (
            ["--kubernetes-server", URL, "--git-repository", URL, "--git-directory", "../.."],
            "hh_git_directory",
        ),
    ],
)
async def test_invalid_values_are_not_written_to_netbox(
    starter: CommandLine, installation: Installation, options: list[str], sentence: str
) -> None:
    name = f"new {installation.queue}"
    refused = await starter("add", name, *options)
    assert refused.is_refused(sentence), refused
    assert "secret" not in refused.err
    assert (await starter("status", name)).is_refused("There is no fabric"), "it was created"


async def test_existing_name_is_refused(starter: CommandLine, installation: Installation) -> None:
    name = f"once {installation.queue}"
    assert (await starter("add", name, "--kubernetes-server", URL)).code == 0
    refused = await starter("add", name, "--kubernetes-server", URL)
    assert refused.is_refused(f'There is already a fabric "{name}"'), refused
