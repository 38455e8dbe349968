"""What a loop takes for the result of a pass."""

import pytest

from fabrics.loop.inventory_pass import parse_pass_result


def test_invalid_result_is_described_by_its_first_error_without_its_values() -> None:
    with pytest.raises(ValueError, match=r"the result is invalid at failure\.message: ") as refused:
        parse_pass_result({"result": "failure", "message": ["s3cret"], "is_retried": "s3cret"})
    assert "s3cret" not in str(refused.value)
    assert "\n" not in str(refused.value)
