# SPDX-License-Identifier: Apache-2.0
"""What the tests of the installed library share: building on it as a user would."""
import os
import pathlib
import subprocess

BUILD = pathlib.Path(os.environ.get("AMP_BUILD", "."))
SOURCE = pathlib.Path(os.environ.get("AMP_SOURCE", "."))


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
