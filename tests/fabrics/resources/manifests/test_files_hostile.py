"""Hostile files: each ends in one short problem, in bounded time and memory."""

import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fabrics.resources.kinds import ALL_COMPARED_KINDS, get_kind
from fabrics.resources.manifests.files import ParsedFile, parse_manifests
from tests.support.paths import PROJECT

VPC = "apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPC\nmetadata: {name: a}\n"
MAX_SECONDS = 20  # of processor time; the slowest case takes 2 on an idle machine
MEMORY = 600 * 1024 * 1024  # of address space, with the interpreter and the 100 MB file


def _levels(count: int, width: int, merge: bool = False) -> bytes:
    """Return a "billion laughs" file: each level repeats the one before it."""
    lines = ["l0: &l0 {x: y}" if merge else "l0: &l0 [x]"]
    for level in range(1, count):
        below = ", ".join([f"*l{level - 1}"] * width)
        value = f"{{<<: [{below}], k{level}: [{below}]}}" if merge else f"[{below}]"
        lines.append(f"l{level}: &l{level} {value}")
    return (VPC + "spec:\n  " + "\n  ".join(lines)).encode()


def _repeat(value: str) -> bytes:
    """Return a file in which aliases repeat one value."""
    aliases = "*a, " * 100_000
    return f"{VPC}spec:\n  a: &a {value}\n  b: [{aliases}]\n".encode()


def _repeat_object(name: str) -> bytes:
    """Return a list of objects that aliases repeat."""
    version = "vpc.githedgehog.com/v1beta1"
    item = f"{{apiVersion: {version}, kind: VPC, metadata: {{name: {name}}}}}"
    aliases = "*a, " * 50_000
    return f"apiVersion: v1\nkind: List\nitems: [&a {item}, {aliases}]\n".encode()


LONG = "9" * 1_000_000

