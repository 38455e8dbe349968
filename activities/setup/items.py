"""What setting up means: objects that NetBox should have, and which of their values matter.

`needed` values are those that the project does not work without. They are put right; where they are
lists, what is missing is added and what others added stays. `defaults` are given to an object when it
is created and belong to people from then on: a difference is reported and kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from activities.netbox import Row

CLUSTER = "virtualization.cluster"


@dataclass(frozen=True)
class Item:
    """One object at `path` of the API, found by `key`. `secrets` are given at creation only."""

    path: str
    key: Mapping[str, str]
    needed: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        noun = self.path.split("/")[1].replace("-", " ").removesuffix("s")
        return f"{noun} {next(iter(self.key.values()))}"

    def is_row(self, row: Row) -> bool:
        """Whether `row` is this object: NetBox ignores filters that it does not know."""
        return all(row.get(name) == value for name, value in self.key.items())


@dataclass(frozen=True)
class Reference:
    """A value that is another object, by what finds it."""

    path: str
    key: Mapping[str, str]
