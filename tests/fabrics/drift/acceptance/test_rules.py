"""Files of rules: what is read, and what is said of the rest."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrics.drift.acceptance.rules import (
    MAX_BYTES,
    MAX_LINE_CHARS,
    MAX_RULES,
    RULES_FILE,
    format_rule,
    parse_rules,
)

GOOD = """\
# Tolerated until the new optics are here.
[[accept]]
kind = "Switch"
name = "leaf-0*"
path = "spec.portSpeeds"
reason = "new optics"
until = 2027-03-31

[[accept]]
kind = "VPC"
namespace = "*"
name = "lab"
change = "extra"
reason = "a test"
"""
RULE = '[[accept]]\nkind = "VPC"\nname = "a"\nreason = "r"\n'


def problems(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    return list(map(str, parse_rules(RULES_FILE, data).problems))


def test_rules_are_read_with_their_lines() -> None:
    parsed = parse_rules("oslo/.fabric-sync.toml", GOOD.encode())
    assert parsed.problems == ()
    speeds, lab = parsed.rules
    assert (str(speeds.location), str(lab.location)) == (
        "oslo/.fabric-sync.toml:2",
        "oslo/.fabric-sync.toml:9",
    )
    assert (speeds.kind, speeds.name, speeds.namespace) == ("Switch", "leaf-0*", "default")
    assert (speeds.change, speeds.path) == ("changed", "spec.portSpeeds")
    assert (speeds.reason, speeds.until) == ("new optics", date(2027, 3, 31))
    assert (lab.change, lab.namespace, lab.path, lab.until) == ("extra", "*", "", None)


@pytest.mark.parametrize("text", ["", "\n# nothing yet\n", "\ufeff# nothing yet\r\n"])
def test_file_without_rules_has_no_problem(text: str) -> None:
    parsed = parse_rules(RULES_FILE, text.encode())
    assert (parsed.rules, parsed.problems) == ((), ())


def test_lines_of_windows_count_as_lines() -> None:
    assert parse_rules(RULES_FILE, GOOD.replace("\n", "\r\n").encode()) == parse_rules(
        RULES_FILE, GOOD.encode()
    )


@pytest.mark.parametrize(
    ("table", "line", "sentence"),
    [
        ('[[accept]]\nkind = "VPC"\nname = "a"\n', 1, "not a rule: reason: Field required"),
        ('[[accept]]\nname = "a"\nreason = "r"\n', 1, "not a rule: kind: Field required"),
        (RULE + 'reason = "twice"\n', 5, "not valid TOML: Cannot overwrite a value"),
        (RULE + "until = soon\n", 5, "not valid TOML: Invalid value"),
        (RULE + 'until = "2027-03-31"\n', 1, "not a rule: until: Input should be a valid date"),
        (RULE + "until = 2027-03-31T10:00:00Z\n", 1, "not a rule: until: "),
        (RULE + 'change = "gone"\n', 1, "not a rule: change: Input should be"),
        (RULE + 'change = "extra"\npath = "spec"\n', 1, "differs as a whole; remove the path"),
        (RULE + 'paths = "spec"\n', 1, "a rule has no paths; it may have kind, namespace, name"),
        (RULE + 'location = "x"\n', 1, "a rule has no location"),
        (RULE + "[accept.more]\n", 1, "a rule has no more"),
        (RULE + "[[reject]]\n", 1, "a rule is a table of its own"),
        (RULE.replace('"r"', '""'), 1, "not a rule: reason: "),
        (RULE.replace('"r"', f'"{"r" * 201}"'), 1, "not a rule: reason: "),
        (RULE.replace('"a"', "7"), 1, "not a rule: name: Input should be a valid string"),
        (RULE + 'path = """\n', 5, "not valid TOML: "),
        (RULE + "path = " + "[" * 900 + "\n", 1, "not a rule: it is nested too deep"),
    ],
)
def test_mistake_in_one_rule_is_said_with_its_line_and_hides_no_other(
    table: str, line: int, sentence: str
) -> None:
    parsed = parse_rules(RULES_FILE, f"{RULE}\n{table}\n{RULE}".encode())
    first_line = RULE.count("\n") + 2
    assert len(parsed.rules) == 2
    [problem] = parsed.problems
    assert sentence in problem.sentence
    assert problem.line == first_line + line - 1


