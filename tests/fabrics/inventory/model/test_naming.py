"""NetBox accepts every name and slug, whatever a fabric's objects are called."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrics.inventory.model.naming import FabricIdentity, shorten, slugify


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("celestica-ds3000", "celestica-ds3000"),
        ("Edgecore DCS203", "edgecore-dcs203"),
        ("dc1:default", "dc1-default"),
        ("a.b_c", "a-b_c"),
        ("é", "none"),
    ],
)
def test_slug_of_common_names(text: str, expected: str) -> None:
    assert slugify(text) == expected


@given(st.text(min_size=1, max_size=300))
def test_slug_of_any_text_is_valid(text: str) -> None:
    assert re.fullmatch(r"[-a-z0-9_]{1,100}", slugify(text))


@given(st.sets(st.text(st.characters(codec="utf-8"), max_size=80), max_size=20))
def test_short_names_are_unchanged_and_long_ones_stay_unique(texts: set[str]) -> None:
    shortened = {shorten(text, 40) for text in texts}
    assert len(shortened) == len(texts)
    assert all(len(text) <= 40 for text in shortened)
    assert {text for text in texts if len(text) <= 40} <= shortened


def test_long_name_keeps_its_beginning() -> None:
    name = shorten("a" * 65, 64)
    assert len(name) == 64
    assert name.startswith("a" * 55 + "-")
    assert shorten("a" * 64, 64) == "a" * 64


def test_names_do_not_change_when_the_fabric_is_renamed() -> None:
    before, after = FabricIdentity("dc1", "DC 1"), FabricIdentity("dc1", "Berlin")
    assert before.vrf_name("vpc", "prod") == after.vrf_name("vpc", "prod") == "dc1:vpc:prod"
    assert (before.key, before.site_ref, before.underlay_ref) == (
        after.key,
        after.site_ref,
        after.underlay_ref,
    )
    assert before.device_name("leaf-01") == "leaf-01"
    assert FabricIdentity("dc1", "DC 1", shared_site="hall").device_name("leaf-01") == "dc1-leaf-01"
