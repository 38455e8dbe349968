"""The connection to Temporal for the worker, the command line and the tests.

Address, namespace, keys and certificates come from Temporal's own configuration through
`temporalio.envconfig`: `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, ... or a profile
in `temporal.toml`, exactly as for the `temporal` command. Keys and certificates in files may change while the
worker runs (`workers/connection_renewal.py`).
"""

import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    Plugin,
    QueryWorkflowInput,
)
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.service import KeepAliveConfig, RPCError
from tenacity import retry, retry_if_exception_message, stop_after_delay, wait_fixed

from activities.search_attributes import SEARCH_ATTRIBUTES
from codec.converter import build_data_converter
from workers.early_queries import EARLY_QUERY_TEXT

DEFAULT_ADDRESS: Final = "localhost:7233"

KEEP_ALIVE: Final = KeepAliveConfig(interval_millis=10_000, timeout_millis=4_000)
"""A connection that is dropped in silence is given up within 14 s, so a fabric that syncs every 20 s misses one slot at
most. Temporal's servers end connections with more frequent pings (`frontend.keepAliveMinTime` is 10 s)."""


EARLY_QUERY_SECONDS: Final = 5.0
"""For a worker that has just started to handle what happened in a workflow: it takes milliseconds."""

CONNECTION_FAILURES: Final = (
    (
        r"UnknownIssuer|NativeCertsNotFound",
        "has a certificate that is not trusted: name the file of its CA in TEMPORAL_TLS_SERVER_CA_CERT_PATH",
    ),
    (
        r"NotValidForName|not valid for name",
        "has a certificate of another host: correct TEMPORAL_ADDRESS, or name that host in TEMPORAL_TLS_SERVER_NAME",
    ),
    (
        r"InvalidCertificate|invalid peer certificate",
        "has an invalid certificate: check that it has not expired, and the clock of this host",
    ),
    (
        r"(AlertReceived\(|fatal alert: )(\w*Certificate|UnknownCA|DecryptError|AccessDenied|HandshakeFailure)",
        "asks for a client certificate that it trusts: name one and its key in TEMPORAL_TLS_CLIENT_CERT_PATH and"
        " TEMPORAL_TLS_CLIENT_KEY_PATH",
    ),
    (
        r"ParseError|InconsistentKeys",
        "cannot be asked, since the client certificate or its key is unusable: check the files that"
        " TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH name",
    ),
    (
        r"code: (Unauthenticated|PermissionDenied)",
        "refused the API key or the client certificate: check TEMPORAL_API_KEY, or the file that"
        " TEMPORAL_TLS_CLIENT_CERT_PATH names",
    ),
    (r"H2NotNegotiated", "speaks TLS, but is no gRPC server: check TEMPORAL_ADDRESS"),
    (
        r"InvalidMessage|corrupt message",
        "does not speak TLS, without which no API key and no certificate is sent: check TEMPORAL_ADDRESS",
    ),
    (
        r"hyper::Error\((?!Connect\b)|ConnectionReset|handshake eof",
        "broke off the connection: check that it is Temporal, and whether it needs TLS (TEMPORAL_TLS=true) or a client"
        " certificate (TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH)",
    ),
)
"""Names of errors in the words of the client library, which has no types for them; the first that matches applies."""


class TemporalUnreachable(Exception):
    """No connection to Temporal; the text names its address and what to do."""


class InvalidConfiguration(TemporalUnreachable):
    """Temporal's own configuration cannot be used."""


def get_address() -> str:
    """Return the configured address of Temporal, `host:port`."""
    return load_config().get("target_host") or DEFAULT_ADDRESS


def describe_namespace(client: Client) -> str:
    """Return where a client finds workflows and workers, as sentences name it."""
    return f"the namespace {client.namespace} of Temporal at {get_address()}"


