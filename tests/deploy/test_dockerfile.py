"""The images: what their Dockerfile says, and what its steps leave behind."""

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabrics.version import VERSION
from tests.support.deploy.dockerfile import DOCKERFILE, Dockerfile, Stage, Step
from tests.support.deploy.image_root import ImageBuilder, ImageRoot, missing_prerequisite
from tests.support.paths import PROJECT

IMAGES = ("worker", "netbox")
BUILD_TOOLS = ("uv", "pip", "pip3", "hatchling", "gcc", "cc", "make")

FILE = Dockerfile()


def steps(target: str, instruction: str) -> list[Step]:
    """Return the steps with `instruction` of a stage and of those that it is from."""
    return [
        s for stage in FILE.lineage(target) for s in stage.steps if s.instruction == instruction
    ]


def test_linter_finds_nothing_to_criticize() -> None:
    # Versions of Debian's packages are not pinned: those of a stable release change for security only.
    command = [str(Path(sys.prefix, "bin", "hadolint")), "--ignore", "DL3008", str(DOCKERFILE)]
    linted = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.mark.parametrize("stage", FILE.stages.values(), ids=lambda stage: stage.name)
def test_stages_are_from_one_base(stage: Stage) -> None:
    assert stage.base in {"debian:trixie-slim", *FILE.stages}


@pytest.mark.parametrize("target", IMAGES)
def test_images_begin_with_an_init_process_and_no_root(target: str) -> None:
    assert steps(target, "ENTRYPOINT")[-1].words == ["tini", "-s", "--"]
    assert steps(target, "USER")[-1].arguments == "1000:1000"


@pytest.mark.parametrize("target", IMAGES)
def test_images_are_from_no_stage_that_builds(target: str) -> None:
    assert not {"build", f"build-{target}"} & {stage.name for stage in FILE.lineage(target)}
    assert not any(re.search(r"\b(pip|uv|venv)\b", s.arguments) for s in steps(target, "RUN"))


def test_what_builds_the_images_has_the_hashes_of_the_lock_file() -> None:
    uv = Path(sys.prefix, "bin", "uv")
    options = "--frozen --only-group build --no-emit-project --no-header --format requirements.txt"
    exported = subprocess.run(
        [uv, "export", "--quiet", *options.split()],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = (PROJECT / "deploy/build-requirements.txt").read_text().splitlines()

    assert [line for line in lines if not line.startswith("#")] == exported.stdout.splitlines()
    (install,) = (s for s in FILE.stages["build"].steps if "pip install" in s.arguments)
    assert "--require-hashes --only-binary=:all:" in install.arguments


def test_everything_else_is_installed_as_the_lock_file_says() -> None:
    syncs = [
        s.arguments
        for stage in FILE.stages.values()
        for s in stage.steps
        if "uv sync" in s.arguments
    ]

    assert len(syncs) == len(IMAGES)
    assert all("--locked --no-build" in sync for sync in syncs)


def test_what_is_copied_exists_and_is_let_into_the_build() -> None:
    allowed = {
        line.removeprefix("!")
        for line in Path(f"{DOCKERFILE}.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    for stage in FILE.stages.values():
        for step in stage.steps:
            if step.instruction == "COPY" and not step.arguments.startswith("--from"):
                for source in set(step.words[:-1]) - {"."}:
                    assert (PROJECT / source).exists(), source
                    assert source in allowed, source


def is_writable(status: os.stat_result) -> bool:
    """True if the user 1000 may write to what has this status."""
    return status.st_uid == 1000 or bool(status.st_mode & stat.S_IWOTH)


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageBuilder]:
    """What carries out the steps of images."""
    if reason := missing_prerequisite():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("images")
    yield ImageBuilder(folder)
    shutil.rmtree(folder)  # gigabytes


@pytest.fixture(scope="module")
def worker(builder: ImageBuilder) -> ImageRoot:
    """The root file system of the worker's image."""
    return builder.build("worker")


@pytest.mark.soak
def test_image_of_the_worker_has_both_commands(worker: ImageRoot) -> None:
    for command in ("fabric-sync", "fabric-sync-worker"):
        ran = worker.container(command, "--version")
        assert (ran.returncode, ran.stdout) == (0, f"Fabric Sync {VERSION}\n"), ran.stderr


@pytest.mark.soak
def test_worker_of_the_image_works_with_a_read_only_file_system(worker: ImageRoot) -> None:
    # It says so after it has loaded all that it needs, and has forked its second process.
    ran = worker.container(*worker.command, TEMPORAL_ADDRESS="127.0.0.1:1")

    assert ran.returncode == 1
    sentence = "fabric-sync-worker: No Temporal server answers at 127.0.0.1:1"
    assert ran.stderr.startswith(sentence), ran.stderr


@pytest.mark.soak
def test_command_line_of_the_image_says_what_it_lacks(worker: ImageRoot) -> None:
    demo = worker.container("fabric-sync", "demo")
    assert (demo.returncode, "make demo" in demo.stderr) == (2, True), demo.stderr

    doctor = worker.container(
        "fabric-sync",
        "doctor",
        FABRIC_SYNC_NETBOX_URL="http://127.0.0.1:1",
        TEMPORAL_ADDRESS="127.0.0.1:1",
    )
    assert doctor.returncode == 1, doctor.stdout + doctor.stderr
    assert "bug" not in doctor.stdout + doctor.stderr


@pytest.mark.soak
def test_image_of_the_worker_brings_the_programs_that_it_runs(worker: ImageRoot) -> None:
    for program in ("git", "ssh", "prlimit", "timeout"):
        assert worker.container("sh", "-c", f"command -v {program}").returncode == 0, program


@pytest.mark.soak
@pytest.mark.parametrize(
    ("target", "own"),
    [
        ("worker", {"run/fabric-sync", "var/cache/fabric-sync"}),
        ("netbox", {f"opt/netbox/{name}" for name in ("media", "reports", "scripts")}),
    ],
)
def test_images_can_write_to_their_own_folders_only(
    builder: ImageBuilder, target: str, own: set[str]
) -> None:
    folder = builder.build(target).folder
    writable = {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if not path.is_symlink() and is_writable(path.stat())
    }

    assert own <= writable
    temporary = {"home/app", "tmp", "var/tmp", "run/lock"}
    assert {p for p in writable if not p.startswith(("dev/", "home/app/"))} <= own | temporary


@pytest.mark.soak
@pytest.mark.parametrize("target", IMAGES)
def test_images_have_no_build_tools(builder: ImageBuilder, target: str) -> None:
    root = builder.build(target)

    found = [
        tool
        for tool in BUILD_TOOLS
        if not root.container("sh", "-c", f"command -v {tool}").returncode
    ]
    assert found == []
    assert root.container("python3", "-m", "pip", "--version").returncode == 1


@pytest.mark.soak
def test_image_of_netbox_starts_its_server(builder: ImageBuilder) -> None:
    root = builder.build("netbox")
    server, *_ = root.command

    assert root.container(server, "--version").returncode == 0
    imported = root.container("python", "-c", "import django, psycopg; print(django.__file__)")
    assert imported.stdout.startswith("/opt/netbox/"), imported.stderr
