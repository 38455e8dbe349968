"""A worker of an organisation that has CAs of its own for everything."""

import ssl
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import trustme

from tests.support.system.installation import SERVERS, Installation, in_yaml
from tests.support.system.tls_proxy import GRPC, TlsProxy, make_server_context, tls_proxy_to

WORKER = "worker@example.com"


async def test_worker_reaches_everything_through_tls_of_own_cas(
    installation: Installation, tmp_path: Path
) -> None:
    ca, clients = trustme.CA(), trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.crt")
    issued = clients.issue_cert(WORKER)
    issued.cert_chain_pems[0].write_to_path(tmp_path / "tls.crt")
    issued.private_key_pem.write_to_path(tmp_path / "tls.key")

    certificate = ca.issue_cert("127.0.0.1")
    https = make_server_context(certificate)
    grpc = make_server_context(certificate, clients=clients, protocols=GRPC)

    async with AsyncExitStack() as proxies:

        async def serve(address: str, context: ssl.SSLContext) -> TlsProxy:
            port = int(address.rpartition(":")[2])
            return await proxies.enter_async_context(tls_proxy_to(port, context))

        temporal = await serve(installation.stack.temporal.address, grpc)
        netbox = await serve(installation.stack.netbox.url, https)
        git = await serve(installation.stack.git.url, https)
        fabric_id = f"fabric-{uuid4().hex[:8]}"
        fabric = await installation.named_fabric(
            fabric_id,
            {"fabric.yaml": in_yaml(SERVERS)},
            SERVERS,
            hh_git_repository=f"{git.url}/{fabric_id}.git",
        )
        ca.cert_pem.write_to_path(fabric.credential / "git-ca.crt")
        async with installation.worker_process(
            TEMPORAL_ADDRESS=temporal.address,
            TEMPORAL_TLS_SERVER_CA_CERT_PATH=str(tmp_path / "ca.crt"),
            TEMPORAL_TLS_CLIENT_CERT_PATH=str(tmp_path / "tls.crt"),
            TEMPORAL_TLS_CLIENT_KEY_PATH=str(tmp_path / "tls.key"),
            FABRIC_SYNC_NETBOX_URL=netbox.url,
            SSL_CERT_FILE=str(tmp_path / "ca.crt"),
        ):
            await installation.start(fabric)
            await fabric.wait_for_status("in_sync")
        assert set(temporal.clients) == {WORKER}
        assert netbox.clients
        assert git.clients
