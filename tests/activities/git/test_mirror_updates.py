"""One update of a mirror serves all who asked before it began, and nobody else."""

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from threading import Semaphore, current_thread
from uuid import uuid4

import pytest

from activities.errors import NoResponseError, PermanentError
from activities.git.desired_state import DesiredStateCache
from activities.git.mirror import GitMirror
from activities.git.mirror_updates import MirrorUpdates
from fabrics.record.config import GitSource
from settings import Settings
from stack.processes.ports import PortPool
from stack.services.git_server import GitRepository
from tests.support.git.gated_server import TIMEOUT_SECONDS, GatedGitServer

TOKEN = "s3cret-token"
THREAD_NAME = "fabric"


@dataclass
class Fleet:
    """Fabrics that follow one repository, each in a thread of its own."""

    repository: GitRepository
    settings: Settings
    threads: ThreadPoolExecutor
    asked: Semaphore
    updates: MirrorUpdates = field(default_factory=MirrorUpdates)

    def ask(
        self, *, branch: str = "main", credential: str = "lab", timeout: float = TIMEOUT_SECONDS
    ) -> Future[str]:
        """Let one more fabric ask for the branch's commit."""
        source = GitSource(
            repository=self.repository.url, branch=branch, directory="/", credential=credential
        )
        settings = self.settings.model_copy(update={"git_timeout": timeout})
        return self.threads.submit(self.updates.fetch_commit, GitMirror(source, settings))

    def set_age_of_updates(self, seconds: float) -> None:
        """Let the running updates have begun so long ago."""
        for update in self.updates._running.values():
            update.began = time.monotonic() - seconds

    def wait_until_asked(self, count: int) -> None:
        """Wait until so many fabrics more wait for an update."""
        for _ in range(count):
            assert self.asked.acquire(timeout=TIMEOUT_SECONDS)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatedGitServer]:
    with (
        closing(PortPool()) as ports,
        closing(GatedGitServer(tmp_path_factory.mktemp("git"), ports)) as server,
    ):
        yield server


@pytest.fixture
def repository(server: GatedGitServer) -> GitRepository:
    repository = server.create_repository(f"fleet-{uuid4().hex[:8]}")
    repository.commit({"oslo/a.yaml": "a: 1\n"})
    return repository


@pytest.fixture
def fleet(
    server: GatedGitServer,
    repository: GitRepository,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Fleet]:
    """A fleet that knows the branch main; nothing has been asked since."""
    asked, wait = Semaphore(0), Future.result

    def count_and_wait(future: Future[str], timeout: float | None = None) -> str:
        if current_thread().name.startswith(THREAD_NAME):
            asked.release()
        return wait(future, timeout)

    with ThreadPoolExecutor(40, THREAD_NAME) as threads:
        fleet = Fleet(repository, settings, threads, asked)
        fleet.ask().result()
        server.questions.clear()
        server.fetched.clear()
        monkeypatch.setattr(Future, "result", count_and_wait)
        yield fleet


def test_fabrics_that_ask_during_an_update_share_the_next(
    server: GatedGitServer, repository: GitRepository, fleet: Fleet
) -> None:
    commit = repository.commit({"oslo/a.yaml": "a: 2\n"})
    with server.hold():
        first = fleet.ask()
        server.wait_for_questions(1)
        others = [fleet.ask() for _ in range(30)]
        fleet.wait_until_asked(31)

    assert {asked.result() for asked in (first, *others)} == {commit}
    assert len(server.fetched) == 1
    assert len(server.questions) == 3, "a check, a fetch, and a check for the other 30"


def test_fabric_that_asks_after_a_push_sees_it(
    server: GatedGitServer, repository: GitRepository, fleet: Fleet
) -> None:
    with server.hold():
        early = fleet.ask()
        server.wait_for_questions(1)
        pushed = repository.commit({"oslo/a.yaml": "a: 2\n"})
        late = fleet.ask()
        fleet.wait_until_asked(2)

    assert early.result() != pushed
    assert late.result() == pushed


def test_unchanged_branch_is_not_fetched(
    server: GatedGitServer, repository: GitRepository, fleet: Fleet
) -> None:
    commits = {fleet.ask().result() for _ in range(3)}

    assert len(commits) == 1
    assert server.fetched == []
    assert len(server.questions) == 3

    assert repository.commit({"oslo/a.yaml": "a: 2\n"}) == fleet.ask().result()
    assert len(server.fetched) == 1


