# SPDX-License-Identifier: Apache-2.0
"""Who may include whom."""
import re

import house

# Which rooms a room names; it carries over.  The table of docs/architecture.md.
USES = {
    "core": [],
    "image": ["core"],
    "data": ["image"],
    "graph": ["core"],
    "format": ["graph"],
    "exec": ["graph"],
    "eval": ["core"],
    "anchor": ["data", "exec"],
    "score": ["anchor", "eval", "format"],
    "train": ["anchor", "format"],
}
OUTSIDE = {  # libraries' headers and the rooms that may see them
    r"oneapi/|dnnl": ["exec"],
    r"omp\.h": ["exec"],
    r"jpeglib|jerror|turbojpeg": ["image"],
    r"png\.h": ["image"],
    r"archive": ["data"],
    r"jansson": ["format", "score", "train"],
    r"Random123": ["core"],
    r"libdeflate": ["format"],
}


def closure(room):
    seen = {room}
    for other in USES[room]:
        seen |= closure(other)
    return seen


def includes(path):
    """(line, text, quoted) of each include."""
    for number, line in enumerate(house.lines(path), 1):
        match = re.match(r"\s*#\s*include\s*([<\"])([^>\"]+)[>\"]", line)
        if match:
            yield number, match.group(2), match.group(1) == '"'


def at(path, number):
    return f"{house.name(path)}:{number}"


def test_rooms_are_known():
    there = sorted(path.name for path in (house.ROOT / "lib").iterdir() if path.is_dir())
    assert there == sorted(USES)
    assert house.ROOMS == list(USES)


def test_build_agrees():
    """cmake/AmpRooms.cmake gives each room what this table carries over."""
    text = (house.ROOT / "cmake" / "AmpRooms.cmake").read_text(encoding="utf-8")
    for room in USES:
        match = re.search(rf"^set\(AMP_USES_{room}((?: \w+)*)\)", text, flags=re.M)
        assert match, room
        assert set(match.group(1).split()) == closure(room) - {room}


def test_rooms_include_only_what_they_may():
    found = []
    for room in USES:
        for path in house.files(".c", ".h", under=[f"lib/{room}"]):
            for number, text, quoted in includes(path):
                target = text.split("/")[0]
                if quoted and ("/" not in text or target not in closure(room)):
                    found.append(f"{at(path, number)}: {room} may not include {text}")
                if not quoted and target in USES:
                    found.append(f"{at(path, number)}: {text} belongs in quotes")
    house.none(found)


def test_other_libraries_stay_in_their_rooms():
    found = []
    for room in USES:
        for path in house.files(".c", ".h", under=[f"lib/{room}"]):
            for number, text, quoted in includes(path):
                for pattern, rooms in OUTSIDE.items():
                    if not quoted and re.match(pattern, text) and room not in rooms:
                        found.append(f"{at(path, number)}: {text} belongs to {rooms}")
    house.none(found)


def test_openmp_has_one_file():
    found = []
    for path in house.files(".c", ".h", under=["lib", "src"]):
        text = house.code(path)
        if re.search(r"#\s*pragma\s+omp\b|\bomp_\w+\s*\(|\bGOMP_\w+", text):
            found.append(house.name(path))
        elif any(t == "omp.h" for _, t, _ in includes(path)):
            found.append(house.name(path))
    assert [path for path in found if path != "lib/exec/omp.c"] == []


def test_users_see_public_headers_only():
    """The program, the examples and the public headers themselves know nothing of lib/."""
    found = []
    for path in house.files(".c", ".h", ".cc", ".cpp", under=["src", "examples", "include"]):
        for number, text, quoted in includes(path):
            room = text.split("/")[0]
            if room in USES or (quoted and "/" in text):
                found.append(f"{at(path, number)}: {text} is not public")
    house.none(found)
