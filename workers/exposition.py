"""One page of metrics for all that a worker's processes export."""

from collections.abc import Iterable
from itertools import chain
from typing import Final

import urllib3
from prometheus_client import REGISTRY, generate_latest

EXPORTERS: Final = urllib3.PoolManager(timeout=2.0, retries=False)
"""Connections to the exporters of Temporal's client library, which are in the same host: no proxy applies."""


def render_metrics(exporter_urls: Iterable[str]) -> str:
    """Return the metrics of this process, and what these exporters say."""
    own = generate_latest(REGISTRY).decode()
    return merge_expositions([own, *map(_read_exporter, exporter_urls)])


def merge_expositions(texts: Iterable[str]) -> str:
    """Return one exposition of several, each metric with all its samples.

    In each, a metric begins with comments that name it, its help and its type.
    """
    metrics: dict[str, list[str]] = {}
    for text in texts:
        lines: list[str] = []
        for line in filter(None, text.split("\n")):  # names may have other line breaks
            if line.startswith("# "):
                lines = metrics.setdefault(line.split(" ", 3)[2], [])
                if line in lines[:2]:
                    continue
            lines.append(line)
    return "".join(f"{line}\n" for line in chain.from_iterable(metrics.values()))


def _read_exporter(url: str) -> str:
    """Return what an exporter says, or nothing: `/livez` tells why it is silent."""
    try:
        return EXPORTERS.request("GET", url).data.decode()
    except urllib3.exceptions.HTTPError:
        return ""
