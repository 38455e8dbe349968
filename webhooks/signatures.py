"""Whether a request is from somebody who knows the secret.

Each sender proves it in a header of its own. Every proof that a request brings has to hold, so that a
plain token beside a signature does not weaken it; one that brings none is from anybody. All comparisons
take the same time wherever the difference is.
"""

import hmac
from collections.abc import Callable, Mapping
from typing import Final

from standardwebhooks.webhooks import (
    EmptyWebhookSecretError,
    Webhook,
    WebhookVerificationError,
)

SIGNING_TOKEN_PREFIX: Final = "whsec_"  # noqa: S105  the beginning of every one
"""How a secret begins that is the base64 of a key, as the Standard Webhooks specification writes it."""

type Headers = Mapping[str, str]
"""By lower-case name, as latin-1 has the bytes."""

type Verifier = Callable[[Headers, bytes, str], bool]
"""Headers, body, secret."""


def is_from_netbox(headers: Headers, body: bytes, secret: str) -> bool:
    """Whether NetBox signed this with the webhook's secret: `X-Hook-Signature`, HMAC-SHA512 in hex."""
    return _is_verified(_NETBOX_VERIFIERS, headers, body, secret)


def is_from_git_host(headers: Headers, body: bytes, secret: str) -> bool:
    """Whether a Git host proved that it knows the secret.

    GitHub: `X-Hub-Signature-256`; Gitea and Forgejo: `X-Gitea-Signature`; GitLab: `webhook-signature`
    where the secret is a signing token (`whsec_...`), `X-Gitlab-Token` where it is a plain one.
    """
    return _is_verified(_GIT_HOST_VERIFIERS, headers, body, secret)


def _is_verified(
    verifiers: Mapping[str, Verifier], headers: Headers, body: bytes, secret: str
) -> bool:
    brought = [proof for header, proof in verifiers.items() if header in headers]
    return bool(brought) and all(proof(headers, body, secret) for proof in brought)


def _create_hmac_verifier(header: str, algorithm: str, prefix: str = "") -> Verifier:
    """The proof by an HMAC of the body in hexadecimal digits, after `prefix`."""

    def is_signed(headers: Headers, body: bytes, secret: str) -> bool:
        expected = prefix + hmac.digest(secret.encode(), body, algorithm).hex()
        return hmac.compare_digest(headers[header].encode("latin-1"), expected.encode())

    return is_signed


def _has_gitlab_token(headers: Headers, _body: bytes, secret: str) -> bool:
    return hmac.compare_digest(headers["x-gitlab-token"].encode("latin-1"), secret.encode())


def _has_standard_signature(headers: Headers, body: bytes, secret: str) -> bool:
    """https://github.com/standard-webhooks/standard-webhooks; it must be less than five minutes old."""
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
