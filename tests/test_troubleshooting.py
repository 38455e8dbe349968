"""The page of error sentences has all that the product can say, and nothing else."""

from collections import Counter

from tests.support.generators import load_generator
from tests.support.paths import PROJECT

GENERATOR = load_generator("troubleshooting")


def test_every_text_of_the_product_has_one_entry_and_every_entry_is_a_text() -> None:
    texts, entries = GENERATOR.list_texts(), Counter(GENERATOR.list_entries())
    missing = sorted(texts - entries.keys())
    hint = "add them to docs/troubleshooting.toml: to an entry, or to the texts that are no errors"
    assert not missing, f"{hint}: {missing}"
    assert sorted(entries.keys() - texts) == [], "nothing says these any more"
    assert [text for text, times in entries.items() if times > 1] == []


def test_the_page_is_generated_from_the_entries() -> None:
    page = (PROJECT / "docs/troubleshooting.md").read_text()
    assert page == GENERATOR.render(), "run `python docs/troubleshooting.py`"


def test_values_in_a_sentence_are_left_out() -> None:
    assert find('raise CommandError(f"The fabric {name!r} is gone since {hours:.1f} h.")') == {
        "The fabric … is gone since … h."
    }
    assert find('log.warning("The mirror of %s was not deleted: %s", name, error)') == {
        "The mirror of … was not deleted: …"
    }
    assert find('TEXT = "does not let {name} see this"') == {"does not let … see this"}


def test_text_counts_wherever_it_is_put_together() -> None:
    assert find('what = "is missing" if gone else "cannot be read by the worker"') == {
        "is missing",
        "cannot be read by the worker",
    }
    assert find('raise CommandError("The record is gone;" " add it again.")') == {
        "The record is gone; add it again."
    }


def test_help_progress_and_docstrings_are_no_errors() -> None:
    assert not find('"""Return what is wrong with it."""')
    assert not find('Option("--yes", help="Do not ask before anything.")')
    assert not find('log.info("Working for Temporal at this address.")')
    assert not find('call(summary="read Git and Kubernetes of it")')


def find(source: str) -> set[str]:
    """Return the texts of a module with this source."""
    return set(GENERATOR.find_texts(source))
