"""Encryption of payloads, and what happens where a key is missing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from activities.errors import MissingKey, PermanentError
from codec.converter import build_data_converter
from codec.encryption import KEY_ID_FIELD, NONCE_BYTES, EncryptionCodec, is_encrypted
from codec.keys import KEY_BYTES, KeyFile
from tests.support.secrets.encryption_keys import write_keys

MARK = "a-marked-value"
PLAIN = build_data_converter()


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> EncryptionCodec:
    """A codec with the key `a`."""
    return EncryptionCodec(KeyFile(write_keys(tmp_path_factory.mktemp("keys") / "keys", "a")))


class Fabric(BaseModel):
    """A value of a loop."""

    name: str
    at: datetime


payloads = st.builds(
    Payload, metadata=st.dictionaries(st.text(), st.binary()), data=st.binary()
).filter(lambda payload: not is_encrypted(payload))


@given(originals=st.lists(payloads))
async def test_every_payload_comes_back_whole(
    codec: EncryptionCodec, originals: list[Payload]
) -> None:
    encrypted = await codec.encode(originals)
    assert all(map(is_encrypted, encrypted))
    assert await codec.decode(encrypted) == originals
    assert await codec.encode(encrypted) == encrypted
    assert await codec.decode(originals) == originals


async def test_nothing_of_a_value_is_readable(codec: EncryptionCodec) -> None:
    payload = Payload(
        metadata={"encoding": b"json/plain", "type": MARK.encode()}, data=MARK.encode()
    )
    [first], [second] = [await codec.encode([payload]) for _ in range(2)]
    assert first.metadata[KEY_ID_FIELD] == b"a"
    assert MARK.encode() not in first.SerializeToString()
    assert first.data != second.data


async def test_values_and_errors_are_encrypted_and_read_by_whoever_has_the_key(
    tmp_path: Path,
) -> None:
    old, new = write_keys(tmp_path / "old", "a"), write_keys(tmp_path / "new", "b", "a")
    value = Fabric(name=MARK, at=datetime.now(UTC))
    failure = Failure()
    writer, reader = build_data_converter(old), build_data_converter(new)
    [payload] = await writer.encode([value])
    await writer.encode_failure(ApplicationError(MARK, value, type="Busy"), failure)
    for stored in (payload, failure):
        assert MARK.encode() not in stored.SerializeToString()

    assert await reader.decode([payload], [Fabric]) == [value]
    assert await reader.encode([RawValue(payload)]) == [payload]  # handed on as it is
    with pytest.raises(MissingKey):
        await PLAIN.decode_failure(failure)
    error = await reader.decode_failure(failure)  # changes the failure itself
    assert isinstance(error, ApplicationError)
    assert (error.message, error.type) == (MARK, "Busy")
    assert await reader.decode(await PLAIN.encode([value]), [Fabric]) == [value]


async def test_missing_key_is_named_with_its_file(tmp_path: Path) -> None:
    [payload] = await build_data_converter(write_keys(tmp_path / "a", "a")).encode([MARK])
    other = build_data_converter(write_keys(tmp_path / "b", "b"))
    with pytest.raises(MissingKey, match=f"the key a has encrypted: add it to {tmp_path / 'b'}"):
        await other.decode([payload])
    with pytest.raises(MissingKey, match=r"the key a has .* FABRIC_SYNC_ENCRYPTION_KEYS_FILE"):
        await PLAIN.decode([payload])


async def test_payload_that_was_changed_is_refused(codec: EncryptionCodec) -> None:
    [payload] = await codec.encode([Payload(data=MARK.encode())])
    nonce = bytes(NONCE_BYTES)
    no_payload = nonce + AESGCM(b"a" * KEY_BYTES).encrypt(nonce, b"\xff", None)
    whole = payload.data
    for data in (b"", whole[:11], whole[:-1], whole[:-1] + b"\0\0", no_payload):
        changed = Payload(metadata=payload.metadata, data=data)
        with pytest.raises(PermanentError, match="the id a has encrypted"):
            await codec.decode([changed])


async def test_words_of_others_in_a_key_id_are_few_and_printable(codec: EncryptionCodec) -> None:
    [payload] = await codec.encode([Payload()])
    payload.metadata[KEY_ID_FIELD] = b"x\n\x1b[31m\xff" * 10_000
    with pytest.raises(MissingKey) as caught:
        await codec.decode([payload])
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000