def test_keys_outside_of_rules_are_said() -> None:
    [problem] = problems(f'title = "x"\n{RULE}')
    assert problem.startswith(f"{RULES_FILE}:1: a rule is a table of its own")
    [inline] = problems('accept = ["VPC"]\n')
    assert "a rule is a table, which begins with a line [[accept]]" in inline


def test_files_that_are_no_text_or_too_large_have_no_rule() -> None:
    assert problems(b"\xff\xfe") == [f"{RULES_FILE}:1: not UTF-8 text, so none of its rules holds."]
    assert "larger than 64 KB" in problems(RULE + "#" * MAX_BYTES)[0]
    assert parse_rules(RULES_FILE, b"#\n" * (MAX_BYTES // 2)).problems == ()


def test_more_rules_than_the_limit_are_ignored_and_said() -> None:
    parsed = parse_rules(RULES_FILE, (RULE * (MAX_RULES + 2)).encode())
    assert len(parsed.rules) == MAX_RULES
    [problem] = parsed.problems
    assert problem.line == RULE.count("\n") * MAX_RULES + 1
    assert f"more than {MAX_RULES} rules" in problem.sentence
    assert len(problems("[[accept]]\n" * 1_000)) == MAX_RULES


def test_long_lines_are_refused_before_they_are_parsed() -> None:
    """`tomllib` would take minutes for one key with ten thousands of dots."""
    dotted = "a." * (MAX_BYTES // 2 - 100) + "a = 1\n"
    [problem] = problems(RULE + dotted)
    assert problem == (f"{RULES_FILE}:5: a line of more than {MAX_LINE_CHARS} characters.")


IMAGE = "![x](http://host/x.png)"


@pytest.mark.parametrize(
    "lines",
    [
        f'"{"x" * 900}" = 1',
        r'"\u001b[2K" = 1',
        f'"{IMAGE}" = 1',
        f'["{IMAGE}"]\n["{IMAGE}"]',
        f"kind = {IMAGE}",
        f'change = "{IMAGE}"\nkind = "a"\nname = "a"\nreason = "r"',
    ],
)
def test_words_of_others_in_problems_are_short_and_printable(lines: str) -> None:
    [problem] = problems(f"[[accept]]\n{lines}\n")
    assert problem.isprintable()
    assert len(problem) < 400


TEXTS = st.text(min_size=1, max_size=60).filter(str.isprintable)


@given(kind=TEXTS, name=TEXTS, path=TEXTS, reason=TEXTS, until=st.none() | st.dates())
def test_formatted_rule_is_read_as_it_was_meant(
    kind: str, name: str, path: str, reason: str, until: date | None
) -> None:
    values: dict[str, str | date] = {"kind": kind, "name": name, "path": path, "reason": reason}
    lines = format_rule(values | ({"until": until} if until else {}))
    parsed = parse_rules(RULES_FILE, lines.encode())
    assert parsed.problems == ()
    [rule] = parsed.rules
    assert (rule.kind, rule.name, rule.path, rule.reason) == (kind, name, path, reason)
    assert rule.until == until


@given(
    st.text()
    | st.sampled_from([GOOD, RULE]).flatmap(
        lambda text: st.builds(
            lambda start, junk: text[:start] + junk + text[start:],
            st.integers(0, len(text)),
            st.text(),
        )
    )
)
def test_any_text_can_be_read(text: str) -> None:
    for problem in parse_rules(RULES_FILE, text.encode(errors="ignore")).problems:
        assert problem.line >= 1
        assert str(problem).isprintable()
