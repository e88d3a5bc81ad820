# SPDX-License-Identifier: Apache-2.0
"""The library as its users get it: installed, staged, moved, removed; the examples built on it."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

BUILD = pathlib.Path(os.environ.get("AMP_BUILD", "."))
SOURCE = pathlib.Path(os.environ.get("AMP_SOURCE", "."))
CONSUMER = SOURCE / "tests" / "install" / "consumer"
EXAMPLES = SOURCE / "examples"
VERSION = re.search(r'#define AMP_VERSION_STRING "([0-9.]+)"',
                    (SOURCE / "include/amp/version.h").read_text(encoding="ascii")).group(1)


def run(*command, **more):
    """Standard output; a failure shows both."""
    done = subprocess.run([str(word) for word in command], check=False, capture_output=True,
                          text=True, **more)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def environment(**more):
    """This process's, without the build's own library in the way."""
    clean = {key: value for key, value in os.environ.items()
             if key not in ("LIBAMP_LIBRARY", "LD_LIBRARY_PATH", "PKG_CONFIG_PATH")}
    return {**clean, **more}


def library_folder(prefix):
    return next(prefix.rglob("libamp.so")).parent


def flags(prefix, *options):
    env = environment(PKG_CONFIG_PATH=str(library_folder(prefix) / "pkgconfig"))
    return run("pkg-config", *options, "amp", env=env).split()


def compile_with(compiler, source, prefix, out):
    """Builds a program as a user would: the flags of pkg-config and nothing else."""
    run(compiler, "-Wall", "-Wextra", "-Werror", source, "-o", out,
        *flags(prefix, "--cflags", "--libs"))
    return out


def execute(program, prefix, *arguments):
    return run(program, *arguments, env=environment(LD_LIBRARY_PATH=str(library_folder(prefix))))


@pytest.fixture(scope="module", name="prefix")
def installed(tmp_path_factory):
    """Installed in one place, then moved to another: everything below runs from there."""
    first = tmp_path_factory.mktemp("first") / "amp"
    run("cmake", "--install", BUILD, "--prefix", first)
    second = tmp_path_factory.mktemp("second") / "elsewhere"
    shutil.move(first, second)
    return second


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


def model_and_images():
    models = sorted((SOURCE / "models").glob("cifar10-*.safetensors"))
    images = sorted(path for path in (EXAMPLES / "images").glob("*")
                    if path.suffix in (".png", ".jpg"))
    assert models and images, "nothing to run the examples on"
    return models[0], images[:3]


@pytest.mark.parametrize("compiler, name", [("gcc", "score_image.c"), ("g++", "score_image.cpp")])
def test_compiled_example(prefix, tmp_path, compiler, name):
    model, images = model_and_images()
    program = compile_with(compiler, EXAMPLES / name, prefix, tmp_path / "example")
    for image in images:
        assert execute(program, prefix, model, image).strip()


def test_python_example(prefix):
    model, images = model_and_images()
    env = environment(LIBAMP_LIBRARY=str(library_folder(prefix) / "libamp.so"))
    for image in images:
        assert run(os.environ.get("AMP_PYTHON", "/usr/bin/python3"), EXAMPLES / "score_image.py",
                   model, image, env=env).strip()


def test_examples_are_short():
    for path in EXAMPLES.glob("score_image.*"):
        assert len(path.read_text(encoding="utf-8").splitlines()) < 60, path.name


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
