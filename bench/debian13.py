# SPDX-License-Identifier: Apache-2.0
"""Debian 13 in a chroot, where ONNX Runtime's C interface is packaged: made once, libamp and the
peer built in it, and a process in it that starts programs and times them (debian13_inside.py).

The work tree is seen at /src, the networks at /nets, both read-only.
"""
import json
import os
import shutil
import subprocess

import environment

PLACE = "/opt/bench"  # of what is built there
ENTER = str(environment.ROOT / "scripts" / "chroot")


def folder():
    return environment.outside("AMP_BENCH_CHROOT", "bench-debian13")


def networks_folder():
    return environment.outside("AMP_BENCH_WORK", "bench-work")


def binds():
    """The variable that scripts/chroot reads."""
    places = {environment.ROOT: "/src", networks_folder(): "/nets"}
    for path in places:
        if " " in str(path) or ":" in str(path):
            raise environment.Unusable(f"{path}: scripts/chroot takes no blank and no colon")
    return " ".join(f"{path}:{place}" for path, place in places.items())


def command(*words):
    return [ENTER, "trixie", str(folder()), *words]


def prepare():
    """Makes the chroot and builds in it; Unusable says why it cannot."""
    if os.geteuid() != 0:
        raise environment.Unusable("a chroot needs root")
    if not folder().exists():
        if shutil.which("debootstrap") is None:
            raise environment.Unusable("debootstrap is not installed, which makes the chroot")
        environment.say(f"making a Debian 13 in {folder()}, which takes a while")
    log = networks_folder() / "debian13.log"
    log.write_bytes(b"")
    environment.call(command("/src/bench/debian13_build"), log,
                     env={**os.environ, "AMP_BIND": binds()})


class Inside:
    """A process in the chroot that starts programs and times them."""

    def __init__(self):
        self.process = subprocess.Popen(
            command("python3", "-B", "/src/bench/debian13_inside.py"), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env={**os.environ, "AMP_BIND": binds()})

    def first_line(self, words):
        """(seconds, line, processor time) of a program from its start to its first line."""
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise environment.Unusable("the process in the chroot ended")
        found = json.loads(answer)
        if "refused" in found:
            raise environment.Unusable(found["refused"])
        return found["seconds"], found["line"], found["cpu"]

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
