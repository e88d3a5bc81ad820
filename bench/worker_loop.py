# SPDX-License-Identifier: Apache-2.0
"""The loop of a contender written in Python; serve.h says what the lines mean."""
import gc
import json
import os
import sys
import time


ANSWERS = [sys.stdout]  # config() takes it away from all who print


def say(**answer):
    print(json.dumps(answer), flush=True, file=ANSWERS[0])


def refuse(why):
    say(refused=str(why)[:2000])
    sys.exit(1)


def config():
    """The one argument: a JSON object that bench/contenders.py made."""
    sys.stdout.flush()
    ANSWERS[0] = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # libraries that print do not disturb the answers
    return json.loads(sys.argv[1])


def measure(run, count):
    clock, times = time.monotonic_ns, []
    gc.collect()
    gc.disable()
    cpu = time.process_time_ns()
    for _ in range(count):
        start = clock()
        run()
        times.append(clock() - start)
    cpu = time.process_time_ns() - cpu
    gc.enable()
    return times, cpu


def serve(version, settings, run, logits):
    """run() is one repetition; logits() the float32 array of the last one."""
    say(ready=True, version=version, settings=settings, multiply_adds=0)
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        if command == "run":
            times, cpu = measure(run, int(rest))
            say(times=times, cpu=cpu)
        elif command == "logits":
            values = logits()
            values.astype("<f4").tofile(rest)
            say(values=int(values.size))
        elif command == "quit":
            break
        else:
            refuse("not a command")
    os._exit(0)  # thread pools that spin are not waited for


def pieces(rows, chunk_rows):
    """Slices of `chunk_rows` rows; 0 = all at once."""
    step = chunk_rows or rows
    return [slice(at, min(at + step, rows)) for at in range(0, rows, step)]
