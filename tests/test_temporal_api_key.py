"""The API key for Temporal is neither quoted nor sent in clear text."""

import asyncio
from pathlib import Path

import pytest

import temporal

KEY = "s3cret-key"
TLS_HANDSHAKE = 22
"""The first byte of a client that speaks TLS."""


async def test_configuration_that_cannot_be_read_is_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text(f'[profile.default]\naddress = "127.0.0.1:1"\napi_key = "{KEY}\n')
    with pytest.raises(temporal.TemporalUnreachable, match=r"cannot be used .*line 3") as caught:
        await temporal.connect({"TEMPORAL_CONFIG_FILE": str(file)})
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_api_key_is_not_sent_in_clear_text() -> None:
    received = bytearray()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.read(65536))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(temporal.TemporalUnreachable, match="broke off the connection"):
            await temporal.connect({"TEMPORAL_ADDRESS": address, "TEMPORAL_API_KEY": KEY})
    assert received[0] == TLS_HANDSHAKE
    assert KEY.encode() not in received


@pytest.mark.parametrize("code", ["Unauthenticated", "PermissionDenied"])
def test_refused_api_key_is_named_and_so_is_the_certificate_in_its_place(code: str) -> None:
    sentence = "a:1 refused the API key or the client certificate: check TEMPORAL_API_KEY, or"
    with (
        pytest.raises(temporal.TemporalUnreachable, match=sentence),
        temporal.connection_errors("a:1"),
    ):
        raise RuntimeError(f'call error after connection: Status {{ code: {code}, message: "no" }}')
