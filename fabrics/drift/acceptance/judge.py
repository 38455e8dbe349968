"""The judgement of a drift by the rules on accepted differences."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from fabrics.drift.acceptance.rules import AcceptRule, AcceptRules
from fabrics.drift.model import AcceptedEntry, Drift, DriftEntry, DriftType, FieldDrift

NOTICE_PERIOD: Final = timedelta(days=7)
"""How long before its end a rule is said to end."""


def accept(drift: Drift, rules: AcceptRules, today: date) -> Drift:
    """Set apart what the rules accept; `today` is the date in UTC.

    The first rule that accepts a difference counts. Nothing else becomes less.
    """
    if not (rules.rules or rules.problems):
        return drift
    judge = _Judge(rules.rules, today)
    entries: list[DriftEntry] = []
    accepted: list[AcceptedEntry] = []
    for entry in drift.entries:
        left, own = judge.split(entry)
        entries += left
        accepted += own
    return replace(
        drift,
        entries=tuple(entries),
        accepted=tuple(accepted),
        rule_notices=tuple(_describe_rules(rules, judge.matched, drift, today)),
    )


class _Judge:
    """Finds the rules for differences; `matched` are those that met any."""

    def __init__(self, rules: Collection[AcceptRule], today: date) -> None:
        self._rules = rules
        self._today = today
        self._by_kind: dict[str, list[AcceptRule]] = {}
        self.matched: set[AcceptRule] = set()

    def split(self, entry: DriftEntry) -> tuple[list[DriftEntry], list[AcceptedEntry]]:
        """Return what is left of an entry, and what each rule accepts of it."""
        rules = self._select(entry)
        if not rules:
            return [entry], []
        if entry.change is not DriftType.CHANGED:
            rule = self._choose(rules)
            return ([entry], []) if rule is None else ([], [AcceptedEntry(entry, rule)])
        left: list[FieldDrift] = []
        accepted: dict[AcceptRule, list[FieldDrift]] = {}
        for field in entry.fields:
            rule = self._choose([rule for rule in rules if rule.accepts_field(field.path)])
            (left if rule is None else accepted.setdefault(rule, [])).append(field)
        return (
            [replace(entry, fields=tuple(left))] if left else [],
            [
                AcceptedEntry(replace(entry, fields=tuple(fields)), rule)
                for rule, fields in accepted.items()
            ],
        )

    def _select(self, entry: DriftEntry) -> list[AcceptRule]:
        """Return the rules on this change of an object, expired ones included."""
        kind, namespace, name = entry.key.kind.name, entry.key.namespace, entry.key.name
        if kind not in self._by_kind:
            self._by_kind[kind] = [rule for rule in self._rules if rule.accepts_kind(kind)]
        return [
            rule
            for rule in self._by_kind[kind]
            if rule.accepts_object(namespace, name, entry.change.value)
        ]

    def _choose(self, rules: Collection[AcceptRule]) -> AcceptRule | None:
        """Return the first of the rules on a difference that has not expired."""
        self.matched.update(rules)
        return next((rule for rule in rules if not rule.is_expired(self._today)), None)


def _describe_rules(
    rules: AcceptRules, matched: Collection[AcceptRule], drift: Drift, today: date
) -> Iterator[str]:
    """Yield what people should do about the rules, the most urgent first."""
    in_use = [rule for rule in rules.rules if rule in matched]
    for rule in in_use:
        if rule.is_expired(today):
            yield (
                f"{rule.location}: accepted until {rule.until}, so these differences count again;"
                " resolve them, or set a new date."
            )
    for rule in in_use:
        if rule.until is not None and today <= rule.until <= today + NOTICE_PERIOD:
            yield f"{rule.location}: accepted until {rule.until}; then these differences count again."
    yield from map(str, rules.problems)
    # Of these kinds some objects may not have been compared; an upgrade may bring back one that is not served.
    kinds = (*drift.unread_kinds, *drift.incomplete_kinds, *drift.unserved_kinds)
    unsure = {kind.name for kind in kinds}
    for rule in rules.rules:
        if rule not in matched and not any(map(rule.accepts_kind, unsure)):
            yield f"{rule.location}: this rule matches no difference of this fabric; remove it."