CORPUS: dict[str, bytes] = {
    "alias bomb": _levels(12, 10),
    "merge bomb": _levels(12, 4, merge=True),
    "a long number that aliases repeat": _repeat(LONG),
    "a long key that aliases repeat": _repeat(f'{{? "{LONG}" : 1, ? "{LONG}" : 2}}'),
    "a long tag that aliases repeat": _repeat(f"!{'x' * 1_000_000} 1"),
    "a key twice that aliases repeat": _repeat("{a: 1, a: 2}"),
    "a long name that aliases repeat": _repeat_object(f'"{LONG}"'),
    "alias inside itself": b"a: &a [*a]",
    "mapping inside itself": b"&a {b: *a}",
    "merge of itself": b"&a {<<: *a}",
    "key that is itself": b"&a {*a : 1}",
    "alias to nothing": VPC.encode() + b"spec: *nothing",
    "deep flow lists": b"[" * 200_000,
    "deep flow mappings": b"{a: " * 200_000,
    "deep block lists": b"- " * 200_000,
    "deep block mappings": b"\n".join(b" " * depth + b"a:" for depth in range(2_000)),
    "deep complex keys": b"? " * 200_000,
    "50,000 documents": VPC.encode() + b"---\na: 1\n" * 50_000,
    "50,000 empty documents": b"---\n" * 50_000,
    "a million values": VPC.encode() + b"spec: {a: [" + b"1," * 1_000_000 + b"]}",
    "a hundred megabytes": b"a: " + b"x" * 100_000_000,
    "an endless string": VPC.encode() + b'spec: {a: "' + b"x" * 1_000_000,
    "an endless anchor": b"a: &" + b"x" * 1_000_000 + b" [",
    "an endless tag": b"a: !" + b"x" * 100_000 + b" 1\nkind: [",
    "an endless comment before a mistake": b"#" + b"x" * 1_000_000 + b"\n]",
    "binary": bytes(range(256)) * 100,
    "an ELF file": b"\x7fELF\x02\x01\x01\x00" + b"\x00" * 100,
    "gzip": b"\x1f\x8b\x08\x08" + bytes(range(1, 200)),
    "Latin-1": VPC.encode() + "spec: {description: Köln}".encode("latin-1"),
    "UTF-16": VPC.encode("utf-16"),
    "overlong UTF-8": b"a: \xc0\xaf",
    "surrogates in UTF-8": b"a: \xed\xa0\x80",
    "a lone surrogate as escape": VPC.encode() + b'spec: {a: "\\ud800"}',
    "an escape sequence": b"a: \x1b]0;owned\x07",
    "a byte order mark inside": VPC.encode() + b"spec: {a: \xef\xbb\xbfx}",
    "python object": VPC.encode() + b"spec: {a: !!python/object/apply:os.system ['touch owned']}",
    "python name at the top": b"!!python/name:os.system",
    "python tuple": VPC.encode() + b"spec: {a: !!python/tuple [1, 2]}",
    "an ordered map": VPC.encode() + b"spec: !!omap [a: 1]",
    "a mapping that is called text": VPC.encode() + b"spec: {a: !!str {b: c}}",
    "a list that is called text": VPC.encode() + b"spec: {a: !!str [b]}",
    "a mapping that is called text as a key": VPC.encode() + b"spec: {? !!str {b: c} : 1}",
    "text that is called a mapping": VPC.encode() + b"spec: !!map a",
    "text that is called a list": VPC.encode() + b"spec: {a: !!seq b}",
    "text that is called a mapping at the top": b"!!map a",
    "items that are called a list": b"apiVersion: v1\nkind: List\nitems: !!seq a",
    "a merge of text that is called a list": VPC.encode() + b"spec: {<<: !!seq a}",
    "a merge of text that is called a mapping": VPC.encode() + b"spec: {<<: !!map a}",
    "base64": VPC.encode() + b"spec: {a: !!binary AAAA}",
    "a number that is none": VPC.encode() + b"spec: {a: !!int x}",
    "not a number": VPC.encode() + b"spec: {a: .nan}",
    "infinity": VPC.encode() + b"spec: {a: -.inf}",
    "a number too large": VPC.encode() + b"spec: {a: 1e999}",
    "tabs for indentation": VPC.encode() + b"spec:\n\ta: 1",
    "merge conflict": VPC.encode() + b"<<<<<<< HEAD\nspec: {}\n=======\nspec: {a: 1}\n>>>>>>> x",
    "a template": VPC.encode() + b"spec: {{ .Values.spec }}",
    "another YAML": b"%YAML 3.0\n---\n" + VPC.encode(),
    "a name with a path": VPC.replace("name: a", "name: ../../etc/passwd").encode(),
    "a name with a newline": VPC.replace("name: a", 'name: "a\\nb"').encode(),
    "a name of a megabyte": VPC.replace("name: a", "name: " + "a" * 1_000_000).encode(),
    "a name that is a mapping": VPC.replace("name: a", "name: {a: b}").encode(),
}


@pytest.mark.parametrize("case", CORPUS)
def test_hostile_file_ends_in_one_problem(
    case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    started = time.process_time()
    file = parse_manifests("evil.yaml", CORPUS[case])
    assert time.process_time() - started < MAX_SECONDS
    _assert_one_clear_problem(file)
    assert list(tmp_path.iterdir()) == []


def _assert_one_clear_problem(file: ParsedFile) -> None:
    (problem,) = file.problems
    assert problem.line >= 1
    assert 10 < len(problem.sentence) < 300
    assert problem.sentence.isprintable()
    assert file.incomplete_kinds in (ALL_COMPARED_KINDS, {get_kind("VPC")})
    assert len(file.resources) <= 1


def test_hostile_files_need_little_memory() -> None:
    """Parse all in a process whose memory is limited to `MEMORY`."""
    code = (
        "from tests.fabrics.resources.manifests.test_files_hostile import CORPUS\n"
        "from fabrics.resources.manifests.files import parse_manifests\n"
        "for data in CORPUS.values(): assert parse_manifests('evil.yaml', data).problems\n"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=PROJECT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )
