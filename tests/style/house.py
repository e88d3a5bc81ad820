# SPDX-License-Identifier: Apache-2.0
"""What the style tests share: which files there are, which functions they hold, their C without
comments and strings."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ["core", "image", "data", "graph", "format", "exec", "eval", "anchor", "score", "train"]
FOLDERS = ["include", "lib", "src", "tests", "examples", "bench", "bindings", "scripts", "cmake",
           "pkgconfig", ".ci"]


def files(*suffixes, under=FOLDERS):
    """Files with one of the suffixes below the folders, sorted."""
    found = []
    for folder in under:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in suffixes and "__pycache__" not in path.parts:
                found.append(path)
    return sorted(found)


def scripts():
    """Executable text without a suffix."""
    return files("", under=["scripts", ".ci", "tests/support"])


def build_files():
    """CMake's files and what it fills in."""
    found = [path for path in files(".txt") if path.name == "CMakeLists.txt"]
    return [ROOT / "CMakeLists.txt"] + found + files(".cmake", ".in", ".map")


def name(path):
    """The path as the repository says it."""
    return str(path.relative_to(ROOT))


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def code(path):
    """C text with comments, strings and characters blanked; line numbers are kept."""
    pattern = r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"

    def blank(match):
        return "\n" * match.group().count("\n") if match.group()[0] == "/" else '""'

    return re.sub(pattern, blank, path.read_text(encoding="utf-8"), flags=re.S)


def tool(command):
    """The command, or a skip (a failure with AMP_REQUIRE_ALL=1) when it is not installed."""
    if shutil.which(command) is None:
        if os.environ.get("AMP_REQUIRE_ALL") == "1":
            pytest.fail(f"{command} is not installed")
        pytest.skip(f"{command} is not installed")
    return command


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def functions(paths):
    """A dict a C function, with name, path, line, lines and signature (from ctags)."""
    found = []
    if not paths:
        return found
    rows = output(tool("ctags"), "--output-format=json", "--languages=C,C++", "--kinds-C=f",
                  "--kinds-C++=f", "--langmap=C:.c.h", "--fields=+neS", "-f", "-",
                  *map(str, paths))
    for row in map(json.loads, rows.splitlines()):
        if "end" in row:
            found.append({"name": row["name"], "path": pathlib.Path(row["path"]),
                          "line": row["line"], "lines": row["end"] - row["line"] + 1,
                          "signature": row.get("signature", "()")})
    return found + [check for path in paths for check in checks(path)]


def checks(path):
    """Check's START_TEST .. END_TEST blocks, which ctags does not see."""
    start = None
    for number, line in enumerate(lines(path), 1):
        match = re.match(r"START_TEST\((\w+)\)", line)
        if match:
            start = (match.group(1), number)
        elif line.startswith("END_TEST") and start:
            yield {"name": start[0], "path": path, "line": start[1],
                   "lines": number - start[1] + 1, "signature": "()"}
            start = None


def parameters(signature):
    """How many parameters a C signature lists, function pointers counted once, the error record
    that ends most lists not at all."""
    inner = signature.strip()[1:-1].strip()
    if inner in ("", "void"):
        return 0
    depth = 0
    count = 0 if re.search(r"amp_error \*\s*error$", inner) else 1
    for letter in inner:
        depth += (letter == "(") - (letter == ")")
        count += letter == "," and depth == 0
    return count


def none(found):
    """Fails with one line a finding."""
    assert not found, f"{len(found)} found:\n" + "\n".join(found)


def build():
    """The build folder under test."""
    folder = os.environ.get("AMP_BUILD", "")
    if not folder:
        pytest.skip("AMP_BUILD names no build folder")
    return pathlib.Path(folder)
