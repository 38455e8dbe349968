"""Paths of the project and of the Hedgehog samples outside it."""

import tomllib
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[2]
HEDGEHOG: Final = PROJECT.parent / "shared" / "hedgehog"
"""Samples of real fabrics. They are not part of the repository, so they may be absent."""

RELEASE: Final[str] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]

HISTORIES: Final = PROJECT / "tests" / "workflows" / "histories"
"""Recorded workflow histories, a folder for each release; `tests/workflows/test_replay.py` replays them."""

RELEASE_HISTORIES: Final = HISTORIES / RELEASE

SAMPLES: Final = PROJECT / "tests" / "workflows" / "samples"
"""Samples of stored state, a file for each release; `tests/workflows/test_stored_state.py` reads them."""
