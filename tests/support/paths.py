"""Paths of the project and of the Hedgehog samples outside it."""

from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[2]
HEDGEHOG: Final = PROJECT.parent / "shared" / "hedgehog"
"""Samples of real fabrics. They are not part of the repository, so they may be absent."""

HISTORIES: Final = PROJECT / "tests" / "workflows" / "histories"
"""Recorded workflow histories, which `tests/workflows/test_replay.py` replays."""
