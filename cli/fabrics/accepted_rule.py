"""The draft of a rule that accepts a difference which `diff` has found."""

from datetime import date

from cli.errors import CommandError
from fabrics.drift.acceptance.rules import RULES_FILE, format_rule, parse_rules
from fabrics.drift.diff_report import DiffReport
from fabrics.drift.sentences import join_names
from fabrics.drift.summary import SummaryEntry
from fabrics.resources.resource import DEFAULT_NAMESPACE

MAX_NAMED = 5
MAX_NAME_CHARS = 200
PATTERN_SIGNS = frozenset("*?[")


def draft_rule(
    report: DiffReport, object_ref: str, path: str, reason: str, until: date | None
) -> str:
    """Return the lines of a rule for an object's drift, or for its field at `path`.

    Raises `CommandError` if there is no such difference, so that no rule is made for nothing.
    """
    if report.error:
        raise CommandError(report.error)
    entry = _find_entry(report, object_ref)
    if PATTERN_SIGNS.intersection(entry.namespace + entry.name):
        raise CommandError(
            f"{object_ref} has a sign of patterns in its name, so its rule may accept other objects: correct the"
            " name in Git, or write the rule by hand."
        )
    values: dict[str, str | date] = {"kind": entry.kind, "name": entry.name, "reason": reason}
    if entry.namespace != DEFAULT_NAMESPACE:
        values["namespace"] = entry.namespace
    if entry.change != "changed":
        values["change"] = entry.change
    if path:
        values["path"] = path
    if until:
        values["until"] = until
    lines = format_rule(values)
    _check_rule(lines, entry, path)
    return lines


def _find_entry(report: DiffReport, object_ref: str) -> SummaryEntry:
    """Return the drifted object that `object_ref` names. Raises `CommandError`."""
    matches = [entry for entry in report.entries if object_ref in _list_refs(entry)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = join_names([_list_refs(entry)[0] for entry in matches], MAX_NAMED, MAX_NAME_CHARS)
        raise CommandError(f"{object_ref} may be {names}: name one of them.")
    for accepted in report.accepted:
        if object_ref in _list_refs(accepted.entry):
            raise CommandError(f"{object_ref} is accepted already, by {accepted.rule}.")
    if report.left_out:
        raise CommandError(
            f"{object_ref} is not among the first {len(report.entries)} differences, and the other"
            f" {report.left_out} are not known here: resolve or accept some of the first."
        )
    raise CommandError(
        f"{object_ref} does not differ from Git; `starter.py diff FABRIC` shows what does."
    )


def _list_refs(entry: SummaryEntry) -> tuple[str, ...]:
    """Return all references to an object, first the one that only it has."""
    kind, namespace, name = entry.kind, entry.namespace, entry.name
    return f"{kind}/{namespace}/{name}", f"{kind}/{name}", name


def _check_rule(lines: str, entry: SummaryEntry, path: str) -> None:
    """Raise `CommandError` unless the lines are a rule for the object's drift."""
    parsed = parse_rules(RULES_FILE, lines.encode())
    if parsed.problems:
        sentence = parsed.problems[0].sentence
        raise CommandError(f"No rule can be made of this: {sentence}")
    [rule] = parsed.rules
    paths = [field.path for field in entry.fields]
    if path and not any(map(rule.accepts_field, paths)) and not entry.more_fields:
        names = join_names(paths, MAX_NAMED, MAX_NAME_CHARS)
        raise CommandError(f"{_list_refs(entry)[0]} does not differ at {path}, but at {names}.")
