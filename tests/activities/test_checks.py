"""The checks of `doctor`: short, printable sentences whatever failed."""

from activities.checks import MAX_SENTENCE_CHARS, run_check
from activities.errors import PermanentError


def test_check_has_the_sentence_of_its_action() -> None:
    assert run_check("Git", lambda: "All is well.").sentence == "All is well."


def test_sentence_of_a_failed_check_is_short_and_printable() -> None:
    def fail() -> str:
        raise PermanentError("The host \x1b[31m" + "x" * 5_000 + " refused.")

    check = run_check("Kubernetes", fail)
    assert not check.ok
    assert len(check.sentence) == MAX_SENTENCE_CHARS
    assert check.sentence.isprintable()
