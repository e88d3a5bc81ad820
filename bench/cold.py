# SPDX-License-Identifier: Apache-2.0
"""Cold start: from the start of a process to the first verdict on its standard output, of
`amp score` and of the shortest program that does the same on each peer (cold_peer.py).  ONNX
Runtime's C interface is cold_c.py's.

The files are in the page cache: every program runs once before it is measured.
"""
import functools
import json
import os
import resource
import subprocess
import tempfile
import time

import environment
import networks
import stats

ROUNDS = 7


def last_words(errors):
    """Of what a process said on its standard error."""
    errors.seek(0)
    return (errors.read().decode(errors="replace").strip().splitlines() or ["nothing said"])[-1]


def first_line(command):
    """(seconds to the first line, the line) of a process that must succeed."""
    with tempfile.TemporaryFile() as errors:  # a pipe would fill up while nobody reads it
        start = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors,
                              stdin=subprocess.DEVNULL, env=environment.clean()) as process:
            line = process.stdout.readline()
            seconds = time.monotonic() - start
            process.communicate()
        if process.returncode != 0 or not line:
            raise environment.Unusable(f"{os.path.basename(command[0])}: {last_words(errors)[:300]}")
    return seconds, line.decode(errors="replace").strip()


def children_seconds():
    """Processor time of all processes that ended under this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(command):
    """(seconds to the first line, processor time)."""
    before = children_seconds()
    seconds = first_line(command)[0]
    return seconds, children_seconds() - before


def commands(where, name, peers, tools, threads):
    """{contender: command}; all print a JSON object with a label first."""
    found = {"libamp": [str(tools.built / "amp"), "score", "--json", "-t", str(threads),
                        "--precision", "fp32", "-m",
                        str(where / "model.safetensors"), str(where / "image0.png")]}
    script = str(environment.HERE / "cold_peer.py")
    for peer in peers:
        python = environment.DEBIAN_PYTHON if peer == "pytorch-debian" else str(tools.python)
        found[peer] = [python, script, peer, str(where), networks.NETWORKS[name]["arch"],
                       str(threads)]
    found["python alone"] = [str(tools.python), "-c",
                             "import numpy; print('{\"label\": null}', flush=True)"]
    return found


def usable(name, todo):
    """({contender: []} of those that answer, rows of the others); all must see one class."""
    times, rows, label = {}, [], None
    for who, command in todo.items():
        try:
            answer = json.loads(first_line(command)[1])["label"]
            label = answer if who == "libamp" else label
            if answer not in (label, None):
                raise environment.Unusable(f"says class {answer}, libamp says {label}")
            times[who] = []
        except (environment.Unusable, ValueError, KeyError) as why:
            rows.append({"network": name, "name": who, "note": f"failed: {why}"})
    return times, rows


def of_network(name, where, peers, tools, options):
    """A row each contender."""
    threads = max(options.threads)
    todo = commands(where, name, peers, tools, threads)
    times, rows = usable(name, todo)
    for _ in range(ROUNDS):
        for who, found in times.items():
            found.append(options.plan.calm.run(functools.partial(timed, todo[who]))[0])
    base = stats.median(times["libamp"]) if times.get("libamp") else None
    for who, found in times.items():
        middle = stats.median(found)
        rows.append({"network": name, "name": who, **stats.spread(found), "threads": threads,
                     "ratio": middle / base if base and who != "libamp" else None, "note": ""})
    return rows


def measure(ready, peers, tools, options):
    """Rows of all networks, with as many threads as were asked for at most."""
    rows = []
    for name, (where, _) in ready.items():
        environment.say(f"{name}, cold start")
        rows += of_network(name, where, peers, tools, options)
    return rows
