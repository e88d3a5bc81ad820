# SPDX-License-Identifier: Apache-2.0
"""Files, functions, headers and parameter lists stay small."""
import ast
import statistics

import house

MOST_LINES = 600
MOST_FUNCTION = 60
MOST_COMPLEXITY = 12
MOST_PARAMETERS = 6
MOST_PRIVATE_HEADER = 120
MOST_PUBLIC_HEADER = 250
MOST_MEDIAN = 12
MOST_P90 = 35
C_FOLDERS = ["lib", "src", "tests", "examples", "bench"]


def too_long(paths, most):
    sizes = ((path, len(house.lines(path))) for path in paths)
    return [f"{house.name(path)}: {count} lines, {most} allowed" for path, count in sizes
            if count > most]


def test_files():
    house.none(too_long(house.files(".c", ".h", ".cc", ".cpp", ".py") + house.scripts()
                        + house.build_files(), MOST_LINES))


def test_private_headers():
    house.none(too_long(house.files(".h", under=["lib"]), MOST_PRIVATE_HEADER))


def test_public_headers():
    house.none(too_long(house.files(".h", under=["include"]), MOST_PUBLIC_HEADER))


def test_functions():
    house.none([f"{house.name(f['path'])}:{f['line']}: {f['name']} has {f['lines']} lines"
                for f in house.functions(house.files(".c", ".h", ".cc", ".cpp", under=C_FOLDERS))
                if f["lines"] > MOST_FUNCTION])


def test_python_functions():
    found = []
    for path in house.files(".py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                count = (node.end_lineno or node.lineno) - node.lineno + 1
                if count > MOST_FUNCTION:
                    found.append(f"{house.name(path)}:{node.lineno}: {node.name} has {count} lines")
    house.none(found)


def test_complexity():
    """McCabe's number, a switch counting once whatever its cases."""
    found = []
    paths = house.files(".c", under=["lib", "src", "examples", "bench"])
    for row in house.output(house.tool("pmccabe"), *map(str, paths)).splitlines():
        numbers, place, function = row.rsplit("\t", 1)[0], *row.rsplit("\t", 1)[1].split(": ")
        value = int(numbers.split()[0])
        if value > MOST_COMPLEXITY:
            found.append(f"{place.replace(str(house.ROOT) + '/', '')}: {function} has {value}")
    house.none(found)


def test_parameters():
    """Inside lib; the public calls may have more, and the error record is not counted."""
    house.none([f"{house.name(f['path'])}:{f['line']}: {f['name']} has "
                f"{house.parameters(f['signature'])} parameters"
                for f in house.functions(house.files(".c", ".h", under=["lib"]))
                if not f["name"].startswith("amp_")
                and house.parameters(f["signature"]) > MOST_PARAMETERS])


def test_typical_function(capsys):
    """Half and nine tenths of the functions of the library and the program."""
    sizes = sorted(f["lines"] for f in house.functions(house.files(".c", under=["lib", "src"])))
    median = statistics.median(sizes)
    p90 = sizes[(len(sizes) * 9) // 10]
    with capsys.disabled():
        print(f"\n{len(sizes)} functions: median {median} lines, p90 {p90}, longest {sizes[-1]}")
    assert median <= MOST_MEDIAN
    assert p90 <= MOST_P90
