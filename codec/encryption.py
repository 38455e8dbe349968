"""Encryption of payloads with AES-256-GCM, in the form of Temporal's samples.

An encrypted payload holds the whole original, and says which key it needs
(https://docs.temporal.io/production-deployment/data-encryption).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, override

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from activities.errors import MissingKey, PermanentError
from codec.keys import MAX_ID_CHARS, KeyFile

ENCODING: Final = b"binary/encrypted"
ENCODING_FIELD: Final = "encoding"
KEY_ID_FIELD: Final = "encryption-key-id"

NONCE_BYTES: Final = 12
"""Random for each payload. So one key is good for 2^32 payloads (NIST SP 800-38D, 8.3), which 1,000 fabrics that sync
each minute reach in about a year."""


@dataclass(frozen=True)
class EncryptionCodec(PayloadCodec):
    """Encrypts with the first key of a file, and decrypts with any of them.

    What is not encrypted stays readable, so encryption can be switched on while workflows run. What is encrypted
    already is not encrypted again, as the signals that are handed from one workflow to another. Without a file
    nothing is encrypted, and what others have encrypted is refused.
    """

    file: KeyFile | None = None

    @override
    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        if self.file is None:
            return list(payloads)
        key_id, key = self.file.read().first
        return [
            payload if is_encrypted(payload) else _encrypt(payload, key_id, key)
            for payload in payloads
        ]

    @override
    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            self._decrypt(payload) if is_encrypted(payload) else payload for payload in payloads
        ]

    def _decrypt(self, payload: Payload) -> Payload:
        key_id = get_key_id(payload)
        key = self.file.read().by_id.get(key_id) if self.file else None
        if key is None:
            remedy = (
                f"add it to {self.file.path}"
                if self.file
                else "name the file that has it in FABRIC_SYNC_ENCRYPTION_KEYS_FILE"
            )
            raise MissingKey(f"Temporal has data that the key {key_id} has encrypted: {remedy}.")
        nonce, data = payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:]
        try:
            return Payload.FromString(AESGCM(key).decrypt(nonce, data, None))
        except (InvalidTag, DecodeError, ValueError):
            raise PermanentError(
                f"Temporal has data that another key with the id {key_id} has encrypted, or that somebody has"
                " changed: give all workers the same keys in FABRIC_SYNC_ENCRYPTION_KEYS_FILE."
            ) from None


def _encrypt(payload: Payload, key_id: str, key: bytes) -> Payload:
    nonce = os.urandom(NONCE_BYTES)
    return Payload(
        metadata={ENCODING_FIELD: ENCODING, KEY_ID_FIELD: key_id.encode()},
        data=nonce + AESGCM(key).encrypt(nonce, payload.SerializeToString(), None),
    )


def is_encrypted(payload: Payload) -> bool:
    """Return whether the codec has encrypted this payload."""
    return payload.metadata.get(ENCODING_FIELD) == ENCODING


def get_key_id(payload: Payload) -> str:
    """Return which key an encrypted payload needs, in few printable characters."""
    key_id = payload.metadata.get(KEY_ID_FIELD, b"")[:MAX_ID_CHARS].decode(errors="replace")
    return ascii(key_id)[1:-1]
