"""A message as a webhook, signed as https://www.standardwebhooks.com specifies.

A receiver knows by the signature that the message is from here and new, and by its id whether it had it before.
"""

import json
from datetime import UTC, datetime
from typing import Final

from pydantic import SecretStr
from requests.utils import get_environ_proxies, select_proxy
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook
from urllib3 import PoolManager, ProxyManager, Timeout
from urllib3.exceptions import HTTPError

from activities.connections import use_total_timeouts
from activities.errors import PermanentError, classify, classify_status
from activities.notifications.targets import Target
from activities.secrets.sources import SecretSource
from fabrics.fleet.notifications import Notification
from settings import MIN_WEBHOOK_SECRET_CHARS

ANSWER_SECONDS: Final = 15.0
"""How long a receiver may take, headers and body, once connected."""


def post(name: str, target: Target, message: Notification, connect_timeout: float) -> None:
    """Send a message. Raises `TransientError` or `PermanentError`, which name no URL."""
    body = json.dumps(message.to_event())
    headers = _sign(target, message, body, datetime.now(UTC))
    server = f'The target "{name}" of notifications'
    timeout = Timeout(connect=connect_timeout, read=ANSWER_SECONDS)
    try:
        with _open_pools(target.url) as pools:
            response = pools.request(
                "POST",
                target.url,
                body=body.encode(),
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,  # what it says does not matter
            )
            response.close()
    except (HTTPError, OSError) as error:
        raise classify(error, server) from error
    if not 200 <= response.status < 300:
        retry_after = response.headers.get("Retry-After")
        raise classify_status(server, response.status, retry_after=retry_after)


def _sign(target: Target, message: Notification, body: str, now: datetime) -> dict[str, str]:
    """Return headers with a signature for each secret: a receiver may know only one."""
    source = SecretSource("", SecretStr(""), target.secret_file, MIN_WEBHOOK_SECRET_CHARS)
    try:
        signatures = [Webhook(secret).sign(message.id, now, body) for secret in source.read_all()]
    except (EmptyWebhookSecretError, ValueError):
        raise PermanentError(
            f"The file {target.secret_file} must have a secret such as whsec_... on each line, where the rest is"
            " base64: correct it."
        ) from None
    return {
        "Content-Type": "application/json",
        "User-Agent": "fabric-sync",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _open_pools(url: str) -> PoolManager:
    proxy = select_proxy(url, get_environ_proxies(url))
    pools = ProxyManager(proxy) if proxy else PoolManager()
    use_total_timeouts(pools)
    return pools
