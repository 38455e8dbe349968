"""Metrics and probes over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import pytest
import requests
from temporalio.client import Client

from activities.errors import PermanentError
from settings import Settings
from stack.processes.ports import PortPool
from tests.support.metrics import read_metric, reserve_metrics_port
from tests.support.system.installation import wait_until
from workers import pulse as pulse_module
from workers.metrics_server import serving_metrics
from workers.pulse import Pulse, Sign


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A worker with a free port, at whose next ports nobody exports anything."""
    with closing(PortPool()) as ports:
        yield Settings(metrics_port=reserve_metrics_port(ports), credentials_dir=tmp_path)


@pytest.fixture
def pulses() -> list[Pulse]:
    """The pulses of both processes."""
    return [Pulse("activities"), Pulse("workflows")]


def get(url: str) -> tuple[int, str]:
    """Return the status and the body of an answer."""
    response = requests.get(url, timeout=60)
    return response.status_code, response.text


def show_all(pulses: list[Pulse]) -> None:
    """Show all signs of life now."""
    for pulse in pulses:
        for sign in Sign:
            pulse.show(sign)


@asynccontextmanager
async def beating(pulse: Pulse) -> AsyncIterator[None]:
    """Show signs of life from this event loop, of a process that is connected."""
    client = Mock(spec=Client)
    client.workflow_service.get_system_info = AsyncMock()
    async with pulse.beating(client):
        pulse.begin_work()
        yield


def test_worker_is_live_and_ready_while_both_processes_show_signs(
    settings: Settings, pulses: list[Pulse]
) -> None:
    with serving_metrics(settings, pulses) as url:
        assert get(f"{url}/livez") == (200, "ok")
        status, sentence = get(f"{url}/readyz")
        assert status == 503
        assert "The process workflows takes no work" in sentence
        assert read_metric("fabric_sync_process_ready", process="workflows") == 0
        show_all(pulses)
        assert read_metric("fabric_sync_process_ready", process="workflows") == 1
        assert get(f"{url}/livez") == (200, "ok")
        assert get(f"{url}/readyz") == (200, "ok")


def test_process_that_stops_showing_signs_is_named(
    settings: Settings, pulses: list[Pulse], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse_module, "MAX_SILENCE_SECONDS", 0.0)
    pulses[1].show(Sign.CALL)
    with serving_metrics(settings, pulses) as url:
        for path in ("livez", "readyz"):
            status, sentence = get(f"{url}/{path}")
            assert status == 503
            assert sentence.startswith("The process workflows hangs: no call to Temporal")
        assert read_metric("fabric_sync_process_live", process="activities") == 1
        assert read_metric("fabric_sync_process_live", process="workflows") == 0


async def test_event_loop_that_hangs_is_reported(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse_module, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(pulse_module, "CALL_SECONDS", 0.01)
    monkeypatch.setattr(pulse_module, "MAX_SILENCE_SECONDS", 1.0)
    fault = "The process activities hangs: its event loop or its threads"
    pulse = Pulse("activities")
    with serving_metrics(settings, [pulse]) as url:
        async with beating(pulse):

            async def is_ready() -> bool:
                return (await asyncio.to_thread(get, f"{url}/readyz"))[0] == 200

            await wait_until(is_ready, bool)
            while fault not in (answer := get(f"{url}/livez"))[1]:
                pass  # the event loop hangs, as nothing awaits
    assert answer[0] == 503


def test_metrics_are_served_without_exporters(settings: Settings, pulses: list[Pulse]) -> None:
    with serving_metrics(settings, pulses) as url:
        response = requests.get(f"{url}/metrics", timeout=60)
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "# TYPE fabric_sync_netbox_requests_total counter" in response.text
    assert "# TYPE fabric_sync_credential_expiry_timestamp_seconds gauge" in response.text
    assert "_created" not in response.text


def test_other_paths_and_methods_are_refused(settings: Settings, pulses: list[Pulse]) -> None:
    with serving_metrics(settings, pulses) as url:
        assert get(f"{url}/")[0] == 404
        assert requests.post(f"{url}/metrics", timeout=60).status_code == 405


@pytest.mark.parametrize("host", ["a..b", "ö..b"])
def test_host_that_is_no_name_is_named(settings: Settings, host: str) -> None:
    odd = settings.model_copy(update={"metrics_host": host})
    with pytest.raises(PermanentError, match=f"{host} .* FABRIC_SYNC_METRICS_HOST"):
        serving_metrics(odd, []).__enter__()


def test_any_other_error_reaches_the_worker_too(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.metrics_server.running_server", Mock(side_effect=RuntimeError))
    with pytest.raises(RuntimeError), serving_metrics(settings, []):
        raise AssertionError("it listens")


def test_port_that_is_taken_is_named(settings: Settings, pulses: list[Pulse]) -> None:
    with (
        serving_metrics(settings, pulses),
        pytest.raises(PermanentError, match=r"metrics server .* FABRIC_SYNC_METRICS_PORT"),
        serving_metrics(settings, []),
    ):
        raise AssertionError("both listen")
