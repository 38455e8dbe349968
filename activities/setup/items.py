"""The items of the set-up: objects that NetBox should have, with their values.

The project does not work without the `needed` values, so these are repaired; members that others added
to a list stay. `defaults` are set on creation only. A default that a later release changes names its
former values (see `Default`): objects that still have one of them are upgraded. All other differences
are people's choices: they are reported and kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from activities.netbox.client import Row

CLUSTER_OBJECT_TYPE = "virtualization.cluster"


@dataclass(frozen=True)
class Default:
    """A default value, and those of earlier releases.

    If an earlier release did not set it, `former_values` has NetBox's own default: "" or None.
    """

    value: Any
    former_values: Sequence[Any] = ()


@dataclass(frozen=True)
class Item:
    """One object at `path` of the API, found by `key`.

    `defaults` are plain values, or `Default`s if earlier releases had others. `secrets` are set on creation
    and never compared. An item with `kept_while_tagged` is not removed while that tag is in use.
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
        """The defaults, with the values of earlier releases."""
        return {
            name: value if isinstance(value, Default) else Default(value)
            for name, value in self.defaults.items()
        }

    def matches(self, row: Row) -> bool:
        """True if `row` is this object: NetBox ignores filters that it does not know."""
        return all(row.get(name) == value for name, value in self.key.items())


@dataclass(frozen=True)
class Reference:
    """A value that refers to the object at `path` with this `key`."""

    path: str
    key: Mapping[str, str]
