# SPDX-License-Identifier: Apache-2.0
"""Files to verdicts: `amp score` on a folder, in turns with the network alone on the same images
in memory."""
import os
import subprocess
import time

import cold
import contenders
import environment
import networks
import process
import stats

ROUNDS = 3
SECONDS = 10.0  # of network in one walk of the folder
LEAST_FILES, MOST_FILES = 128, 4096


def files_for(seconds_an_image):
    """How many files fill SECONDS, a multiple of the pictures there are."""
    count = round(SECONDS / max(seconds_an_image, 1e-9) / networks.IMAGES) * networks.IMAGES
    return max(LEAST_FILES, min(MOST_FILES, count))


def fill(where, count):
    """A folder with links to the pictures, again and again."""
    target = where / f"files-{count}"
    target.mkdir(exist_ok=True)
    for index in range(count):
        path = target / f"{index:05}.png"
        if not path.exists():
            os.link(where / "pictures" / f"{index % networks.IMAGES:02}.png", path)
    return target


def walk(where, target, tools, threads):
    """(seconds, processor time) of `amp score` on the folder."""
    start, before = time.monotonic(), cold.children_seconds()
    done = subprocess.run([str(tools.built / "amp"), "score", "-t", str(threads),
                           "--precision", "fp32", "-m", str(where / "model.safetensors"),
                           str(target)], check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          env=environment.clean())
    if done.returncode != 0:
        raise environment.Unusable(f"amp score: {done.stderr.decode(errors='replace')[:300]}")
    return time.monotonic() - start, cold.children_seconds() - before


def alone_once(worker, runs):
    """(seconds a repetition, processor time) of the network alone."""
    answer = worker.ask(f"run {runs}")
    return stats.median(answer["times"]) / 1e9, answer["cpu"] / 1e9


def of_network(name, where, tools, threads, calm):
    case = contenders.Case(name, "64", threads, where, 0)
    worker = process.Worker(contenders.libamp_contender("fp32", case, tools),
                            where / "workers.log")
    try:
        worker.start(300)
        first = min(worker.ask("run 2")["times"]) / 1e9 / case.images
        count = files_for(first)
        target = fill(where, count)
        alone, rates = [], []
        runs = stats.repetitions(first * case.images, 1.0)
        for _ in range(ROUNDS):
            alone.append(case.images / calm.run(lambda: alone_once(worker, runs))[0])
            rates.append(count / calm.run(lambda: walk(where, target, tools, threads))[0])
    finally:
        worker.stop()
    rate, net = stats.median(rates), stats.median(alone)
    return {"network": name, "threads": threads, "files": count, "rate": rate, "alone": net,
            "ratio": rate / net, "counts": threads == 2}


def measure(ready, tools, options):
    """A row each network of 32x32 and number of threads: on larger ones decoding is a small share."""
    rows = []
    for name, (where, _) in ready.items():
        if networks.NETWORKS[name]["side"] != 32:
            continue
        for threads in options.threads:
            environment.say(f"{name}, files to verdicts, {threads} thread(s)")
            try:
                rows.append(of_network(name, where, tools, threads, options.plan.calm))
            except process.Refused as why:
                environment.say(f"{name}: libamp refused: {why}")
    return rows
