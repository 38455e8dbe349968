"""Only what lock files name is installed, and its vulnerabilities are looked up."""

import json
import os
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.support.paths import PROJECT

LOCK_FILES = (PROJECT / "uv.lock", PROJECT / "stack/netbox_site/uv.lock")
ADVISORY = {
    "id": "TEST-1",
    "modified": "2026-01-01T00:00:00Z",
    "summary": "a mistake",
    "affected": [{"package": {"name": "requests", "ecosystem": "PyPI"}}],
}


@pytest.mark.parametrize("file", LOCK_FILES, ids=lambda file: file.parent.name)
def test_each_file_that_may_be_installed_has_a_hash(file: Path) -> None:
    packages = tomllib.loads(file.read_text())["package"]
    installed = [package for package in packages if "virtual" not in package["source"]]

    assert len(installed) > 50
    for package in installed:
        assert package["source"] == {"registry": "https://pypi.org/simple"}, package["name"]
        files = [*package["wheels"], *([package["sdist"]] if "sdist" in package else [])]
        assert all(f["hash"].startswith("sha256:") for f in files), package["name"]


@contextmanager
def running_database(vulnerable: str) -> Iterator[str]:
    """Serve a database that knows a vulnerability of one package; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Answer which of the packages are vulnerable."""
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = {"vulns": [{"id": ADVISORY["id"], "modified": ADVISORY["modified"]}]}
            names = [query["package"]["name"] for query in body["queries"]]
            self._answer({"results": [found if name == vulnerable else {} for name in names]})

        def do_GET(self) -> None:
            """Answer what is known of the vulnerability."""
            self._answer(ADVISORY)

        def _answer(self, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def audit(database: str) -> subprocess.CompletedProcess[str]:
    """Run the audit of CI with this database."""
    return subprocess.run(
        [PROJECT / ".ci/audit", "--service-url", database],
        env=os.environ | {"UV_HTTP_RETRIES": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_audit_fails_on_a_known_vulnerability() -> None:
    with running_database(vulnerable="requests") as database:
        audited = audit(database)

    assert audited.returncode == 1
    assert f"- {ADVISORY['id']}: {ADVISORY['summary']}" in audited.stdout


def test_audit_succeeds_without_one() -> None:
    with running_database(vulnerable="nothing") as database:
        audited = audit(database)

    assert audited.returncode == 0
    assert audited.stdout.count("Found no known vulnerabilities") == len(LOCK_FILES)
    assert "NOT AUDITED" not in audited.stderr


def test_audit_says_that_the_database_cannot_be_reached() -> None:
    audited = audit("http://127.0.0.1:1/")

    assert audited.returncode == 0
    assert audited.stderr.count("NOT AUDITED") == len(LOCK_FILES)
