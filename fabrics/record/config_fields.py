"""Parse a record's configuration, with a sentence on every unusable value.

Nothing here raises: people type these values into NetBox, and a fabric with a mistake in its record has
to report it, not vanish. Addresses and credentials are never guessed: a source with a mistake in either
is empty (Kubernetes) or None (Git), and the sentence makes the fabric's status `error`. No sentence
repeats a URL or the name of a credential: it may be a misplaced password.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from fabrics.record.config import (
    DEFAULT_INTERVAL_SECONDS,
    FABRIC_ID_PATTERN,
    FabricConfig,
    GitSource,
    KubernetesTarget,
    check_interval,
    check_pause_end,
)
from fabrics.resources.kinds import get_kind
from fabrics.texts import replace_unprintable

DEFAULT_NAMESPACE: Final = "default"
DEFAULT_BRANCH: Final = "main"
DEFAULT_DIRECTORY: Final = "/"

KUBERNETES_URL_PATTERN: Final = r"https?://[^\s/?#@]+(/[^\s?#@]*)?"
GIT_URL_PATTERN: Final = (
    r"https?://[^\s/?#@]+/[^\s?#@]+|file:///[^\s?#@]+"
    r"|ssh://([\w.-]+@)?[^\s/?#@:]+(:\d+)?/[^\s?#@]+"
    r"|[\w.-]+@[\w.-]+:[^\s?#@]+"
)
"""Only SSH URLs may have a user, since SSH keys are elsewhere: in `https://TOKEN@host` it is a secret."""

MAX_URL_CHARS: Final = 500
"""NetBox does not limit texts, and Temporal keeps a fabric's configuration with each activity."""

NAMESPACE_PATTERN: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
FABRIC_NAME_PATTERN: Final = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
CREDENTIAL_NAME_PATTERN: Final = r"(?!\.+$)[A-Za-z0-9._-]{1,100}"
BRANCH_PATTERN: Final = r"(?![-/.])(?!.*(\.\.|//|@\{|/\.))[^\x00-\x20\x7f~^:?*\[\\]{1,200}(?<![/.])"
"""What `git check-ref-format --branch` accepts, except for a few exotic names."""

DIRECTORY_PATTERN: Final = r"(?!(.*/)?\.\.(/|$))[^\x00-\x1f\x7f]{1,400}"
TASK_QUEUE_PATTERN: Final = r"[\x21-\x7e]{1,200}"

UNUSABLE_TARGET: Final = KubernetesTarget(server="", namespace="", credential="")
"""The target of a fabric whose settings have a mistake: it is configured, but nothing is read."""


