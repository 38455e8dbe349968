"""The command line of all benchmarks."""

import pytest
from typer.testing import CliRunner

from bench.__main__ import BENCHMARKS, app
from tests.support.paths import PROJECT


def test_every_script_is_a_registered_benchmark() -> None:
    scripts = [path for path in (PROJECT / "bench").glob("*.py") if path.stem != "__main__"]
    runnable = {path.stem for path in scripts if "if __name__ ==" in path.read_text()}
    assert runnable == BENCHMARKS.keys()


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_every_benchmark_shows_its_options(benchmark: str) -> None:
    result = CliRunner().invoke(app, [benchmark, "--help"])
    assert result.exit_code == 0
    assert "Measure" in result.output
