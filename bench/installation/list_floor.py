"""The floor of reading a fabric: only receiving and decoding its lists."""

import json
import ssl
import statistics
import time
from typing import Final

import urllib3

from activities.kubernetes.paged_lists import PAGE_SIZE
from fabrics.resources.kinds import LISTED_KINDS, Kind
from fabrics.resources.resource import DEFAULT_NAMESPACE
from stack.kubernetes.base import KubernetesApi

ROUNDS: Final = 5


def measure_floor_cpu_ms(api: KubernetesApi) -> float:
    """Return the CPU time in ms of reading all lists once over a kept connection."""
    context = ssl.create_default_context(cadata=api.auth.ca_cert)
    headers = {"Authorization": f"Bearer {api.auth.token}"}
    rounds = []
    with urllib3.PoolManager(ssl_context=context, headers=headers) as connections:
        for _ in range(ROUNDS):
            started = time.thread_time()  # that of the process includes the emulator's
            for kind in LISTED_KINDS:
                _read_list(connections, api.server, kind)
            rounds.append(1000 * (time.thread_time() - started))
    return statistics.median(rounds)


def _read_list(connections: urllib3.PoolManager, server: str, kind: Kind) -> None:
    url = f"{server}/apis/{kind.api_version}/namespaces/{DEFAULT_NAMESPACE}/{kind.plural}"
    fields = {"limit": str(PAGE_SIZE)}
    while True:
        response = connections.request("GET", url, fields=fields)
        token = json.loads(response.data)["metadata"].get("continue")
        if not token:
            return
        fields["continue"] = token
