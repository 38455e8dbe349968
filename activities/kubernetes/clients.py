"""Clients of Kubernetes APIs that keep their connections between syncs.

A TLS handshake costs more than a small fabric's lists, on both sides. A client is kept only while its credential
resolves to the same server, secrets and certificates, and while one thread at a time uses it.
"""

import resource
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from types import TracebackType
from typing import Final, Self, cast, override
from urllib.parse import urlencode, urlsplit

from cachetools import TTLCache
from kubernetes.client.rest import RESTClientObject
from urllib3 import BaseHTTPResponse, HTTPResponse, PoolManager, Timeout
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool
from urllib3.exceptions import LocationParseError, ProtocolError
from urllib3.util import Retry

from activities.connections import create_tls_context, use_total_timeouts
from activities.errors import PermanentError
from activities.kubernetes.access import KubernetesAccess, load_kubernetes_access
from activities.secrets.memory_files import memory_file, name_memory_file
from fabrics.record.config import KubernetesTarget
from settings import Settings

USER_AGENT: Final = "fabric-sync"
JSON_MEDIA_TYPE: Final = "application/json"

MAX_IDLE_SECONDS: Final = 90
"""Kubernetes API servers close connections that have been idle for this long."""

MAX_AGE_SECONDS: Final = 600
"""So often host names are resolved again, and certificates and the system's trusted CAs are checked."""

MAX_IDLE_CLIENTS: Final = 4096
"""Of all fabrics, some 60 KB and one file descriptor each."""


class _RepeatIfBroken(Retry):
    """Repeats a request once if its connection broke before the response.

    A server may close an idle connection just when a request is sent. All other errors are raised at once.
    """

    @override
    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        if error and not (self.total and isinstance(error, ProtocolError)):
            raise error
        return super().increment(method, url, response, error, _pool, _stacktrace)


@dataclass(frozen=True)
class KubernetesClient:
    """A client of one API, with at most one connection. `opened` is in seconds."""

    access: KubernetesAccess
    opened: float
    _pool_manager: PoolManager

    @classmethod
    def open(cls, access: KubernetesAccess, now: float = 0) -> Self:
        """Return a client that connects with its first request.

        Raises `PermanentError` for an unusable client certificate.
        """
        configuration = access.configuration
        configuration.retries = _RepeatIfBroken(total=1, respect_retry_after_header=False)
        configuration.connection_pool_maxsize = 1
        configuration.keep_alive = True  # so that the kernel notices hosts that vanished
        pool_manager = RESTClientObject(configuration).pool_manager
        if context := _make_tls_context(access):
            pool_manager.connection_pool_kw["ssl_context"] = context
        use_total_timeouts(pool_manager)
        return cls(access, now, pool_manager)

    def get(
        self,
        path: str,
        parameters: Mapping[str, object],
        timeouts: tuple[float, float],
        media_type: str = JSON_MEDIA_TYPE,
    ) -> HTTPResponse:
        """Send a GET and return its response, whose body has not been read.

        The status may be any; no redirect is followed. `timeouts` are to connect, and for the whole response, in
        seconds. Raises `HTTPError`.
        """
        # The library's own layers above the pool take a third of the CPU time of a request.
        configuration = self.access.configuration
        headers = {"User-Agent": USER_AGENT, "Accept": media_type}
        if token := configuration.get_api_key_with_prefix("BearerToken"):
            headers["Authorization"] = token
        connect_timeout, read_timeout = timeouts
        response = self._pool.urlopen(
            "GET",
            f"{urlsplit(configuration.host).path}{path}?{urlencode(parameters)}",
            headers=headers,
            redirect=False,
            timeout=Timeout(connect_timeout + read_timeout, connect_timeout, read_timeout),
            preload_content=False,
        )
        return cast(HTTPResponse, response)

    def close(self) -> None:
        """Close the connection."""
        with suppress(LocationParseError):  # then there is none
            self._pool.close()

    @cached_property
    def _pool(self) -> HTTPConnectionPool:
        """The pool of the API's host, which uses the proxy that the configuration names."""
        return self._pool_manager.connection_from_url(self.access.configuration.host)


class ClientCache:
    """Idle clients, at most one for each target. Threads may share it.

    A client that is forgotten closes its connection. `timer` returns seconds.
    """

    def __init__(
        self, max_idle_clients: int | None = None, timer: Callable[[], float] = time.monotonic
    ) -> None:
        limit = _count_affordable_clients() if max_idle_clients is None else max_idle_clients
        self._idle: TTLCache[KubernetesTarget, KubernetesClient] = TTLCache(
            limit, MAX_IDLE_SECONDS, timer
        )
        self._timer = timer
        self._lock = Lock()

    @contextmanager
    def client(self, target: KubernetesTarget, settings: Settings) -> Iterator[KubernetesClient]:
        """Yield a client with the current credential, for the calling thread alone.

        It is kept unless the block raises. Raises `PermanentError` as `load_kubernetes_access` does.
        """
        access = load_kubernetes_access(target, settings)
        client = self._take(target, access) or KubernetesClient.open(access, self._timer())
        try:
            yield client
        except BaseException:
            client.close()
            raise
        self._keep(target, client)

    def _take(self, target: KubernetesTarget, access: KubernetesAccess) -> KubernetesClient | None:
        with self._lock:
            client = self._idle.pop(target, None)
        max_opened = self._timer() - MAX_AGE_SECONDS
        if client and (client.access.digest != access.digest or client.opened <= max_opened):
            client.close()
            return None
        return client

    def _keep(self, target: KubernetesTarget, client: KubernetesClient) -> None:
        with self._lock:
            # Where fabrics take turns, to evict the oldest of too many would make each miss its own.
            if target in self._idle or len(self._idle) >= self._idle.maxsize:
                client.close()
            else:
                self._idle[target] = client


def _count_affordable_clients() -> int:
    """Return how many connections leave half of this process's open files to others."""
    open_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(MAX_IDLE_CLIENTS, open_files // 2)


def _make_tls_context(access: KubernetesAccess) -> ssl.SSLContext | None:
    """Return the context with the client certificate; None if there is none."""
    if not access.client_certificate:
        return None
    context = create_tls_context()
    if not access.configuration.ca_cert_data:
        context.load_default_certs()
    with memory_file(access.client_certificate) as descriptor:
        try:
            # The password, so that OpenSSL does not ask a terminal for that of an encrypted key.
            context.load_cert_chain(name_memory_file(descriptor), password="")
        except ssl.SSLError:
            raise PermanentError(
                f"Credential {access.credential}: the client certificate in its kubeconfig is unusable; it needs the"
                " key that belongs to it, which must not be encrypted."
            ) from None
    return context
