"""Rules on accepted differences, from a file beside the manifests.

The file is TOML, since tools that apply a directory take every YAML file for a manifest. Each rule is a table,
which is parsed by itself: a mistake in one hides no other, and has its line.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from fabrics.drift.sentences import join_names, shorten
from fabrics.resources.manifests.files import ManifestProblem
from fabrics.resources.resource import DEFAULT_NAMESPACE, SourceLocation
from fabrics.texts import replace_unprintable

RULES_FILE: Final = ".fabric-sync.toml"
"""The name of the file, in the directory of the fabric's manifests itself."""

MAX_BYTES: Final = 64 * 1024
MAX_RULES: Final = 100
TOO_LARGE: Final = f"larger than {MAX_BYTES >> 10} KB, so none of its rules holds."

MAX_LINE_CHARS: Final = 1000
"""The time that `tomllib` takes grows with the square of the dots in a key, which is on one line."""

MAX_PATTERN_CHARS: Final = 253
MAX_PATH_CHARS: Final = 400
MAX_REASON_CHARS: Final = 200
MAX_PROBLEM_CHARS: Final = 120
MAX_NAMED_KEYS: Final = 3

_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*accept[ \t]*\]\]", re.MULTILINE)
_TOML_ERROR = re.compile(r"(?s)(.*) \(at (?:line (\d+), column \d+|end of document)\)")

type _Pattern = Annotated[
    str,
    Field(min_length=1, max_length=MAX_PATTERN_CHARS),
    AfterValidator(replace_unprintable),
]


class AcceptRule(BaseModel, frozen=True, strict=True):
    """One rule: which differences are accepted, why, and until which day (UTC).

    `kind`, `namespace` and `name` are patterns with `*`, `?` and `[...]`. Of a changed object, the field at `path`
    and all below it are accepted; without a path all fields are.
    """

    location: SourceLocation
    kind: _Pattern
    namespace: _Pattern = DEFAULT_NAMESPACE
    name: _Pattern
    change: Literal["changed", "missing", "extra"] = "changed"
    path: Annotated[str, Field(max_length=MAX_PATH_CHARS)] = ""
    reason: Annotated[
        str,
        Field(min_length=1, max_length=MAX_REASON_CHARS),
        AfterValidator(replace_unprintable),
    ]
    until: date | None = None

    @model_validator(mode="after")
    def _check_path(self) -> "AcceptRule":
        if self.path and self.change != "changed":
            raise ValueError(f"an object that is {self.change} differs as a whole; remove the path")
        return self

    def accepts_kind(self, kind: str) -> bool:
        """True if the rule is about objects of this kind."""
        return fnmatchcase(kind, self.kind)

    def accepts_object(self, namespace: str, name: str, change: str) -> bool:
        """True if the rule is about this change of an object of its kind."""
        return (
            change == self.change
            and fnmatchcase(name, self.name)
            and fnmatchcase(namespace, self.namespace)
        )

    def accepts_field(self, path: str) -> bool:
        """True if the field is at the rule's path or below it."""
        below = path[len(self.path) :]
        return not self.path or (path.startswith(self.path) and below[:1] in ("", ".", "["))

    def is_expired(self, today: date) -> bool:
        """True from the day after the rule's last one on."""
        return self.until is not None and today > self.until


KEYS: Final = tuple(name for name in AcceptRule.model_fields if name != "location")


@dataclass(frozen=True, slots=True)
class AcceptRules:
    """The rules of a file that are usable, and the mistakes in it."""

    rules: tuple[AcceptRule, ...] = ()
    problems: tuple[ManifestProblem, ...] = ()


class _InvalidRuleError(Exception):
    """A table that is no rule; `line` counts from 1 within the table."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line


def parse_rules(path: str, data: bytes) -> AcceptRules:
    """Parse the file at `path`; every mistake becomes a problem, never an exception."""
    if len(data) > MAX_BYTES:
        return reject_rules(path, TOO_LARGE)
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return reject_rules(path, "not UTF-8 text, so none of its rules holds.")
    rules: list[AcceptRule] = []
    problems: list[ManifestProblem] = []
    for line, table in _split_tables(text):
        location = SourceLocation(path, line)
        try:
            rules += _parse_table(table, location)
        except _InvalidRuleError as error:
            problems.append(ManifestProblem(path, line + error.line - 1, str(error)))
    if len(rules) > MAX_RULES:
        first = rules[MAX_RULES].location
        problems.append(
            ManifestProblem(path, first.line, f"more than {MAX_RULES} rules; the rest is ignored.")
        )
    return AcceptRules(tuple(rules[:MAX_RULES]), tuple(problems[:MAX_RULES]))


def reject_rules(path: str, sentence: str) -> AcceptRules:
    """Return the result for a file of which no rule holds."""
    return AcceptRules(problems=(ManifestProblem(path, 1, sentence),))


def format_rule(values: Mapping[str, str | date]) -> str:
    """Return the lines of a rule with these values; texts are printable."""
    lines = (f"{key} = {_format_value(values[key])}" for key in KEYS if key in values)
    return "\n".join(("[[accept]]", *lines))


def _format_value(value: str | date) -> str:
    # What JSON escapes, TOML escapes in the same way.
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else value.isoformat()


def _split_tables(text: str) -> Iterator[tuple[int, str]]:
    """Yield the first line of each table, and its text; first what is before all."""
    starts = [match.start() for match in _HEADER.finditer(text)]
    for start, end in pairwise([0, *starts, len(text)]):
        yield text.count("\n", 0, start) + 1, text[start:end]


def _parse_table(text: str, location: SourceLocation) -> Iterator[AcceptRule]:
    """Yield the rule in the text, if there is one. Raises `_InvalidRuleError`."""
    document = _parse_toml(text)
    tables = document.pop("accept", [])
    if document or not isinstance(tables, list) or len(tables) > 1:
        raise _InvalidRuleError(
            1, "a rule is a table of its own, which begins with a line [[accept]]; keep no other."
        )
    for table in tables:
        yield _build_rule(table, location)


def _parse_toml(text: str) -> dict[str, object]:
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MAX_LINE_CHARS:
            raise _InvalidRuleError(number, f"a line of more than {MAX_LINE_CHARS} characters.")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise _InvalidRuleError(1, "not a rule: it is nested too deep.") from None
    except ValueError as error:
        match = _TOML_ERROR.fullmatch(str(error))
        line_number = int(match[2]) if match and match[2] else text.rstrip().count("\n") + 1
        what = shorten(match[1] if match else str(error), MAX_PROBLEM_CHARS)
        raise _InvalidRuleError(line_number, f"not valid TOML: {what}.") from None


def _build_rule(table: object, location: SourceLocation) -> AcceptRule:
    if not isinstance(table, dict):
        raise _InvalidRuleError(1, "a rule is a table, which begins with a line [[accept]].")
    if unknown := [key for key in table if key not in KEYS]:
        names = join_names(unknown, MAX_NAMED_KEYS, MAX_PROBLEM_CHARS)
        raise _InvalidRuleError(1, f"a rule has no {names}; it may have {', '.join(KEYS)}.")
    try:
        return AcceptRule(location=location, **table)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = f"{first['loc'][0]}: " if first["loc"] else ""
        what = shorten(first["msg"].removeprefix("Value error, "), MAX_PROBLEM_CHARS)
        raise _InvalidRuleError(1, f"not a rule: {where}{what}.") from None
