"""How all processes convert what they exchange through Temporal."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NoReturn, override

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    EncodingPayloadConverter,
)

from activities.errors import PermanentError
from codec.encryption import ENCODING, EncryptionCodec, get_key_id
from codec.keys import KeyFile


class _Encrypted(EncodingPayloadConverter):
    """Says what is missing where a process without keys meets encrypted data."""

    @property
    @override
    def encoding(self) -> str:
        return ENCODING

    @override
    def to_payload(self, value: object) -> None:
        return None

    @override
    def from_payload(self, payload: Payload, type_hint: type[Any] | None = None) -> NoReturn:
        raise PermanentError(
            f"Temporal has data that is encrypted with the key {get_key_id(payload)}: name the file that has it in"
            " FABRIC_SYNC_ENCRYPTION_KEYS_FILE."
        )


class _PayloadConverter(PydanticPayloadConverter):
    def __init__(self) -> None:
        super().__init__()
        self._set_converters(*self.converters.values(), _Encrypted())


PLAIN: Final = DataConverter(payload_converter_class=_PayloadConverter)
"""Converts all values to JSON."""


def build_data_converter(keys_file: Path | None) -> DataConverter:
    """Return the converter that encrypts with the keys of a file, if there is one.

    It also encrypts the messages of errors. Raises `PermanentError` if the file has no usable keys.
    """
    if keys_file is None:
        return PLAIN
    return replace(
        PLAIN,
        payload_codec=EncryptionCodec(KeyFile(keys_file)),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
