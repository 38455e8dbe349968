"""`RULES_VERSION` rises when the same states lead to other results."""

import json
import os
import subprocess
import sys

from fabrics.rules_version import RULES_VERSION
from tests.support.fabrics.rules_digest import DIGEST_FILE, RECORD_COMMAND, compute_rules_digest
from tests.support.paths import PROJECT


def test_changed_results_need_a_new_version() -> None:
    recorded = json.loads(DIGEST_FILE.read_text())
    assert recorded["version"] == RULES_VERSION, (
        f"RULES_VERSION is {RULES_VERSION}, but the digest is that of version {recorded['version']}:"
        f" record the digest with `{RECORD_COMMAND}`."
    )
    assert recorded["digest"] == compute_rules_digest(), (
        "The drift or the inventory plans of the sample fabrics have changed: raise RULES_VERSION and record"
        f" the digest with `{RECORD_COMMAND}`. If only the samples have changed, record it without a new version."
    )


def test_digest_does_not_depend_on_hash_seed() -> None:
    code = "from tests.support.fabrics.rules_digest import *; print(compute_rules_digest())"
    command = [sys.executable, "-c", code]
    digests = {
        subprocess.check_output(command, cwd=PROJECT, env={**os.environ, "PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    }
    assert len(digests) == 1
