"""Which peers are measured."""

import sys

import pytest

from bench.peers.installed import load_peers


def test_peer_without_its_package_is_skipped_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    for module in ("bench.peers.rq_peer", "bench.peers.celery_peer"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    peers, skipped = load_peers()
    assert peers == []
    assert [row["system"] for row in skipped] == ["rq", "celery"]
    assert all("is not installed: run `uv sync" in row["reason"] for row in skipped)
