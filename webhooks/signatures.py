"""Verification of signatures, which prove that a sender knows the secret.

Each kind of sender signs in its own header. Every signature that a request has must be valid, so a plain token
beside a signature does not weaken that; a request without any is rejected. All comparisons take constant time.
"""

import hmac
from collections.abc import Callable, Mapping
from typing import Final

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

SIGNING_TOKEN_PREFIX: Final = "whsec_"  # noqa: S105  not a secret itself
"""Marks a secret that is a base64 key, as the Standard Webhooks specification defines."""

type Headers = Mapping[str, str]
"""Values by lower-case name, decoded as latin-1."""

type Verifier = Callable[[Headers, bytes, str], bool]
"""Headers, body, secret."""


def is_from_netbox(headers: Headers, body: bytes, secret: str) -> bool:
    """Return whether NetBox signed the body: `X-Hook-Signature`, HMAC-SHA512 in hex."""
    return _verify(_NETBOX_VERIFIERS, headers, body, secret)


def is_from_git_host(headers: Headers, body: bytes, secret: str) -> bool:
    """Return whether a Git host signed the body or sent the secret.

    GitHub: `X-Hub-Signature-256`; Gitea and Forgejo: `X-Gitea-Signature`; GitLab: `webhook-signature`
    if the secret is a signing token (`whsec_...`), else `X-Gitlab-Token`.
    """
    return _verify(_GIT_HOST_VERIFIERS, headers, body, secret)


def _verify(verifiers: Mapping[str, Verifier], headers: Headers, body: bytes, secret: str) -> bool:
    present = [verify for header, verify in verifiers.items() if header in headers]
    return bool(present) and all(verify(headers, body, secret) for verify in present)


def _create_hmac_verifier(header: str, algorithm: str, prefix: str = "") -> Verifier:
    """Return a verifier for a hexadecimal HMAC of the body, after `prefix`."""

    def is_signed(headers: Headers, body: bytes, secret: str) -> bool:
        expected = prefix + hmac.digest(secret.encode(), body, algorithm).hex()
        return hmac.compare_digest(headers[header].encode("latin-1"), expected.encode())

    return is_signed


def _has_gitlab_token(headers: Headers, _body: bytes, secret: str) -> bool:
    return hmac.compare_digest(headers["x-gitlab-token"].encode("latin-1"), secret.encode())


def _has_standard_signature(headers: Headers, body: bytes, secret: str) -> bool:
    """Verify as https://www.standardwebhooks.com specifies, within five minutes."""
    if not secret.startswith(SIGNING_TOKEN_PREFIX):
        return False
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, EmptyWebhookSecretError, ValueError):
        return False
    return True


_NETBOX_VERIFIERS: Final[Mapping[str, Verifier]] = {
    "x-hook-signature": _create_hmac_verifier("x-hook-signature", "sha512"),
}
_GIT_HOST_VERIFIERS: Final[Mapping[str, Verifier]] = {
    "x-hub-signature-256": _create_hmac_verifier("x-hub-signature-256", "sha256", prefix="sha256="),
    "x-gitea-signature": _create_hmac_verifier("x-gitea-signature", "sha256"),
    "webhook-signature": _has_standard_signature,
    "x-gitlab-token": _has_gitlab_token,
}