def test_failed_update_fails_all_who_wait_for_it(server: GatedGitServer, fleet: Fleet) -> None:
    with server.hold():
        first = fleet.ask(branch="lab")
        server.wait_for_questions(1)
        others = [fleet.ask(branch="lab") for _ in range(10)]
        fleet.wait_until_asked(11)

    for asked in (first, *others):
        with pytest.raises(PermanentError, match=r"has no branch lab \(but main\)"):
            asked.result()
    assert len(server.questions) == 4, "two updates: a fetch, and the branches for the error"


def test_branches_do_not_wait_for_each_other(
    server: GatedGitServer, repository: GitRepository, fleet: Fleet
) -> None:
    commit = repository.commit({"oslo/a.yaml": "a: 2\n"}, branch="lab")
    with server.hold(questions=1):
        held = fleet.ask()
        server.wait_for_questions(1)
        assert fleet.ask(branch="lab").result() == commit

    assert held.result() != commit


def test_update_continues_for_fabrics_with_longer_timeouts(
    server: GatedGitServer, fleet: Fleet
) -> None:
    with server.hold():
        running = fleet.ask()
        server.wait_for_questions(1)
        impatient, patient = fleet.ask(timeout=0.5), fleet.ask()
        fleet.wait_until_asked(3)
        with pytest.raises(NoResponseError, match="did not answer in time"):
            impatient.result()

    assert running.result() == patient.result()


def test_short_timeout_of_one_fabric_does_not_fail_another(
    server: GatedGitServer, fleet: Fleet
) -> None:
    with server.hold():
        impatient = fleet.ask(timeout=0.5)
        fleet.wait_until_asked(1)
        patient = fleet.ask()
        fleet.wait_until_asked(1)
        with pytest.raises(NoResponseError, match="did not answer in time"):
            impatient.result()

    assert patient.result()


def test_hanging_update_blocks_nobody_for_longer_than_a_timeout(
    server: GatedGitServer, fleet: Fleet
) -> None:
    with server.hold(questions=1):
        hanging = fleet.ask()
        server.wait_for_questions(1)
        fleet.set_age_of_updates(-60)  # newer than any timeout, however slow the machine is
        with pytest.raises(NoResponseError, match="did not answer in time"):
            fleet.ask(timeout=0.5).result()
        fleet.set_age_of_updates(60)
        assert fleet.ask().result()

    assert hanging.result()


def test_credentials_do_not_share_an_update(server: GatedGitServer, fleet: Fleet) -> None:
    fleet.repository = server.create_repository(f"private-{uuid4().hex[:8]}", token=TOKEN)
    commit = fleet.repository.commit({"a.yaml": "a: 1\n"})
    folders = {name: fleet.settings.credentials_dir / name for name in ("one", "two", "revoked")}
    for name, folder in folders.items():
        folder.mkdir(parents=True)
        (folder / "git-token").write_text("old-token" if name == "revoked" else TOKEN)
        (folder / "git-url").write_text(server.url)

    with server.hold():
        one, two = fleet.ask(credential="one"), fleet.ask(credential="two")
        server.wait_for_questions(2)
        with pytest.raises(PermanentError, match="refused the credential revoked"):
            fleet.ask(credential="revoked").result()
    assert one.result() == two.result() == commit

    (folders["one"] / "git-token").write_text("old-token")
    with pytest.raises(PermanentError, match="refused the credential one"):
        fleet.ask(credential="one").result()


def test_one_fetch_serves_all_fabrics_of_a_new_or_lost_mirror(
    server: GatedGitServer, repository: GitRepository, settings: Settings
) -> None:
    server.fetched.clear()
    vpc = "apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPC\nmetadata: {{name: {}}}\nspec: {{}}\n"
    names = [f"fabric-{number}" for number in range(40)]
    repository.commit({f"{name}/vpc.yaml": vpc.format(name) for name in names})
    states = DesiredStateCache()

    def read(name: str) -> list[str]:
        source = GitSource(
            repository=repository.url, branch="main", directory=name, credential="lab"
        )
        return [key.name for key in states.read(source, settings).state.resources]

    with ThreadPoolExecutor(len(names)) as threads:
        assert list(threads.map(read, names[:20])) == [[name] for name in names[:20]]
        assert len(server.fetched) == 1

        shutil.rmtree(settings.cache_dir / "git")
        assert list(threads.map(read, names[20:])) == [[name] for name in names[20:]]
    assert len(server.fetched) == 2
