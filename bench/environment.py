# SPDX-License-Identifier: Apache-2.0
"""What has to be there before anything is measured: the peers' virtual environment, libamp built
for release, the networks in every contender's form.  All of it lies outside the work tree."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

import networks

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
DEBIAN_PYTHON = "/usr/bin/python3"


class Unusable(Exception):
    """Something needed is not there; the text says what."""


def outside(variable, name):
    """The folder that an environment variable names, by default beside the work tree."""
    folder = pathlib.Path(os.environ.get(variable) or ROOT.parent / name).resolve()
    if folder == ROOT or ROOT in folder.parents:
        raise Unusable(f"{variable}: {folder} lies inside the work tree")
    return folder


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def clean(**more):
    """The environment of what is started: no settings of run times from outside."""
    kept = {key: value for key, value in os.environ.items()
            if not key.startswith(("OMP_", "GOMP_", "KMP_", "ONEDNN_", "DNNL_", "MKL_", "TORCH",
                                   "ORT_", "OV_", "PYTHON"))}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **more}


def call(command, log, **more):
    """Runs a step; its output goes to a file that is named when it fails."""
    with open(log, "ab") as file:
        done = subprocess.run([str(word) for word in command], check=False, stdout=file,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **more)
    if done.returncode != 0:
        raise Unusable(f"{command[0]} failed ({done.returncode}); see {log}")


def virtual_python(peers):
    """The Python of the peers' environment, which is made or completed when it is not there."""
    folder = outside("AMP_BENCH_VENV", "bench-venv")
    python = folder / "bin" / "python"
    wanted = ["requirements.txt"] + (["requirements-pytorch.txt"] if "pytorch" in peers else [])
    if not python.exists():
        say(f"making the environment {folder}")
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    for name in wanted:
        text = (HERE / name).read_text(encoding="utf-8")
        stamp = folder / f"{name}.installed"
        if stamp.exists() and stamp.read_text(encoding="utf-8") == text:
            continue
        say(f"installing {name}, which takes a while")
        call([python, "-m", "pip", "install", "-r", HERE / name], folder / "pip.log")
        stamp.write_text(text, encoding="utf-8")
    return python


def build():
    """Folder of the release build, brought up to date."""
    folder = outside("AMP_BENCH_BUILD", "bench-build")
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "bench.log"
    log.write_bytes(b"")
    say(f"building libamp in {folder}")
    call(["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
          "-DAMP_BENCH=ON", "-DAMP_TESTS=OFF", "-DAMP_EXAMPLES=OFF"], log)
    call(["ninja", "-C", folder], log)
    return folder


def debian_torch():
    """Its version, or None."""
    if not os.path.exists(DEBIAN_PYTHON):
        return None
    done = subprocess.run([DEBIAN_PYTHON, "-c", "import torch; print(torch.__version__)"],
                          check=False, capture_output=True, text=True, env=clean())
    return done.stdout.strip() if done.returncode == 0 else None


def read_made(folder):
    """made.json, {} when there is none."""
    try:
        with open(folder / "made.json", encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def is_made(folder, network):
    made = read_made(folder)
    return (made.get("network") == network and made.get("seed") == networks.SEED
            and made.get("form") == networks.FORM)


def prepare(name, python, built):
    """Folder of one network, made when it is not there; and what its made.json says."""
    folder = outside("AMP_BENCH_WORK", "bench-work") / name
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "prepare.log"
    if not is_made(folder, networks.NETWORKS[name]):
        say(f"making {name} with PyTorch")
        (folder / "onnx.done").unlink(missing_ok=True)
        call([DEBIAN_PYTHON, HERE / "prepare_models.py", name, folder, built / "amp"], log,
             env=clean())
    if not (folder / "onnx.done").exists():
        say(f"quantising {name} for the peers")
        call([python, HERE / "prepare_onnx.py", folder], log, env=clean())
    return folder, read_made(folder)


def prepare_verdicts(count, python, built):
    """Folder of the trained model and its images, made when it is not there; and its made.json."""
    name = networks.TRAINED["name"]
    model = ROOT / "models" / f"{name}.safetensors"
    folder = outside("AMP_BENCH_WORK", "bench-work") / name
    stamp = f"{networks.FORM} {count} {hashlib.sha256(model.read_bytes()).hexdigest()}"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "prepare.log"
    if read_made(folder).get("stamp") != stamp:
        say(f"making {name} for the peers, and its images")
        (folder / "onnx.done").unlink(missing_ok=True)
        call([DEBIAN_PYTHON, HERE / "prepare_verdicts.py", folder, model, count, stamp], log,
             env=clean(LIBAMP_LIBRARY=str(built / "libamp.so")))
    if not (folder / "onnx.done").exists():
        call([python, HERE / "prepare_onnx.py", folder, "fp32"], log, env=clean())
    return folder, read_made(folder)


def machine():
    """What the numbers depend on."""
    facts = {"processor": "unknown", "flags": []}
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                facts["processor"] = value.strip()
            if key.strip() == "flags":
                facts["flags"] = [flag for flag in value.split()
                                  if flag.startswith(("avx2", "avx512", "avx_", "amx"))]
    facts["processors"] = os.cpu_count()
    facts["system"] = " ".join(os.uname()[i] for i in (0, 2, 4))
    facts["compiler"] = first_line([shutil.which("cc") or "cc", "--version"])
    facts["commit"] = first_line(["git", "-C", str(ROOT), "describe", "--always", "--dirty"])
    return facts


def first_line(command):
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except OSError:
        return "unknown"
    return (done.stdout.splitlines() or ["unknown"])[0]
