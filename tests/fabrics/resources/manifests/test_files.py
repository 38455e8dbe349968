"""Manifest files: read as Kubernetes reads them, with a problem for each mistake."""

import tracemalloc
from collections.abc import Set

import pytest

from fabrics.resources.kinds import (
    ALL_COMPARED_KINDS,
    GATEWAY_GROUP,
    Kind,
    find_kinds_in_group,
    get_kind,
    get_kinds,
)
from fabrics.resources.manifests.files import (
    ParsedFile,
    _guess_kinds,
    build_desired_state,
    parse_manifests,
    select_manifest_paths,
    unreadable_file,
)
from fabrics.resources.resource import ResourceKey
from tests.support.fabrics.objects import manifest

VPC = get_kind("VPC")


def parse(text: str, path: str = "vpcs.yaml") -> ParsedFile:
    return parse_manifests(path, text.encode())


def test_documents_and_list_items_become_resources_with_lines() -> None:
    file = parse(
        "# a comment\n---\n"
        + manifest("VPC", "vpc-1", "{mode: l3vni}", labels="{team: blue}")
        + "---\n---\n"
        + "apiVersion: v1\nkind: List\nitems:\n"
        + "- {apiVersion: vpc.githedgehog.com/v1beta1, kind: VPC, metadata: {name: vpc-2}}\n"
        + "- {apiVersion: v1, kind: ConfigMap, metadata: {name: other}}\n"
        + "- {apiVersion: wiring.githedgehog.com/v1beta1, kind: Server, metadata: {name: s}}\n"
        + "---\n"
        + "apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPCList\nitems:\n"
        + "- {metadata: {name: vpc-3, namespace: default}, spec: {}}\n"
    )
    assert file.problems == ()
    assert [(item.kind.name, item.name, str(item.source)) for item in file.resources] == [
        ("VPC", "vpc-1", "vpcs.yaml:3"),
        ("VPC", "vpc-2", "vpcs.yaml:14"),
        ("Server", "s", "vpcs.yaml:16"),
        ("VPC", "vpc-3", "vpcs.yaml:21"),
    ]
    first = file.resources[0]
    assert (first.namespace, first.spec, first.labels) == (
        "default",
        {"mode": "l3vni"},
        {"team": "blue"},
    )


def test_values_are_read_as_kubernetes_reads_them() -> None:
    (resource,) = parse(
        manifest(
            "VPC",
            "v",
            "{community: 65000:10, mac: 10:20:30:40:50:55, day: 2026-01-02, is: =, hex: 0x1F, "
            "octal: 010, big: 1_000, float: 1.5, whole: 2.0, exp: 1e3, flag: off, tilde: ~, "
            "quoted: '1', 1: one, y: yes, text: 0b, version: 1.2.3, merge: {<<: {a: 1}, b: 2}}",
        )
    ).resources
    assert resource.spec == {
        "community": "65000:10",
        "mac": "10:20:30:40:50:55",
        "day": "2026-01-02",
        "is": "=",
        "hex": 31,
        "octal": 8,
        "big": 1000,
        "float": 1.5,
        "whole": 2,
        "exp": 1000,
        "flag": False,
        "true": True,
        "tilde": None,
        "quoted": "1",
        "1": "one",
        "text": "0b",
        "version": "1.2.3",
        "merge": {"a": 1, "b": 2},
    }
    assert isinstance(resource.spec["whole"], int)


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\ndata: {a: 1, a: 2}\n",
        "apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: .inf}\n",
        "apiVersion: wiring.githedgehog.com/v1beta1\nkind: SwitchProfile\nmetadata: {name: x}\n",
        "apiVersion: fabricator.githedgehog.com/v1beta1\nkind: Fabricator\n",
        "- just\n- a list\n",
        "replicas: 3\nimage: {tag: latest}\n",
        "just text\n",
        "# only a comment\n",
        "",
    ],
)
def test_other_kinds_and_files_are_ignored(text: str) -> None:
    assert parse(text) == ParsedFile("vpcs.yaml")


HEAD = "apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPC\n"

