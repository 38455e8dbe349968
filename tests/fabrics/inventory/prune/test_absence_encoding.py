"""Absence counts fit into a message, and are read back as they were written."""

import tracemalloc
from base64 import b64encode
from zlib import compress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrics.inventory.model.existing import ObjectId
from fabrics.inventory.model.planned import Model
from fabrics.inventory.prune.absence_encoding import (
    TooManyAbsenceCountsError,
    decode_counts,
    encode_counts,
    forget_objects,
)
from fabrics.inventory.prune.policy import CONFIRMED_ABSENCE_COUNT

ids = st.builds(ObjectId, st.sampled_from(list(Model)), st.integers(1, 60))


@given(st.dictionaries(ids, st.integers(1, CONFIRMED_ABSENCE_COUNT), max_size=80))
def test_decoded_counts_equal_the_encoded_ones(counts: dict[ObjectId, int]) -> None:
    assert decode_counts(encode_counts(counts)) == counts
    for deleted in counts:
        assert forget_objects(encode_counts(counts), [deleted]) == encode_counts(
            {object_id: count for object_id, count in counts.items() if object_id != deleted}
        )


def test_dependents_are_counted_first() -> None:
    device, cable = ObjectId(Model.DEVICE, 1), ObjectId(Model.CABLE, 1)
    assert list(decode_counts(encode_counts({device: 1, cable: 1}))) == [cable, device]


def test_counts_that_unpack_to_much_are_refused() -> None:
    packed = b64encode(compress(b"1 " * 2_000_000)).decode()
    tracemalloc.start()
    with pytest.raises(TooManyAbsenceCountsError):
        decode_counts({f"14:{packed}": 1})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
