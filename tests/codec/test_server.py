"""The codec server, as the Web UI and the `temporal` command ask it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import requests
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads

from codec.encryption import EncryptionCodec, is_encrypted
from codec.keys import KeyFile
from codec.server import MAX_BODY_BYTES, create_app
from tests.support.secrets.encryption_keys import write_keys
from tests.support.webhooks.raw_http import exchange
from webhooks.server import running_server

WEB_UI: Final = "http://localhost:8233"
PAYLOADS: Final = [Payload(metadata={"encoding": b"json/plain"}, data=b'"x"'), Payload(data=b"y")]


@dataclass(frozen=True)
class Server:
    """A codec server that runs."""

    url: str

    async def ask(
        self, path: str, body: bytes, method: str = "POST", **headers: str
    ) -> requests.Response:
        """Send a request; in the names of headers, underscores stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await asyncio.to_thread(
            requests.request, method, self.url + path, data=body, headers=named, timeout=60
        )


@asynccontextmanager
async def running(keys_file: Path) -> AsyncIterator[Server]:
    """Run a server with these keys, for one Web UI."""
    app = create_app(EncryptionCodec(KeyFile(keys_file)), [WEB_UI])
    async with running_server(app, "127.0.0.1", 0) as url:
        yield Server(url)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server with the key `a`."""
    async with running(write_keys(tmp_path / "keys", "a")) as server:
        yield server


def to_json(payloads: Sequence[Payload]) -> bytes:
    """Return payloads as the Web UI sends them."""
    return json_format.MessageToJson(Payloads(payloads=payloads)).encode()


def from_json(answer: requests.Response) -> list[Payload]:
    """Return the payloads of an answer."""
    assert answer.status_code == 200
    return list(json_format.Parse(answer.text, Payloads()).payloads)


async def test_web_ui_encrypts_and_decrypts(server: Server) -> None:
    headers: Mapping[str, str] = {"Origin": WEB_UI, "X_Namespace": "default"}
    encrypted = from_json(await server.ask("/encode", to_json(PAYLOADS), **headers))
    assert all(map(is_encrypted, encrypted))
    decoded = await server.ask("/decode", to_json(encrypted), **headers)
    assert from_json(decoded) == PAYLOADS
    assert decoded.headers["Access-Control-Allow-Origin"] == WEB_UI
    behind_a_path = await server.ask("/team/codec/decode", to_json(encrypted), **headers)
    assert from_json(behind_a_path) == PAYLOADS


async def test_temporal_command_needs_no_origin(server: Server) -> None:
    assert from_json(await server.ask("/decode", to_json(PAYLOADS))) == PAYLOADS


async def test_browser_may_ask_for_pages_of_the_web_ui_only(server: Server) -> None:
    asked = {
        "Access_Control_Request_Method": "POST",
        "Access_Control_Request_Headers": "content-type,x-namespace,authorization",
        "Access_Control_Request_Private_Network": "true",
    }
    allowed = await server.ask("/decode", b"", "OPTIONS", Origin=WEB_UI, **asked)
    assert allowed.status_code == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == WEB_UI
    assert allowed.headers["Access-Control-Allow-Credentials"] == "true"
    for origin in ("https://example.com", "http://localhost:8234", "null"):
        refused = await server.ask("/decode", b"", "OPTIONS", Origin=origin, **asked)
        assert refused.status_code == 400
        posted = await server.ask("/decode", to_json(PAYLOADS), Origin=origin)
        assert posted.status_code == 403
        assert "Access-Control-Allow-Origin" not in posted.headers


async def test_payload_of_an_unknown_key_is_explained(server: Server, tmp_path: Path) -> None:
    encrypted = await server.ask("/encode", to_json(PAYLOADS))
    async with running(write_keys(tmp_path / "other", "b")) as other:
        answer = await other.ask("/decode", encrypted.content)
    assert answer.status_code == 400
    assert f"the key a has encrypted: add it to {tmp_path / 'other'}" in answer.text


async def test_fields_of_a_newer_web_ui_do_not_count(server: Server) -> None:
    answer = await server.ask("/decode", b'{"payloads": [{"new": 1}], "newer": 2}')
    assert from_json(answer) == [Payload()]


@pytest.mark.parametrize("body", [b"", b"1", b"{", b'{"payloads": 1}', b"\xff", b"[" * 5000])
async def test_what_is_no_payloads_is_refused(server: Server, body: bytes) -> None:
    assert (await server.ask("/decode", body)).status_code == 400


async def test_body_is_bounded_and_nothing_else_is_served(server: Server) -> None:
    length = f"Content-Length: {MAX_BODY_BYTES + 1}"
    request = f"POST /decode HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n"
    assert (await exchange(server.url, request.encode())).startswith(b"HTTP/1.1 413 ")
    assert (await server.ask("/decode", b"", "GET")).status_code == 405
    assert (await server.ask("/keys", b"")).status_code == 404
