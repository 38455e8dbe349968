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
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from activities.errors import PermanentError
from codec.keys import KeyFile

ENCODING: Final = "binary/encrypted"
ENCODING_FIELD: Final = "encoding"
KEY_ID_FIELD: Final = "encryption-key-id"

NONCE_BYTES: Final = 12
"""Random for each payload. So one key is good for 2^32 payloads (NIST SP 800-38D, 8.3), which 1,000 fabrics that sync
each minute reach in about a year."""


@dataclass(frozen=True)
class EncryptionCodec(PayloadCodec):
    """Encrypts with the first key of a file, and decrypts with any of them.

    What is not encrypted stays readable, so encryption can be switched on while workflows run. What is encrypted
    already is not encrypted again, as the signals that are handed from one workflow to another.
    """

    file: KeyFile

    @override
    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            payload if is_encrypted(payload) else self._encrypt(payload) for payload in payloads
        ]

    @override
    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            self._decrypt(payload) if is_encrypted(payload) else payload for payload in payloads
        ]

    def _encrypt(self, payload: Payload) -> Payload:
        key_id, key = self.file.keys.first
        nonce = os.urandom(NONCE_BYTES)
        return Payload(
            metadata={ENCODING_FIELD: ENCODING.encode(), KEY_ID_FIELD: key_id.encode()},
            data=nonce + AESGCM(key).encrypt(nonce, payload.SerializeToString(), None),
        )

    def _decrypt(self, payload: Payload) -> Payload:
        key_id = get_key_id(payload)
        key = self.file.keys.by_id.get(key_id)
        if key is None:
            raise PermanentError(
                f"Temporal has data that is encrypted with the key {key_id}: add it to {self.file.path}."
            )
        nonce, data = payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:]
        try:
            return Payload.FromString(AESGCM(key).decrypt(nonce, data, None))
        except (InvalidTag, ValueError):
            raise PermanentError(
                f"Temporal has data that another key with the id {key_id} has encrypted, or that somebody has"
                f" changed: correct that key in {self.file.path}."
            ) from None


def is_encrypted(payload: Payload) -> bool:
    """Return whether the codec has encrypted this payload."""
    return payload.metadata.get(ENCODING_FIELD) == ENCODING.encode()


def get_key_id(payload: Payload) -> str:
    """Return which key an encrypted payload needs, in printable characters."""
    return ascii(payload.metadata.get(KEY_ID_FIELD, b"").decode(errors="replace"))[1:-1]
