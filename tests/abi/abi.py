# SPDX-License-Identifier: Apache-2.0
"""The recorded ABI of a release and its comparison with a build, by libabigail.

    abi.py --write BUILD_FOLDER   records libamp.so as tests/abi/libamp-<version>.abi
    abi.py --check BUILD_FOLDER   fails when a record of the same soname is not kept
"""
import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "abi"


def version():
    text = (ROOT / "include" / "amp" / "version.h").read_text(encoding="ascii")
    return re.search(r'#define AMP_VERSION_STRING "([0-9.]+)"', text).group(1)


def soname():
    text = (ROOT / "include" / "amp" / "version.h").read_text(encoding="ascii")
    return "libamp.so." + re.search(r"#define AMP_ABI_VERSION (\d+)", text).group(1)


def record(build):
    """Types and symbols only: no folders, lines or addresses of this machine."""
    path = HERE / f"libamp-{version()}.abi"
    subprocess.run(["abidw", "--headers-dir", str(ROOT / "include"), "--drop-private-types",
                    "--exported-interfaces-only", "--no-corpus-path", "--no-comp-dir-path",
                    "--no-show-locs", "--no-elf-needed", "--type-id-style", "hash",
                    "--out-file", str(path), str(build / "libamp.so")], check=True)
    text = path.read_text(encoding="utf-8").replace(f"path='{ROOT}/", "path='")
    path.write_text(text, encoding="utf-8")
    return path


def records():
    """The records that this library must keep: those with its soname."""
    return [path for path in sorted(HERE.glob("libamp-*.abi"))
            if f"soname='{soname()}'" in path.read_text(encoding="utf-8")]


def differences(path, build):
    """abidiff's report when something recorded was changed or removed, else an empty text."""
    run = subprocess.run(["abidiff", "--no-added-syms", str(path), str(build / "libamp.so")],
                         check=False, capture_output=True, text=True)
    return run.stdout + run.stderr if run.returncode != 0 else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true")
    mode.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.write:
        print(record(arguments.build))
        return 0
    found = [text for text in (differences(path, arguments.build) for path in records()) if text]
    print("\n".join(found), end="")
    return 1 if found or not records() else 0


if __name__ == "__main__":
    sys.exit(main())
