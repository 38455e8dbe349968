"""What earlier releases have stored in Temporal and in NetBox is read whole."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from fabrics.resources.json_types import Json
from tests.support.paths import RELEASE, SAMPLES
from tests.support.workflows.samples import (
    RECORD,
    dump,
    list_models,
    make_samples,
    parse,
    parse_record,
)

RECORDED: Final[dict[str, dict[str, Any]]] = {
    file.stem: json.loads(file.read_text()) for file in sorted(SAMPLES.glob("*.json"))
}
"""The samples of each release by name."""


def find_lost(stored: Json, read: Json, path: str = "") -> Iterator[str]:
    """Yield the places in what was stored that differ in what was read of it.

    What is new in this release is not lost.
    """
    if isinstance(stored, dict) and isinstance(read, dict):
        for name, value in stored.items():
            place = f"{path}.{name}"
            yield from find_lost(value, read[name], place) if name in read else [place]
    elif isinstance(stored, list) and isinstance(read, list) and len(stored) == len(read):
        for index, (item, same) in enumerate(zip(stored, read, strict=True)):
            yield from find_lost(item, same, f"{path}[{index}]")
    elif stored != read:
        yield path


@pytest.mark.parametrize(
    ("release", "name"),
    [
        (release, name)
        for release, samples in RECORDED.items()
        for name in samples
        if name != RECORD
    ],
)
def test_model_of_each_release_is_read_whole(release: str, name: str) -> None:
    assert name in list_models(), f"{name} is gone, which workflows of {release} may still use"
    stored = RECORDED[release][name]
    lost = list(find_lost(stored, dump(parse(list_models()[name], stored))))
    assert not lost, f"workflows of {release} would lose {lost}"


@pytest.mark.parametrize("release", RECORDED)
def test_record_of_each_release_is_read_whole(release: str) -> None:
    sample = RECORDED[release][RECORD]
    read = [dump(part) for part in parse_record(sample["record"])]
    assert not list(find_lost(sample["read"], read))


def test_samples_of_this_release_are_those_of_its_models() -> None:
    assert RECORDED[RELEASE] == make_samples(), (
        "Write the samples of this release: `python -m tests.support.workflows.samples`."
    )


def test_lost_fields_are_found() -> None:
    stored: Json = {"kept": 1, "lost": 2, "deep": [{"lost": 3}], "changed": True}
    read: Json = {"kept": 1, "deep": [{"new": 3}], "changed": False, "new": 4}
    assert list(find_lost(stored, read)) == [".lost", ".deep[0].lost", ".changed"]