def load_config(variables: Mapping[str, str] | None = None) -> ClientConnectConfig:
    """Read Temporal's configuration. Raises `InvalidConfiguration`."""
    try:
        return ClientConfig.load_client_connect_config(override_env_vars=variables)
    except (RuntimeError, OSError, ValueError) as error:
        raise _invalid_configuration_error(error) from None


def _invalid_configuration_error(error: Exception) -> InvalidConfiguration:
    # Only the first line: others quote the file, which may have the API key.
    reason = str(error).partition("\n")[0].rstrip(".")
    return InvalidConfiguration(
        f"Temporal's configuration cannot be used ({reason}): check the TEMPORAL_ variables and temporal.toml."
    )


async def connect(
    variables: Mapping[str, str] | None = None,
    keys_file: Path | None = None,
    plugins: Sequence[Plugin] = (),
) -> Client:
    """Return a client for the configured namespace.

    `variables` replace the environment. The first key of `keys_file` encrypts what Temporal stores.

    Raises `TemporalUnreachable`, of which `InvalidConfiguration` is told apart, and `PermanentError` if that file
    cannot be used.
    """
    config = load_config(variables)
    config.setdefault("target_host", DEFAULT_ADDRESS)
    with connection_errors(config["target_host"]):
        return await Client.connect(
            **config,
            data_converter=build_data_converter(keys_file),
            identity=_identity(),
            keep_alive_config=KEEP_ALIVE,
            interceptors=[EarlyQueryInterceptor()],
            plugins=plugins,
        )


@contextmanager
def connection_errors(address: str) -> Iterator[None]:
    """Raise errors of connecting in the block as `TemporalUnreachable`."""
    try:
        yield
    except ValueError as error:
        raise _invalid_configuration_error(error) from None
    except TimeoutError:
        raise TemporalUnreachable(f"Temporal at {address} did not answer in time.") from None
    except RuntimeError as error:
        raise TemporalUnreachable(_describe_failure(str(error), address)) from error


def _describe_failure(words: str, address: str) -> str:
    for pattern, meaning in CONNECTION_FAILURES:
        if re.search(pattern, words):
            return f"Temporal at {address} {meaning}."
    return f"No Temporal server answers at {address}; start it, or set TEMPORAL_ADDRESS."


class EarlyQueryInterceptor(Interceptor):
    """Asks again where a worker refuses a query because it comes too early."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """Put the repetition before each query."""
        return _EarlyQueryRepeater(next)


class _EarlyQueryRepeater(OutboundInterceptor):
    @retry(
        retry=retry_if_exception_message(EARLY_QUERY_TEXT),
        wait=wait_fixed(0.1),
        stop=stop_after_delay(EARLY_QUERY_SECONDS),
        reraise=True,
    )
    async def query_workflow(self, input: QueryWorkflowInput) -> object:
        """Query a workflow, for a few seconds if need be."""
        return await super().query_workflow(input)


def _identity() -> str:
    """Return a unique identity; a restarted container keeps process id and host."""
    return f"{os.getpid()}@{socket.gethostname()}-{uuid4().hex[:8]}"


async def missing_search_attributes(client: Client) -> list[str]:
    """List search attributes that the server lacks; all if it does not tell."""
    try:
        response = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError:
        return list(SEARCH_ATTRIBUTES)
    return [
        name
        for name, value_type in SEARCH_ATTRIBUTES.items()
        if response.custom_attributes.get(name) != value_type
    ]


def format_search_attribute_type(search_attribute: str) -> str:
    """Return a type as the Web UI and the `temporal` command name it."""
    name = IndexedValueType.Name(SEARCH_ATTRIBUTES[search_attribute])
    return name.removeprefix("INDEXED_VALUE_TYPE_").capitalize()


async def add_search_attributes(client: Client) -> list[str]:
    """Register missing search attributes and list them. Raises `RPCError`."""
    missing = await missing_search_attributes(client)
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes={name: SEARCH_ATTRIBUTES[name] for name in missing},
            )
        )
    return missing
