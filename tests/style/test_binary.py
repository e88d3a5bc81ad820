# SPDX-License-Identifier: Apache-2.0
"""What was built: exported names, no mutable globals, one OpenMP run time, size."""
import re
import subprocess
import sys

import house
import pytest

sys.path.insert(0, str(house.ROOT / "tests" / "abi"))
import symbols  # noqa: E402  (found through the line above)

MOST_BYTES = 1_000_000


@pytest.fixture(name="library")
def built_library():
    path = house.build() / "libamp.so"
    assert path.exists(), f"{path} was not built"
    return path


def objects():
    found = [path for room in house.ROOMS
             for path in (house.build() / "CMakeFiles" / f"amp_{room}.dir").rglob("*.o")]
    assert found, "no objects in the build folder"
    return found


def test_exports(library):
    """Exactly the functions of the headers."""
    rows = house.output(house.tool("nm"), "-D", "--defined-only", str(library)).splitlines()
    names = sorted(row.split()[-1].split("@")[0] for row in rows if " A " not in row)
    assert names == symbols.exported()


def is_mutable(section):
    """Writable after start-up; .data.rel.ro is not."""
    return section == "*COM*" or re.match(r"\.t?(data|bss)(?!\.rel\.ro)", section)


def test_no_mutable_globals():
    found = []
    for path in objects():
        for row in house.output(house.tool("objdump"), "-t", str(path)).splitlines():
            match = re.match(r"[0-9a-f]+ (.{7}) (\S+)\t\S+\s+(?:\.hidden )?(\S+)", row)
            if match and match.group(1)[5] != "d" and is_mutable(match.group(2)):
                found.append(f"{path.name}: {match.group(3)} in {match.group(2)}")
    house.none(found)


def test_internal_names():
    """What one file shows another is called amp_ or ampi_."""
    found = []
    for path in objects():
        for row in house.output(house.tool("nm"), "-g", "--defined-only", str(path)).splitlines():
            if not re.match(r"ampi?_", row.split()[-1]):
                found.append(f"{path.name}: {row.split()[-1]}")
    house.none(found)


def test_one_openmp(library):
    libraries = house.output(house.tool("ldd"), str(library))
    runtimes = set(re.findall(r"\b(libgomp|libomp|libiomp5)[.\d]*\.so", libraries))
    assert runtimes == {"libgomp"}


def test_soname(library):
    text = house.output(house.tool("readelf"), "-d", str(library))
    version = (house.ROOT / "include/amp/version.h").read_text(encoding="ascii")
    abi = re.search(r"#define AMP_ABI_VERSION (\d+)", version)
    assert abi and f"[libamp.so.{abi.group(1)}]" in text
    assert "RUNPATH" not in text and "RPATH" not in text


def test_hardened(library):
    """Read-only relocations, bound at load; no executable stack; no text relocations."""
    dynamic = house.output("readelf", "-d", str(library))
    headers = house.output("readelf", "-lW", str(library))
    assert re.search(r"FLAGS_1.*NOW", dynamic) and "TEXTREL" not in dynamic
    assert "GNU_RELRO" in headers
    assert re.search(r"GNU_STACK.* RW ", headers)


def test_size(library, tmp_path):
    stripped = tmp_path / "libamp.so"
    subprocess.run([house.tool("strip"), "-o", str(stripped), str(library)], check=True)
    assert stripped.stat().st_size < MOST_BYTES
