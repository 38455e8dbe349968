"""Charts as helm renders them, in a process of its own.

Helm's library is Go, which handles signals and threads in its own way: no process of the tests should have both.
"""

import json
import subprocess
import sys
from typing import Any, Final

import yaml

from tests.support.paths import PROJECT

CHART: Final = PROJECT / "deploy" / "chart"

type Manifest = dict[str, Any]


class ChartError(Exception):
    """Helm refuses the values; the text is Helm's."""


def render_chart(*all_values: Manifest) -> list[list[Manifest]]:
    """Return the objects of the release `prod` for each of `all_values`.

    Raises `ChartError` if helm refuses one of them.
    """
    ran = subprocess.run(
        [sys.executable, "-m", __name__],
        input=json.dumps(all_values),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise ChartError(ran.stderr)
    return [
        [manifest for text in texts for manifest in yaml.safe_load_all(text) if manifest]
        for texts in json.loads(ran.stdout)
    ]


def lint_chart(values: Manifest) -> list[str]:
    """Return what `helm lint` criticizes, beyond hints."""
    code = (
        "import helm_python, json, sys;"
        "report = helm_python.lint(sys.argv[1], json.load(sys.stdin), strict=True);"
        "json.dump([m['error'] for m in report['messages'] if m['severity'] > 1] + report['errors'], sys.stdout)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(CHART)],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=True,
    )
    messages: list[str] = json.loads(ran.stdout)
    return messages


def _render() -> None:
    """Render what stdin asks for."""
    from helm_python import Chart, HelmError  # noqa: PLC0415  not in the process of the tests

    try:
        with Chart.load(CHART) as chart:
            rendered = [
                [
                    text
                    for name, text in chart.render(values, name="prod", namespace="fabrics").items()
                    if name.endswith(".yaml")
                ]
                for values in json.load(sys.stdin)
            ]
    except HelmError as error:
        raise SystemExit(str(error)) from None
    json.dump(rendered, sys.stdout)


if __name__ == "__main__":
    _render()
