# SPDX-License-Identifier: Apache-2.0
"""The library as its users get it: installed, staged, moved, removed."""
import re
import shutil
import subprocess

from installed import (BUILD, SOURCE, compile_with, environment, execute, flags, library_folder,
                       run)

CONSUMER = SOURCE / "tests" / "install" / "consumer"
VERSION = re.search(r'#define AMP_VERSION_STRING "([0-9.]+)"',
                    (SOURCE / "include/amp/version.h").read_text(encoding="ascii")).group(1)


def test_what_is_installed(prefix):
    names = {path.name for path in prefix.rglob("*") if not path.is_dir()}
    headers = {path.name for path in (SOURCE / "include" / "amp").glob("*.h")}
    wanted = {"amp", "libamp.so", "libamp.so.1", "libamp.a", "amp.pc", "ampConfig.cmake",
              "ampConfigVersion.cmake", "ampTargets.cmake", "LICENSE"} | headers
    assert wanted <= names
    for path in prefix.rglob("*"):
        if path.suffix in (".pc", ".cmake"):
            assert str(BUILD) not in path.read_text(encoding="utf-8"), path
            assert str(SOURCE) not in path.read_text(encoding="utf-8"), path


def test_program_runs(prefix):
    assert VERSION in run(prefix / "bin" / "amp", "--version", env=environment())


def test_pkg_config(prefix, tmp_path):
    assert flags(prefix, "--modversion") == [VERSION]
    program = compile_with("gcc", CONSUMER / "consumer.c", prefix, tmp_path / "consumer")
    assert execute(program, prefix) == f"{VERSION} 1\n"


def test_pkg_config_static(prefix, tmp_path):
    libraries = [word for word in flags(prefix, "--libs", "--static") if word != "-lamp"]
    run("gcc", CONSUMER / "consumer.c", "-o", tmp_path / "consumer", *flags(prefix, "--cflags"),
        library_folder(prefix) / "libamp.a", *libraries)
    assert run(tmp_path / "consumer", env=environment()) == f"{VERSION} 1\n"
    assert "libamp" not in run("ldd", tmp_path / "consumer")


def test_find_package(prefix, tmp_path):
    run("cmake", "-S", CONSUMER, "-B", tmp_path, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
        env=environment())
    run("cmake", "--build", tmp_path)
    for name in ("consumer", "consumer_static"):
        assert run(tmp_path / name, env=environment()) == f"{VERSION} 1\n"


def test_find_package_refuses_other_versions(prefix, tmp_path):
    text = (CONSUMER / "CMakeLists.txt").read_text(encoding="utf-8")
    (tmp_path / "CMakeLists.txt").write_text(text.replace("amp 0.1", "amp 0.2"), encoding="utf-8")
    shutil.copy(CONSUMER / "consumer.c", tmp_path)
    done = subprocess.run(["cmake", "-S", tmp_path, "-B", tmp_path / "b", "-G", "Ninja",
                           f"-DCMAKE_PREFIX_PATH={prefix}"], check=False, capture_output=True,
                          text=True, env=environment())
    assert done.returncode != 0 and "0.2" in done.stderr


def test_staged_and_uninstalled(tmp_path):
    """DESTDIR stands before every path, and uninstall takes away all that was put there."""
    env = environment(DESTDIR=str(tmp_path))
    run("cmake", "--install", BUILD, "--prefix", "/opt/amp", env=env)
    assert (tmp_path / "opt/amp/include/amp/amp.h").exists()
    program = compile_with("gcc", CONSUMER / "consumer.c", tmp_path, tmp_path / "consumer")
    assert execute(program, tmp_path) == f"{VERSION} 1\n"
    program.unlink()
    run("cmake", "--build", BUILD, "--target", "uninstall", env=env)
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []
    assert not (tmp_path / "opt/amp/include/amp").exists()
