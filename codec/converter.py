"""How all processes convert what they exchange through Temporal."""

from dataclasses import replace
from pathlib import Path

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes

from codec.encryption import EncryptionCodec
from codec.keys import KeyFile


def build_data_converter(keys_file: Path | None = None) -> DataConverter:
    """Return the converter that encrypts with the keys of a file, if there is one.

    It also encrypts the messages of errors. Raises `PermanentError` if the file has no usable keys.
    """
    if keys_file is None:
        return replace(pydantic_data_converter, payload_codec=EncryptionCodec())
    return replace(
        pydantic_data_converter,
        payload_codec=EncryptionCodec(KeyFile(keys_file)),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
