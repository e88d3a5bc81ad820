# SPDX-License-Identifier: Apache-2.0
"""The exported names of libamp: include/amp/*.h says what they are, two files repeat it.

    symbols.py --write   writes lib/libamp.map and tests/abi/symbols.txt from the headers
    symbols.py --check   fails when they differ from the headers (tests/style calls this)
"""
import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAP = ROOT / "lib" / "libamp.map"
LIST = ROOT / "tests" / "abi" / "symbols.txt"
# One node a minor release, append only: a symbol stays in the node that first had it.
NODE = "AMP_0.1"


def strip_comments(text):
    """C text without comments; line numbers are kept."""
    return re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)


def prototypes(header):
    """(name, text, line) of each AMP_API prototype of a header."""
    text = strip_comments(header.read_text(encoding="ascii"))
    for match in re.finditer(r"^AMP_API\b([^;{]*);", text, flags=re.M):
        declaration = " ".join(match.group(1).split()).replace("AMP_MUST_USE ", "")
        name = re.search(r"\b(amp_\w+) ?\(", declaration)
        if name is None:
            raise SystemExit(f"{header}: AMP_API without a function: {declaration}")
        yield name.group(1), declaration, text.count("\n", 0, match.start()) + 1


def exported():
    """All names, sorted."""
    names = []
    for header in sorted((ROOT / "include" / "amp").glob("*.h")):
        names += [name for name, _, _ in prototypes(header)]
    return sorted(names)


def map_text(names):
    body = "".join(f"        {name};\n" for name in names)
    return (
        "/* SPDX-License-Identifier: Apache-2.0 */\n"
        "/* The symbols of libamp by release, written by tests/abi/symbols.py from include/amp. */\n"
        f"{NODE} {{\n    global:\n{body}    local:\n        *;\n}};\n"
    )


def list_text(names):
    return "# SPDX-License-Identifier: Apache-2.0\n" + "".join(f"{name}\n" for name in names)


def listed(path):
    """Names in the map or the list."""
    text = strip_comments(path.read_text(encoding="ascii"))
    return sorted(re.findall(r"^\s*(amp_\w+);?\s*$", text, flags=re.M))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true")
    mode.add_argument("--check", action="store_true")
    write = parser.parse_args().write
    names = exported()
    if write:
        MAP.write_text(map_text(names), encoding="ascii")
        LIST.write_text(list_text(names), encoding="ascii")
        return 0
    wrong = [path for path in (MAP, LIST) if listed(path) != names]
    for path in wrong:
        print(f"{path.relative_to(ROOT)} differs from include/amp by "
              f"{sorted(set(listed(path)) ^ set(names))}: run tests/abi/symbols.py --write")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
