"""The permissions of an emulated API's client for kinds that not all may read.

Only Hedgehog's agents are such kinds here: all others may be read and written by any client, so that
tests can play a person with `kubectl`. The real API server checks every request.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from fabrics.resources.resource import DEFAULT_NAMESPACE
from stack.kubernetes.releases import AGENT_KINDS

type ClusterRole = Mapping[str, Any]

_PROTECTED_GROUPS: Final = frozenset(kind.group for kind in AGENT_KINDS)


class Permissions:
    """The roles that are bound to the client in the namespace of the fabric."""

    def __init__(self) -> None:
        self._roles: dict[str, ClusterRole] = {}

    def bind(self, role: ClusterRole) -> None:
        """Grant what `role` allows."""
        self._roles[role["metadata"]["name"]] = role

    def unbind(self, name: str) -> None:
        """Revoke what the role of this name allowed. Raises KeyError if it was not bound."""
        del self._roles[name]

    def find_refusal(self, method: str, path: str, query: Collection[str]) -> str:
        """Return why a request is forbidden, or "" if it is allowed.

        `query` has the names of its parameters.
        """
        group, namespace, plural, name = _split_path(path)
        if group not in _PROTECTED_GROUPS or not plural:
            return ""
        verb = _find_verb(method, name, query)
        if namespace == DEFAULT_NAMESPACE and self._allow(group, plural, verb):
            return ""
        where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        return (
            f'{plural}.{group} is forbidden: User "fabric-sync" cannot {verb} resource'
            f' "{plural}" in API group "{group}" {where}'
        )

    def _allow(self, group: str, plural: str, verb: str) -> bool:
        rules = (rule for role in self._roles.values() for rule in role["rules"])
        return any(_allows(rule, group, plural, verb) for rule in rules)


def _split_path(path: str) -> tuple[str, str, str, str]:
    """Return group, namespace, plural and name in a path, "" where there is none."""
    prefix, group, _version, *rest = [*path.strip("/").split("/"), "", "", ""]
    namespace = ""
    if rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    plural, name, *_ = [*rest, "", ""]
    return (group if prefix == "apis" else ""), namespace, plural, name


def _find_verb(method: str, name: str, query: Collection[str]) -> str:
    if method == "GET":
        return "watch" if "watch" in query else ("get" if name else "list")
    return {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[method]


def _allows(rule: Mapping[str, Any], group: str, plural: str, verb: str) -> bool:
    return group in rule["apiGroups"] and plural in rule["resources"] and verb in rule["verbs"]