def unwrap_custom_fields(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record's custom fields as they are written: without labels."""
    fields = record.get("custom_fields")
    values = fields.items() if isinstance(fields, dict) else ()
    return {name: _unwrap_choice(value) for name, value in values}


def parse_config(record: Mapping[str, Any]) -> FabricConfig:
    """Parse a fabric's configuration from a cluster of NetBox's REST API."""
    fields = _FieldReader(unwrap_custom_fields(record))
    id_rule = "have only a-z, 0-9 and -, no - in front, and at most 39 characters"
    name_rule = "be the name of a Kubernetes object"
    queue_rule = "have printable ASCII characters without spaces, at most 200"
    fabric_id = fields.text("hh_fabric_id", FABRIC_ID_PATTERN, id_rule) or ""
    fabric_name = fields.text("hh_fabric_name", FABRIC_NAME_PATTERN, name_rule)
    kubernetes = _parse_kubernetes(fields, fabric_id)
    return FabricConfig(
        fabric_id=fabric_id,
        name=replace_unprintable(str(record.get("name", ""))),
        record_id=record["id"],
        active=_unwrap_choice(record.get("status")) == "active",
        enabled=fields.boolean("hh_sync_enabled"),
        interval=fields.interval(),
        paused=fields.boolean("hh_paused"),
        pause_reason=replace_unprintable(str(fields.value("hh_pause_reason"))[:200]),
        paused_until=fields.pause_end(),
        # With an unusable name, the objects of all fabrics would count.
        kubernetes=kubernetes and (kubernetes if fabric_name is not None else UNUSABLE_TARGET),
        git=_parse_git(fields, fabric_id),
        fabric_name=fabric_name or "",
        managed_kinds=fields.kinds(),
        task_queue=fields.text("hh_task_queue", TASK_QUEUE_PATTERN, queue_rule) or "",
        scope=_parse_scope(record),
        problems=tuple(dict.fromkeys(fields.problems)),
    )


def _parse_scope(record: Mapping[str, Any]) -> str:
    """Return the chosen site, or else the cluster's scope, as type and id."""
    site = unwrap_custom_fields(record).get("hh_site")
    if isinstance(site, Mapping):
        return f"dcim.site {site.get('id')}"
    scope = record.get("scope_type")
    return f"{scope} {record.get('scope_id')}" if scope else ""


def _parse_kubernetes(fields: "_FieldReader", fabric_id: str) -> KubernetesTarget | None:
    if not fields.value("hh_kubernetes_server"):
        return None
    server = fields.url("hh_kubernetes_server", KUBERNETES_URL_PATTERN, "https://HOST:PORT")
    namespace = fields.text(
        "hh_kubernetes_namespace", NAMESPACE_PATTERN, "be a Kubernetes name", DEFAULT_NAMESPACE
    )
    credential = fields.credential(fabric_id)
    if server is None or namespace is None or credential is None:
        return UNUSABLE_TARGET
    return KubernetesTarget(server=server, namespace=namespace, credential=credential)


def _parse_git(fields: "_FieldReader", fabric_id: str) -> GitSource | None:
    if not fields.value("hh_git_repository"):
        return None
    url = fields.url("hh_git_repository", GIT_URL_PATTERN, "https://HOST/PATH or git@HOST:PATH")
    branch = fields.text("hh_git_branch", BRANCH_PATTERN, "be a branch name", DEFAULT_BRANCH)
    directory = fields.text(
        "hh_git_directory", DIRECTORY_PATTERN, "be a path without '..'", DEFAULT_DIRECTORY
    )
    credential = fields.credential(fabric_id)
    if url is None or branch is None or directory is None or credential is None:
        return None
    directory = directory.strip("/") or DEFAULT_DIRECTORY
    return GitSource(repository=url, branch=branch, directory=directory, credential=credential)


class _FieldReader:
    """Reader of custom fields that collects problems; an unusable value is None."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields
        self.problems: list[str] = []

    def value(self, name: str) -> object:
        """Return the value, or empty text if there is none."""
        value = self._fields.get(name)
        return "" if value is None else value

    def text(self, name: str, pattern: str, rule: str, default: str = "") -> str | None:
        value = self.value(name)
        if value == "":
            return default
        if isinstance(value, str) and re.fullmatch(pattern, value):
            return value
        self.problems.append(f"{name} is {_quote(value)}, but must {rule}.")
        return None

    def url(self, name: str, pattern: str, expected_format: str) -> str | None:
        value = self.value(name)
        if isinstance(value, str) and len(value) > MAX_URL_CHARS:
            self.problems.append(f"{name} is longer than {MAX_URL_CHARS} characters.")
            return None
        if isinstance(value, str) and re.fullmatch(pattern, value) and _has_valid_port(value):
            return value
        self.problems.append(
            f"{name} is not a usable URL: it must be {expected_format},"
            " without a user, a password or a query."
        )
        return None

    def credential(self, default: str) -> str | None:
        value = self.value("hh_credentials") or default
        if value == "" or (isinstance(value, str) and re.fullmatch(CREDENTIAL_NAME_PATTERN, value)):
            return value
        self.problems.append(
            "hh_credentials is not the name of a credential:"
            " it may have only letters, digits, '.', '_' and '-'."
        )
        return None

    def boolean(self, name: str) -> bool:
        value = self.value(name)
        if value == "" or isinstance(value, bool):
            return bool(value)
        self.problems.append(f"{name} is {_quote(value)}, but must be true or false; using false.")
        return False

    def interval(self) -> int:
        value = self.value("hh_sync_interval")
        if value == "":
            return DEFAULT_INTERVAL_SECONDS
        try:
            return check_interval(value)
        except ValueError as error:
            self.problems.append(f"hh_sync_interval: {error}; using {DEFAULT_INTERVAL_SECONDS}.")
            return DEFAULT_INTERVAL_SECONDS

    def pause_end(self) -> datetime | None:
        try:
            return check_pause_end(self.value("hh_paused_until")) or None
        except ValueError as error:
            self.problems.append(f"hh_paused_until: {error}; the pause has no end.")
            return None

    def kinds(self) -> tuple[str, ...]:
        value = self.value("hh_managed_kinds") or []
        if not isinstance(value, list):
            self.problems.append(f"hh_managed_kinds is {_quote(value)}, but must be a list.")
            return ()
        return tuple(sorted({kind for name in value if (kind := self._parse_kind(name))}))

    def _parse_kind(self, name: object) -> str | None:
        try:
            return get_kind(str(name)).name
        except ValueError as error:
            self.problems.append(f"hh_managed_kinds: {error}")
            return None


def _unwrap_choice(value: object) -> object:
    if isinstance(value, list):
        return [_unwrap_choice(item) for item in value]
    return value["value"] if isinstance(value, dict) and set(value) == {"value", "label"} else value


def _has_valid_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _quote(value: object) -> str:
    return f"{value!r:.60}"
