"""Webhooks as NetBox and Git hosts send them, with the fields that matter."""

import hmac
import json
from base64 import b64decode
from datetime import UTC, datetime

from standardwebhooks import Webhook

SECRET = "a secret that only the senders know"
SIGNING_TOKEN = "whsec_b25seSB0aGUgc2VuZGVycyBrbm93IHRoaXMga2V5IQ=="

type Request = tuple[dict[str, str], bytes]
"""Headers and body."""


def netbox(body: bytes, secret: str = SECRET) -> Request:
    return {"X-Hook-Signature": _hmac(body, secret, "sha512")}, body


def github(body: bytes, secret: str = SECRET) -> Request:
    return {"X-Hub-Signature-256": "sha256=" + _hmac(body, secret, "sha256")}, body


def gitea(body: bytes, secret: str = SECRET) -> Request:
    """Gitea sends GitHub's signature, too."""
    headers, _ = github(body, secret)
    return headers | {"X-Gitea-Signature": _hmac(body, secret, "sha256")}, body


def gitlab(body: bytes, secret: str = SECRET) -> Request:
    return {"X-Gitlab-Token": secret}, body


def gitlab_signed(body: bytes, secret: str = SIGNING_TOKEN, at: datetime | None = None) -> Request:
    """GitLab's request if the webhook has a signing token."""
    time = at or datetime.now(UTC)
    key = Webhook(b64decode(secret.removeprefix("whsec_")))
    headers = {
        "webhook-id": "6f3bd0c5",
        "webhook-timestamp": str(int(time.timestamp())),
        "webhook-signature": key.sign("6f3bd0c5", time, body.decode()),
    }
    return headers, body


def record_event(
    record_id: int = 7, event: str = "updated", object_type: str = "virtualization.cluster"
) -> bytes:
    """NetBox's event on a changed object."""
    return _json(
        event=event,
        timestamp="2026-11-22T02:36:34.457096+00:00",
        object_type=object_type,
        data={"id": record_id, "name": "Berlin DC1", "custom_fields": {"hh_sync_interval": 60}},
        snapshots={"prechange": {"name": "Berlin"}, "postchange": {"name": "Berlin DC1"}},
    )


def push(
    repository: str, branch: str = "main", commit: str = "1" * 40, clone_url: str = ""
) -> bytes:
    """A push event of GitHub and Gitea; `repository` has no scheme and no `.git`."""
    host, _, path = repository.partition("/")
    return _json(
        ref=f"refs/heads/{branch}",
        before="0" * 40,
        after=commit,
        commits=[{"id": commit, "message": "Cable server-7", "modified": ["servers.yaml"]}],
        repository={
            "id": 1,
            "full_name": path,
            "html_url": f"https://{repository}",
            "clone_url": clone_url or f"https://{repository}.git",
            "ssh_url": f"git@{host}:{path}.git",
        },
    )


def gitlab_push(repository: str, branch: str = "main") -> bytes:
    """The same event of GitLab."""
    host, _, path = repository.partition("/")
    urls = {"git_http_url": f"https://{repository}.git", "git_ssh_url": f"git@{host}:{path}.git"}
    return _json(
        object_kind="push",
        ref=f"refs/heads/{branch}",
        before="0" * 40,
        after="1" * 40,
        project={"id": 1, "path_with_namespace": path, "web_url": f"https://{repository}"} | urls,
        repository={"name": path, "homepage": f"https://{repository}"} | urls,
    )


def _json(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def _hmac(body: bytes, secret: str, algorithm: str) -> str:
    return hmac.new(secret.encode(), body, algorithm).hexdigest()
