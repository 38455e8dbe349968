"""New API keys and certificates for Temporal, while the worker runs.

Temporal's configuration (`temporal.py`) and the files that it names are read again every few seconds. A new key is
given to the open connection. A connection keeps its certificates, also when it is made again after a break, so new ones
need another connection: all who hold the client use that from then on. Polls under way end on the former one.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final, override

from temporalio.envconfig import ClientConnectConfig
from temporalio.plugin import SimplePlugin
from temporalio.service import ConnectConfig, ServiceClient
from temporalio.worker import Worker

from temporal import InvalidConfiguration, TemporalUnreachable, connection_errors, load_config

INTERVAL_SECONDS: Final = 10.0
"""How often to look for new ones. Reading the configuration takes a fraction of a millisecond."""

CONNECT_SECONDS: Final = 30.0

log = logging.getLogger("fabric_sync.temporal")


class ConnectionRenewal(SimplePlugin):
    """A plugin of one client that keeps its keys and certificates current.

    `variables` replace the environment.
    """

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        super().__init__("fabric_sync.ConnectionRenewal")
        self._variables = variables
        self._workers: set[Worker] = set()
        self._connection: _LatestConnection

    @override
    async def connect_service_client(
        self, config: ConnectConfig, next: Callable[[ConnectConfig], Awaitable[ServiceClient]]
    ) -> ServiceClient:
        self._connection = _LatestConnection(await next(config))
        return self._connection

    @override
    async def run_worker(self, worker: Worker, next: Callable[[Worker], Awaitable[None]]) -> None:
        self._workers.add(worker)
        try:
            await next(worker)
        finally:
            self._workers.discard(worker)

    @asynccontextmanager
    async def running(self, interval_seconds: float = INTERVAL_SECONDS) -> AsyncIterator[None]:
        """Use new keys and certificates until the block ends, which workers must outlast."""
        task = asyncio.create_task(self._keep_current(interval_seconds), name="renew connection")
        try:
            yield
        finally:
            task.cancel()

    async def _keep_current(self, interval_seconds: float) -> None:
        reported = ""
        while True:
            await asyncio.sleep(interval_seconds)
            try:
                await self._follow(load_config(self._variables))
            except Exception as error:
                if repr(error) != reported:
                    is_unexpected = not isinstance(error, TemporalUnreachable)
                    log.warning(
                        "The connection to Temporal stays as it is: %s",
                        error,
                        exc_info=is_unexpected,
                    )
                reported = repr(error)
            else:
                reported = ""

    async def _follow(self, new: ClientConnectConfig) -> None:
        current, api_key, tls = self._connection.config, new.get("api_key"), new.get("tls")
        if (current.api_key and not api_key) or (current.tls and not tls):
            raise InvalidConfiguration("its configuration has no API key, or no TLS, any more.")
        if tls != current.tls:
            await self._reconnect(replace(current, api_key=api_key, tls=tls))
        elif api_key != current.api_key:
            current.api_key = api_key
            self._connection.update_api_key(api_key)
            log.info("Using a new API key for Temporal.")

    async def _reconnect(self, config: ConnectConfig) -> None:
        with connection_errors(config.target_host):
            async with asyncio.timeout(CONNECT_SECONDS):
                self._connection.replace(await ServiceClient.connect(config))
        for worker in self._workers:
            _switch(worker)
        log.info(
            "Connected to Temporal anew, with the certificates and the key that are configured now."
        )


def _switch(worker: Worker) -> None:
    """Let a worker take the connection that its client has now."""
    try:
        worker.client = worker.client
    except Exception:  # it may have just ended; the others go on
        log.exception(
            "The worker of the task queue %s keeps its former connection to Temporal.",
            worker.task_queue,
        )


class _LatestConnection(ServiceClient):
    """Makes each call over the latest of several connections."""

    def __init__(self, connection: ServiceClient) -> None:
        super().__init__(connection.config)
        self._latest = connection

    def replace(self, connection: ServiceClient) -> None:
        """Use another connection from now on."""
        self._latest, self.config = connection, connection.config

    @property
    @override
    def worker_service_client(self) -> Any:
        return self._latest.worker_service_client

    @override
    def update_rpc_metadata(self, metadata: Mapping[str, str | bytes]) -> None:
        self._latest.update_rpc_metadata(metadata)

    @override
    def update_api_key(self, api_key: str | None) -> None:
        self._latest.update_api_key(api_key)

    @override
    async def _rpc_call(self, *arguments: Any, **options: Any) -> Any:
        return await self._latest._rpc_call(*arguments, **options)
