"""Names of labels and annotations, which an API may choose anew at each sync."""

from fabrics.resources.normalize import MAX_CACHED_NAMES, _is_user_entry
from tests.support.fabrics.objects import live


def test_entries_of_people_count_and_those_of_tools_do_not() -> None:
    names = {"owner": "a", "kubectl.kubernetes.io/last-applied-configuration": "b"}
    plain = live("Server", "a", annotations={"owner": "a"})
    assert live("Server", "a", annotations=dict(names)).digest == plain.digest
    assert live("Server", "a").digest != plain.digest


def test_names_are_remembered_up_to_a_limit() -> None:
    names = {f"note-{number}": "x" for number in range(MAX_CACHED_NAMES + 1_000)}
    live("Server", "a", annotations=dict(names))
    live("Server", "a", annotations={"n" * 1_000_000: "x"})
    info = _is_user_entry.cache_info()
    assert info.maxsize == MAX_CACHED_NAMES
    assert info.currsize <= MAX_CACHED_NAMES
