"""Signs of life of a process."""

import asyncio
from time import monotonic
from unittest.mock import AsyncMock, Mock

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from tests.support.system.installation import wait_until
from workers import pulse as pulse_module
from workers.pulse import MAX_SILENCE_SECONDS, MAX_UNANSWERED_SECONDS, Pulse, Sign

DOWN = RPCError("unavailable", RPCStatusCode.UNAVAILABLE, b"")


def connect(get_system_info: AsyncMock) -> Client:
    """Return a client whose server answers so."""
    client = Mock(spec=Client)
    client.workflow_service.get_system_info = get_system_info
    return client


@pytest.fixture
def pulse(monkeypatch: pytest.MonkeyPatch) -> Pulse:
    """The pulse of a process, which beats fast."""
    monkeypatch.setattr(pulse_module, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(pulse_module, "CALL_SECONDS", 0.01)
    return Pulse("workflows")


async def wait_for_sign(pulse: Pulse, sign: Sign) -> None:
    """Wait until the process shows a sign once more."""
    before = pulse._times[sign]

    async def read() -> float:
        return float(pulse._times[sign])

    await wait_until(read, lambda shown: shown > before)


def test_process_that_has_not_begun_lives_but_takes_no_work(pulse: Pulse) -> None:
    assert pulse.find_faults(monotonic()) == []
    assert not pulse.takes_work(monotonic())


@pytest.mark.parametrize("sign", [Sign.BEAT, Sign.CALL])
def test_sign_that_was_last_shown_long_ago_is_a_fault(pulse: Pulse, sign: Sign) -> None:
    pulse.show(sign)
    now = monotonic()
    assert pulse.find_faults(now + MAX_SILENCE_SECONDS - 1) == []
    [fault] = pulse.find_faults(now + MAX_SILENCE_SECONDS + 1)
    assert fault.startswith("The process workflows hangs: ")


async def test_process_takes_work_between_the_start_and_the_stop_of_its_workers(
    pulse: Pulse,
) -> None:
    async with pulse.beating(connect(AsyncMock())):
        await wait_for_sign(pulse, Sign.CALL)
        assert not pulse.takes_work(monotonic())
        pulse.begin_work()
        await wait_for_sign(pulse, Sign.ANSWER)
        assert pulse.takes_work(monotonic())
        pulse.end_work()
        await wait_for_sign(pulse, Sign.CALL)
        assert not pulse.takes_work(monotonic())
        assert pulse.find_faults(monotonic()) == []


async def test_temporal_that_is_down_makes_a_process_unready_but_not_dead(pulse: Pulse) -> None:
    answers = AsyncMock()
    async with pulse.beating(connect(answers)):
        pulse.begin_work()
        await wait_for_sign(pulse, Sign.ANSWER)
        answers.side_effect = DOWN
        await wait_for_sign(pulse, Sign.CALL)
        await wait_for_sign(pulse, Sign.CALL)
        answered = pulse._times[Sign.ANSWER]
        await wait_for_sign(pulse, Sign.CALL)
        assert pulse._times[Sign.ANSWER] == answered
    assert pulse.takes_work(answered + MAX_UNANSWERED_SECONDS)
    assert not pulse.takes_work(answered + MAX_UNANSWERED_SECONDS + 1)


async def test_first_call_that_does_not_return_is_noticed(pulse: Pulse) -> None:
    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    async with pulse.beating(connect(AsyncMock(side_effect=hang))):
        await wait_for_sign(pulse, Sign.BEAT)
        faults = pulse.find_faults(monotonic() + MAX_SILENCE_SECONDS + 1)
    assert any("no call to Temporal has returned" in fault for fault in faults)


async def test_sign_that_fails_is_logged_with_its_cause(
    pulse: Pulse, caplog: pytest.LogCaptureFixture
) -> None:
    async def read_log() -> str:
        return caplog.text

    async with pulse.beating(connect(AsyncMock(side_effect=ValueError("an odd answer")))):
        await wait_until(read_log, bool)
    assert "The sign of life 'call Temporal' has failed" in caplog.text
    assert "ValueError: an odd answer" in caplog.text


async def test_client_library_that_does_not_return_is_noticed(pulse: Pulse) -> None:
    answers, stuck = AsyncMock(), asyncio.Event()

    async def hang(*_: object, **__: object) -> None:
        stuck.set()
        await asyncio.Event().wait()

    async with pulse.beating(connect(answers)):
        await wait_for_sign(pulse, Sign.CALL)
        answers.side_effect = hang
        await stuck.wait()
        last_call = pulse._times[Sign.CALL]
        await wait_for_sign(pulse, Sign.BEAT)
        assert pulse._times[Sign.CALL] == last_call
