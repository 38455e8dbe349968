"""The configuration with which `kubectl` reaches the fabrics of a demo."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_kubeconfig(file: Path, servers: Mapping[str, str], credentials: Path) -> None:
    """Write `file` with a context for each of `servers`.

    It is JSON, which is YAML too; the tokens stay in the folder of `credentials`.
    """
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": _describe_cluster(server, credentials / name / "ca.crt")}
            for name, server in servers.items()
        ],
        "users": [
            {"name": name, "user": {"tokenFile": str(credentials / name / "token")}}
            for name in servers
        ],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": name}} for name in servers
        ],
    }
    file.write_text(json.dumps(config))


def _describe_cluster(server: str, ca_file: Path) -> dict[str, Any]:
    """An API that is down has no CA file."""
    ca = {"certificate-authority": str(ca_file)} if ca_file.exists() else {}
    return {"server": server, **ca}
