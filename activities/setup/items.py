"""What setting up means: objects that NetBox should have, and which of their values matter.

`needed` values are those that the project does not work without. They are put right; where they are
lists, what is missing is added and what others added stays. `defaults` are given to an object when it
is created. A default that a later release changes names what it was (see `Default`): objects that
still have that get the new one. Everything else belongs to people: it is reported and kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from activities.netbox.client import Row

CLUSTER_OBJECT_TYPE = "virtualization.cluster"


@dataclass(frozen=True)
class Default:
    """A value that objects are given, and those that earlier releases gave them instead.

    Where an earlier release left it to NetBox, `was` has what NetBox then gives: "" or None.
    """

    value: Any
    former_values: Sequence[Any] = ()


@dataclass(frozen=True)
class Item:
    """One object at `path` of the API, found by `key`. `secrets` are given at creation only.

    `defaults` are values, or `Default`s where the value was another one in earlier releases. As long as
    the tag `kept_while_tagged` is in use, this is not taken away either.
    """

    path: str
    key: Mapping[str, str]
    needed: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    kept_while_tagged: "Item | None" = None

    def __str__(self) -> str:
        noun = self.path.split("/")[1].replace("-", " ").removesuffix("s")
        return f"{noun} {next(iter(self.key.values()))}"

    @property
    def shipped_defaults(self) -> dict[str, Default]:
        """The defaults with their history."""
        return {
            name: value if isinstance(value, Default) else Default(value)
            for name, value in self.defaults.items()
        }

    def matches(self, row: Row) -> bool:
        """Whether `row` is this object: NetBox ignores filters that it does not know."""
        return all(row.get(name) == value for name, value in self.key.items())


@dataclass(frozen=True)
class Reference:
    """A value that is another object, by what finds it."""

    path: str
    key: Mapping[str, str]
