"""Count zombies after fetches that time out, as the first process of a container.

Called as `python -m tests.support.git.hung_fetches FOLDER URL SECONDS`. Prints what each fetch ended with, and the
names of the zombies.
"""

import ctypes
import json
import sys
from pathlib import Path
from typing import Final

import psutil

from activities.connections import Deadline
from activities.errors import NoResponseError
from activities.git.mirror import GitMirror
from fabrics.record.config import GitSource
from settings import Settings

PR_SET_CHILD_SUBREAPER: Final = 36
FETCHES: Final = 3


def main(folder: Path, url: str, seconds: float) -> None:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # orphans come here, as they do to process 1
    settings = Settings(credentials_dir=folder, cache_dir=folder / "cache", git_allow_local=True)
    source = GitSource(repository=url, branch="main", directory="/", credential="none")
    errors = []
    for _ in range(FETCHES):
        try:
            GitMirror(source, settings).fetch(Deadline.after(seconds))
        except NoResponseError as error:
            errors.append(str(error))
    children = psutil.Process().children(recursive=True)
    print(json.dumps({"errors": errors, "children": [child.name() for child in children]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
