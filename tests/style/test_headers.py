# SPDX-License-Identifier: Apache-2.0
"""The public headers: each stands alone, every prototype is documented and exported."""
import re
import subprocess
import sys

import house
import pytest

sys.path.insert(0, str(house.ROOT / "tests" / "abi"))
import symbols  # noqa: E402  (found through the line above)

HEADERS = house.files(".h", under=["include"])
DIALECTS = [("gcc", "c", "c99"), ("gcc", "c", "c11"), ("g++", "c++", "c++98"),
            ("g++", "c++", "c++17"), ("clang", "c", "c11")]


@pytest.mark.parametrize("compiler, language, standard", DIALECTS)
def test_compiles_alone(compiler, language, standard):
    house.tool(compiler)
    found = []
    for header in HEADERS:
        run = subprocess.run(
            [compiler, "-x", language, f"-std={standard}", "-fsyntax-only", "-Wall", "-Wextra",
             "-Wpedantic", "-Werror", "-Wno-pragma-once-outside-header", f"-I{house.ROOT}/include",
             "-include", str(header), "/dev/null"],
            check=False, capture_output=True, text=True)
        if run.returncode != 0:
            found.append(f"{house.name(header)}: {run.stderr}")
    house.none(found)


def test_one_header_includes_all():
    text = (house.ROOT / "include" / "amp" / "amp.h").read_text(encoding="ascii")
    assert sorted(re.findall(r"#include <amp/(\w+\.h)>", text)) == sorted(
        path.name for path in HEADERS if path.name != "amp.h")


def test_ascii():
    house.none([house.name(path) for path in HEADERS
                if not path.read_text(encoding="utf-8").isascii()])


def test_no_foreign_types():
    """Only fixed-width integers, float, double, char and our own types cross the border."""
    pattern = re.compile(r"\b(dnnl\w*|json_t|FILE|bool|_Bool|long|short|wchar_t|pthread_\w+)\b")
    found = []
    for path in HEADERS:
        for number, line in enumerate(house.code(path).splitlines(), 1):
            include = re.match(r"\s*#\s*include\s+(\S+)", line)
            if include and not re.match(r"<(amp/\w+|stddef|stdint)\.h>", include.group(1)):
                found.append(f"{house.name(path)}:{number}: {line.strip()}")
            elif not line.startswith("#") and pattern.search(line):
                found.append(f"{house.name(path)}:{number}: {line.strip()}")
    house.none(found)


def comment_before(text, position):
    """The comment that ends right before `position`, or an empty text."""
    head = text[:position].rstrip()
    if not head.endswith("*/"):
        return ""
    return head[head.rindex("/*"):]


def documented():
    """(place, prototype, its comment) of every exported function."""
    for path in HEADERS:
        text = path.read_text(encoding="ascii")
        for match in re.finditer(r"^AMP_API\b([^;{]*);", text, flags=re.M):
            place = f"{house.name(path)}:{text.count(chr(10), 0, match.start()) + 1}"
            yield place, " ".join(match.group(1).split()), comment_before(text, match.start())


def test_every_prototype_is_documented():
    house.none([f"{place}: {prototype}" for place, prototype, comment in documented()
                if not comment.startswith("/**") or len(comment) < 20])


def test_every_failure_is_documented():
    """A call that can fail lists how (@retval), and says so to the compiler."""
    found = []
    for place, prototype, comment in documented():
        if re.match(r"(AMP_MUST_USE )?amp_status amp_", prototype):
            if "AMP_MUST_USE" not in prototype and not re.search(r"amp_status amp_status", prototype):
                found.append(f"{place}: without AMP_MUST_USE")
            if "@retval" not in comment:
                found.append(f"{place}: no @retval")
    house.none(found)


def test_every_struct_member_is_documented():
    found = []
    for path in HEADERS:
        text = path.read_text(encoding="ascii")
        for struct in re.finditer(r"^typedef struct \w+ \{\n(.*?)^\}", text, flags=re.M | re.S):
            first = text.count("\n", 0, struct.start(1)) + 1
            for offset, line in enumerate(struct.group(1).splitlines()):
                if line.rstrip().endswith(";") and not line.strip().startswith("size_t struct_size"):
                    found.append(f"{house.name(path)}:{first + offset}: {line.strip()}")
    house.none(found)


def test_exports_are_listed():
    """lib/libamp.map and tests/abi/symbols.txt name exactly the functions of the headers."""
    names = symbols.exported()
    assert names == sorted(set(names)), "declared twice"
    assert symbols.listed(symbols.MAP) == names, "run tests/abi/symbols.py --write"
    assert symbols.listed(symbols.LIST) == names, "run tests/abi/symbols.py --write"
