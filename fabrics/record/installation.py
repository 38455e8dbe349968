"""The name of an installation, which a record shows as "Synced by".

It is `<namespace>@<id of the namespace>`, after the namespace of Temporal in which the workflows run. The id alone
tells installations apart. All clusters of a replicated namespace have the same one, and a restored database keeps it;
a namespace that was created anew has another. The part before it is for people, and may change with a move, since
the replica of a namespace can have another name.
"""

import shlex
from collections import Counter
from collections.abc import Iterable


def format_instance(namespace: str, namespace_id: str) -> str:
    """Return the name of the installation whose workflows run in this namespace."""
    return f"{namespace}@{namespace_id}"


def is_same_instance(one: str, other: str) -> bool:
    """True if both name the same installation, or both name none."""
    return _get_namespace_id(one) == _get_namespace_id(other)


def _get_namespace_id(instance: str) -> str:
    return instance.rpartition("@")[2]


def describe_other_owners(owners: Iterable[str]) -> list[str]:
    """Return a sentence on each installation among `owners`, one for each fabric.

    Those with most fabrics come first. An empty text is a fabric without another owner.
    """
    counts = Counter(filter(None, owners))
    return [_describe_owner(owner, count) for owner, count in counts.most_common()]


def _describe_owner(owner: str, count: int) -> str:
    fabrics, them = (
        ("1 fabric belongs", "it") if count == 1 else (f"{count:,} fabrics belong", "them")
    )
    return (
        f"{fabrics} to another installation, {owner}. If that no longer syncs {them},"
        f" `starter.py take-over --from {shlex.quote(owner)}` moves {them} here."
    )
