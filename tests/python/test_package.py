# SPDX-License-Identifier: Apache-2.0
"""The package as a whole: installed by pip, finding its library, saying what is missing."""
import ast
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import libamp
from libamp import _ffi

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = SOURCE / "bindings" / "python"
LIBRARY = pathlib.Path(os.environ["LIBAMP_LIBRARY"])
SHOW = "import libamp, libamp._ffi as f; print(libamp.__file__); print(f.lib._name)"


def python(code, **env):
    """Runs code without this process's LIBAMP_LIBRARY."""
    clean = {k: v for k, v in os.environ.items() if k not in ("LIBAMP_LIBRARY", "PYTHONPATH")}
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True,
                          text=True, env={**clean, **{k: str(v) for k, v in env.items()}})


def test_installed_by_pip(tmp_path, need):
    need(all(map(importlib.util.find_spec, ("pip", "setuptools", "wheel"))),
         "pip, setuptools and wheel are not installed")
    source = tmp_path / "source"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps",
                    "--no-build-isolation", "--no-cache-dir", "--target", tmp_path / "site",
                    source], check=True)
    assert (tmp_path / "site" / "libamp" / "py.typed").exists()
    assert list((tmp_path / "site").glob(f"libamp-{libamp.__version__}.dist-info"))
    done = python(SHOW, PYTHONPATH=tmp_path / "site", LD_LIBRARY_PATH=LIBRARY.parent)
    where, name = done.stdout.split()
    assert where.startswith(str(tmp_path)) and name == "libamp.so.1", done.stderr


def test_the_library_that_is_named():
    done = python(SHOW, PYTHONPATH=PACKAGE, LIBAMP_LIBRARY=LIBRARY)
    assert done.stdout.split()[1] == str(LIBRARY), done.stderr


def test_the_library_beside_the_package(tmp_path):
    shutil.copytree(PACKAGE / "libamp", tmp_path / "libamp")
    (tmp_path / "libamp" / "libamp.so.1").symlink_to(LIBRARY)
    done = python(SHOW, PYTHONPATH=tmp_path)
    assert done.stdout.split()[1] == str(tmp_path / "libamp" / "libamp.so.1"), done.stderr


def test_no_library(tmp_path):
    missing = tmp_path / "libamp.so"
    done = python("import libamp", PYTHONPATH=PACKAGE, LIBAMP_LIBRARY=missing)
    assert "ImportError" in done.stderr and str(missing) in done.stderr


def build(tmp_path, text):
    source, library = tmp_path / "other.c", tmp_path / "other.so"
    source.write_text(text, encoding="ascii")
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-o", str(library),
                    str(source)], check=True)
    return library


def stub(names, abi):
    functions = "".join(f"int {name}(void) {{ return 0; }}\n" for name in names
                        if name != "amp_abi_version")
    return functions + f"int amp_abi_version(void) {{ return {abi}; }}\n"


def test_other_libraries(tmp_path):
    """Not libamp at all; a libamp of an older ABI; one without training."""
    foreign = build(tmp_path, "int other;\n")
    done = python("import libamp", PYTHONPATH=PACKAGE, LIBAMP_LIBRARY=foreign)
    assert re.search(r"ImportError: .* has no amp_\w+", done.stderr)
    old = build(tmp_path, stub(_ffi.PROTOTYPES, _ffi.ABI - 1))
    done = python("import libamp", PYTHONPATH=PACKAGE, LIBAMP_LIBRARY=old)
    assert "ABI 0" in done.stderr
    bare = build(tmp_path, stub([n for n in _ffi.PROTOTYPES if n not in _ffi.TRAINING], _ffi.ABI))
    done = python("import libamp; print(libamp.has_training())\n"
                  "try: libamp.train_options()\n"
                  "except libamp.AmpUnsupportedError as e: print(e.where)",
                  PYTHONPATH=PACKAGE, LIBAMP_LIBRARY=bare)
    assert done.stdout.split() == ["False", "train"], done.stderr


def test_one_version():
    header = (SOURCE / "include" / "amp" / "version.h").read_text(encoding="ascii")
    assert f'AMP_VERSION_STRING "{libamp.__version__}"' in header


def test_everything_public_is_named_and_described():
    """__all__ is all that __init__ brings, sorted by nobody but complete; each has a docstring."""
    tree = ast.parse((PACKAGE / "libamp" / "__init__.py").read_text(encoding="utf-8"))
    names = {alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom)
             for alias in node.names}
    names |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert sorted(n for n in names if not n.startswith("_")) == sorted(libamp.__all__)
    for name in libamp.__all__:
        assert getattr(libamp, name).__doc__, name


def test_every_public_method_is_described():
    found = []
    for kind in (libamp.Bank, libamp.Builder, libamp.Context, libamp.Dataset, libamp.Image,
                 libamp.Model, libamp.Scorer, libamp.Scores, libamp.Trainer):
        for name, value in vars(kind).items():
            public = not name.startswith("_") and (callable(value) or isinstance(
                value, (property, classmethod)))
            if public and not getattr(value, "__doc__", None):
                found.append(f"{kind.__name__}.{name}")
    assert found == []
