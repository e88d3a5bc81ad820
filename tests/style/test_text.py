# SPDX-License-Identifier: Apache-2.0
"""The text of the sources: licence, purpose, banned calls, layout."""
import re
import subprocess

import house
import pytest

LICENCE = "SPDX-License-Identifier: Apache-2.0"
CLANG_FORMAT = 14  # other versions lay out some lines otherwise

# The library does not print, end the process, touch its locale, signals or environment, or take
# memory behind the context's back.
BANNED_IN_LIB = """exit _exit _Exit quick_exit abort atexit printf vprintf puts putchar perror
    stdout stderr stdin rand srand random srandom drand48 setlocale uselocale signal sigaction
    getenv setenv putenv system popen fork alloca malloc calloc realloc strdup strndup sscanf scanf
    strtod strtof atof fesetround feenableexcept time localtime gmtime
    setjmp sigsetjmp longjmp siglongjmp"""
BANNED = """strcpy strcat stpcpy sprintf vsprintf strtok gets tmpnam tempnam mktemp atoi atol atoll
    strncpy strncat wcscpy asprintf"""
ALLOWED = {  # (file, name): the one place for it; libjpeg and libpng leave by longjmp
    ("lib/image/escape.c", "setjmp"),
    ("lib/image/escape.c", "longjmp"),
    ("lib/core/alloc.c", "malloc"),
    ("lib/core/alloc.c", "calloc"),
}


def text_files():
    """Everything written by hand but the pages."""
    return (house.files(".c", ".h", ".cc", ".cpp", ".py", ".sh") + house.scripts()
            + house.build_files())


def words(text):
    return re.compile(r"\b(?<![.>])(" + "|".join(text.split()) + r")\b")


def test_licence_first():
    found = []
    for path in text_files():
        head = house.lines(path)[:2]
        first = head[1:] if head and head[0].startswith("#!") else head[:1]
        if not first or LICENCE not in first[0]:
            found.append(house.name(path))
    house.none(found)


def test_purpose_second():
    """C files say what they do and where they stand before anything else."""
    found = []
    for path in house.files(".c", ".h", ".cc", ".cpp"):
        head = house.lines(path)[1:2]
        if not head or not head[0].startswith(("/*", "//")):
            found.append(house.name(path))
    house.none(found)


def banned(paths, names):
    pattern = words(names)
    found = []
    for path in paths:
        for number, line in enumerate(house.code(path).splitlines(), 1):
            if line.lstrip().startswith("#") or "__attribute__((format(" in line:
                continue
            for match in pattern.finditer(line):
                if (house.name(path), match.group(1)) not in ALLOWED:
                    found.append(f"{house.name(path)}:{number}: {match.group(1)}")
    return found


def test_banned_in_library():
    house.none(banned(house.files(".c", ".h", under=["lib"]), BANNED_IN_LIB + " " + BANNED))


def test_banned_everywhere():
    house.none(banned(house.files(".c", ".h", ".cc", ".cpp",
                                  under=["src", "examples", "bench"]), BANNED))


def test_nothing_unfinished():
    """No notes to self, no folders of the machine that wrote it."""
    pattern = re.compile(r"\bTODO\b|\bFIXME\b|\bXXX\b|(?<![\w.])/(?:work|root|home)/")
    found = []
    for path in text_files() + sorted(house.ROOT.glob("*.md")) + house.files(".md", under=["docs"]):
        if path == house.ROOT / "tests" / "style" / "test_text.py":
            continue
        for number, line in enumerate(house.lines(path), 1):
            if pattern.search(line):
                found.append(f"{house.name(path)}:{number}: {line.strip()[:80]}")
    house.none(found)


def test_whitespace():
    found = []
    for path in text_files():
        for number, line in enumerate(house.lines(path), 1):
            if line != line.rstrip() or "\t" in line:
                found.append(f"{house.name(path)}:{number}")
    house.none(found)


def test_clang_format():
    command = house.tool("clang-format")
    version = re.search(r"version (\d+)", house.output(command, "--version"))
    if not version or int(version.group(1)) != CLANG_FORMAT:
        pytest.skip(f"clang-format is not {CLANG_FORMAT}")
    paths = house.files(".c", ".h", ".cc", ".cpp")
    run = subprocess.run([command, "--dry-run", "-Werror", "--style=file", *map(str, paths)],
                         check=False, capture_output=True, text=True)
    found = re.findall(r"^(\S+?:\d+):\d+: error", run.stderr, flags=re.M)
    house.none([place.replace(str(house.ROOT) + "/", "") for place in found])
    assert run.returncode == 0, run.stderr