REFUSED: dict[str, tuple[str, int, str, Set[Kind]]] = {
    "no name": (HEAD + "spec: {}\n", 1, "without metadata.name", {VPC}),
    "an empty name": (HEAD + "metadata: {name: ''}\n", 1, "without metadata.name", {VPC}),
    "a number as name": (HEAD + "metadata: {name: 7}\n", 1, "quote it", {VPC}),
    "an invalid Kubernetes name": (HEAD + "metadata: {name: Foo_bar}\n", 1, "'Foo_bar'", {VPC}),
    "an invalid Kubernetes namespace": (
        HEAD + "metadata: {name: a, namespace: ../b}\n",
        1,
        "metadata.namespace",
        {VPC},
    ),
    "metadata that is a list": (HEAD + "metadata: [name]\n", 1, "not a mapping", {VPC}),
    "a spec that is text": (HEAD + "metadata: {name: a}\nspec: x\n", 1, "spec of VPC a", {VPC}),
    "a label that is a bool": (
        HEAD + "metadata: {name: a, labels: {blue: yes}}\n",
        1,
        "'blue' is not text; quote it",
        {VPC},
    ),
    "a version that is not served": (
        "apiVersion: vpc.githedgehog.com/v1alpha2\nkind: VPC\nmetadata: {name: a}\n",
        1,
        "served as vpc.githedgehog.com/v1beta1",
        {VPC},
    ),
    "a known kind in another group": (
        "apiVersion: gateway.githedgehog.com/v1alpha1\nkind: VPC\nmetadata: {name: a}\n",
        1,
        "'VPC'",
        find_kinds_in_group(GATEWAY_GROUP),
    ),
    "a kind that is no name": (
        "apiVersion: gateway.githedgehog.com/v1alpha1\nkind: Gate way\nmetadata: {name: a}\n",
        1,
        "'Gate way'",
        find_kinds_in_group(GATEWAY_GROUP),
    ),
    "an unknown kind without a name": (
        "apiVersion: gateway.githedgehog.com/v1\nkind: Gizmo\nmetadata: {}\n",
        1,
        "Gizmo without metadata.name",
        {Kind(GATEWAY_GROUP, "Gizmo", version="", plural="")},
    ),
    "an unknown Hedgehog group": (
        "apiVersion: new.githedgehog.com/v1\nkind: Thing\nmetadata: {name: a}\n",
        1,
        "'Thing'",
        ALL_COMPARED_KINDS,
    ),
    "no apiVersion": ("kind: VPC\nmetadata: {name: a}\n", 1, "without apiVersion", {VPC}),
    "no kind": (
        "apiVersion: wiring.githedgehog.com/v1beta1\nmetadata: {name: a}\n",
        1,
        "without kind",
        find_kinds_in_group("wiring.githedgehog.com"),
    ),
    "neither apiVersion nor kind": (
        "metadata: {name: a}\nspec: {}\n",
        1,
        "without apiVersion and kind",
        ALL_COMPARED_KINDS,
    ),
    "a key that appears twice": (
        HEAD + "metadata: {name: a}\nspec:\n  mode: a\n  mode: b\n",
        6,
        "'mode' appears twice",
        {VPC},
    ),
    "an unknown field that appears twice": (
        HEAD + "metadata: {name: a}\nspec:\n  gizmo:\n    pin: 1\n    pin: 1\n",
        7,
        "'pin' appears twice",
        {VPC},
    ),
    "a field of an unknown kind that appears twice": (
        HEAD.replace("VPC", "Gizmo") + "metadata: {name: a}\nspec:\n  pin: 1\n  pin: 2\n",
        6,
        "'pin' appears twice",
        {Kind(VPC.group, "Gizmo", "", "")},
    ),
    "a kind that appears twice": (
        HEAD + "kind: Server\nmetadata: {name: a}\n",
        3,
        "'kind' appears twice",
        find_kinds_in_group(VPC.group),
    ),
    "a list of items that appears twice": (
        "apiVersion: v1\nkind: List\nitems: []\nitems: []\n",
        4,
        "'items' appears twice",
        ALL_COMPARED_KINDS,
    ),
    "a value that JSON cannot represent": (
        HEAD + "metadata: {name: a}\nspec: {x: .nan}\n",
        4,
        ".nan",
        {VPC},
    ),
    "a mapping as key": (
        HEAD + "metadata: {name: a}\nspec: {[x]: 1}\n",
        4,
        "cannot be a key",
        {VPC},
    ),
    "an unknown tag": (HEAD + "metadata: {name: a}\nspec: {x: !secret y}\n", 4, "!secret", {VPC}),
    "an empty key": (HEAD + "metadata: {name: a}\nspec: {~: y}\n", 4, "a key is empty", {VPC}),
    "a merge of text": (HEAD + "metadata: {name: a}\nspec: {<<: y}\n", 4, "'<<' needs", {VPC}),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_each_mistake_is_a_problem_with_line_and_kinds(mistake: str) -> None:
    text, line, fragment, incomplete_kinds = REFUSED[mistake]
    file = parse(text)
    (problem,) = file.problems
    assert (problem.path, problem.line) == ("vpcs.yaml", line)
    assert fragment in problem.sentence
    assert str(problem).startswith(f"vpcs.yaml:{line}: ")
    assert file.incomplete_kinds == incomplete_kinds
    assert file.resources == ()


def test_unknown_kind_in_a_group_that_people_write_to_is_read() -> None:
    gizmo = "apiVersion: vpc.githedgehog.com/v9\nkind: Gizmo\nmetadata: {name: a}\nspec: {x: 1}\n"
    file = parse(gizmo + "---\n" + manifest("VPC", "a"))
    assert (file.problems, file.incomplete_kinds) == ((), frozenset())

    state = build_desired_state([file])

    ((kind, (resource,)),) = state.unknown_kinds.items()
    assert (kind.group, kind.name, kind.version, kind.plural, kind.is_known) == (
        "vpc.githedgehog.com",
        "Gizmo",
        "",
        "",
        False,
    )
    assert (str(resource.key), resource.spec) == ("Gizmo/default/a", {"x": 1})
    assert [str(key) for key in state.resources] == ["VPC/default/a"]


@pytest.mark.parametrize(
    ("group", "kind"),
    [
        ("wiring.githedgehog.com", "SwitchProfile"),
        ("wiring.githedgehog.com", "ServerProfile"),
        ("gateway.githedgehog.com", "VPCInfo"),
        ("agent.githedgehog.com", "Catalog"),
        ("fcint.githedgehog.com", "FabricController"),
        ("apps", "Gizmo"),
    ],
)
def test_kinds_that_nobody_writes_are_never_read(group: str, kind: str) -> None:
    file = parse(f"apiVersion: {group}/v1\nkind: {kind}\nmetadata: {{name: a}}\n")
    assert (file.resources, file.problems) == ((), ())


def test_mistake_leaves_other_documents_readable() -> None:
    file = parse(manifest("VPC", "a") + "---\n" + HEAD + "---\n" + manifest("Server", "b"))
    assert [resource.name for resource in file.resources] == ["a", "b"]
    assert [problem.line for problem in file.problems] == [7]
    assert file.incomplete_kinds == {VPC}


def test_kinds_in_broken_yaml_are_incomplete() -> None:
    file = parse(manifest("VPC", "a") + "---\n" + manifest("VPCPeering", "b", "{permit: ["))
    assert [resource.name for resource in file.resources] == ["a"]
    assert file.incomplete_kinds == get_kinds(["VPC", "VPCPeering"])
    assert len(file.problems) == 1


@pytest.mark.parametrize(
    "text",
    [
        "}",
        "apiVersion: vpc.githedgehog.com/v1beta1\nki: [",
        HEAD + "---\nkind: Foo\nspec: [",
        HEAD + "---\napiVersion: vpc.githedgehog.com/v1beta1\nki: [",
    ],
)
def test_all_kinds_are_incomplete_when_broken_yaml_hides_them(text: str) -> None:
    assert parse(text).incomplete_kinds == ALL_COMPARED_KINDS


def test_unreadable_file_makes_all_kinds_incomplete() -> None:
    file = unreadable_file("big.yaml", "larger than 16384 KiB; split it.")
    assert (file.incomplete_kinds, file.resources) == (ALL_COMPARED_KINDS, ())
    assert str(file.problems[0]) == "big.yaml:1: larger than 16384 KiB; split it."


def test_object_in_two_files_is_taken_from_neither() -> None:
    state = build_desired_state(
        [
            parse(manifest("VPC", "b") + "---\n" + manifest("VPC", "a"), "y.yaml"),
            parse(manifest("VPC", "b", namespace="default"), "x.yaml"),
        ]
    )
    key = ResourceKey(VPC, "default", "b")
    assert state.duplicate_keys == {key}
    assert [key.name for key in state.resources] == ["a"]
    assert list(map(str, state.problems)) == [
        "y.yaml:1: VPC/default/b is also defined in x.yaml:1; keep one of them."
    ]
    assert state.incomplete_kinds == frozenset()


def test_problems_of_all_files_are_sorted() -> None:
    state = build_desired_state([parse("[", "b.yaml"), parse(HEAD, "a.yaml")])
    assert [problem.path for problem in state.problems] == ["a.yaml", "b.yaml"]
    assert state.incomplete_kinds == ALL_COMPARED_KINDS


def test_problems_per_file_are_limited() -> None:
    file = parse("---\n".join([HEAD] * 200))
    assert len(file.problems) == 50
    assert file.incomplete_kinds == {VPC}


def test_problems_of_all_files_are_limited() -> None:
    files = [parse("---\n".join([HEAD] * 50), f"{number:02}.yaml") for number in range(30)]
    twice = parse("---\n".join([manifest("VPC", "a")] * 5_000), "00.yaml")
    assert len(build_desired_state(files).problems) == 1_000
    assert len(build_desired_state([twice]).problems) == 1_000
    first = build_desired_state([*files, twice]).problems[0]
    assert (first.path, first.line) == ("00.yaml", 1)


def test_long_path_is_shortened_in_problems_and_sources() -> None:
    path = "p" * 5_000 + ".yaml"
    file = parse("---\n".join([manifest("VPC", "a"), manifest("VPC", "a"), HEAD]), path)
    state = build_desired_state([file, unreadable_file(path, "too large; split it.")])
    assert len(state.problems) == 3
    assert max(len(str(problem)) for problem in state.problems) < 1_200
    assert all(len(str(resource.source)) < 600 for resource in file.resources)


def test_kinds_in_a_broken_file_are_found_one_by_one() -> None:
    data = b"apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPC\n" * 100_000
    tracemalloc.start()
    assert _guess_kinds(data) == {VPC}
    assert _guess_kinds(data + b"kind: Gizmo") == ALL_COMPARED_KINDS
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < len(data) + 100_000  # the sum of both, and no list of names


def test_deep_folders_are_not_taken_for_those_of_an_intake() -> None:
    deep = "managed/" * 4_000
    paths = [f"{deep}raw/x.yaml", f"{deep}managed/x.yaml", "raw/x.yaml", "managed/x.yaml"]
    tracemalloc.start()
    selected = select_manifest_paths(paths)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert set(selected) == {*paths} - {"raw/x.yaml"}
    assert peak < 10_000_000


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["b.yml", "a/b/c.yaml", "a.yaml"], ["a.yaml", "a/b/c.yaml", "b.yml"]),
        (["a.yaml.archived", "README.md", "a.json", "yaml", "a.YAML"], []),
        ([".github/x.yaml", "a/.hnp/manifest.yaml", "unmanaged/x.yaml", "a/unmanaged/b/x.yml"], []),
        (["raw/x.yaml"], ["raw/x.yaml"]),
        (["raw/x.yaml", "managed/vpcs/x.yaml"], ["managed/vpcs/x.yaml"]),
        (["a/raw/x.yaml", "a/managed/.gitkeep"], []),
        (["raw/x.yaml", "a/managed/x.yaml"], ["a/managed/x.yaml", "raw/x.yaml"]),
        (
            ["managed.yaml", "raw/managed.yaml", "raw.yaml"],
            ["managed.yaml", "raw.yaml", "raw/managed.yaml"],
        ),
    ],
)
def test_manifest_paths_follow_directory_conventions(paths: list[str], expected: list[str]) -> None:
    assert list(select_manifest_paths(paths)) == expected


def test_values_of_a_file_are_counted_with_those_that_aliases_repeat() -> None:
    assert parse("[1, [2, 3], {a: 4}]").values == 6
    assert parse("a: &x [1, 2]\nb: *x\n---\n[5]\n").values == 7
    assert parse("[1, 2]\n---\n[").values == 2
