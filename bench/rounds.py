# SPDX-License-Identifier: Apache-2.0
"""One case: contenders start, are checked against PyTorch, tried with their settings, and then
measured in turns, one running while all others are stopped."""
import array
import time

import environment
import process
import stats

START_SECONDS = 900.0
FP32_DIFFERENCE = 1e-3  # a larger one in fp32 is an error
NEARLY = 1.05  # settings within this of a peer's fastest go into the rounds with it


def read_floats(path, count=None):
    values = array.array("f")
    with open(path, "rb") as file:
        data = file.read()
    values.frombytes(data[-4 * count:] if count else data)
    return values


def wanted_logits(case, classes):
    """The first rows of wanted.npy: float32, its header before them."""
    with open(case.folder / "wanted.npy", "rb") as file:
        head = file.read(10)
        if head[:6] != b"\x93NUMPY":
            raise environment.Unusable(f"{case.folder}/wanted.npy is not numpy's")
        file.seek(10 + int.from_bytes(head[8:10], "little"))
        values = array.array("f")
        values.frombytes(file.read(4 * case.rows * classes))
    return values


def record(worker):
    """What the result says of a contender."""
    contender = worker.contender
    return {"family": contender.family, "name": contender.name, "precision": contender.precision,
            "settings": worker.settings or contender.label, "version": worker.version}


def check(worker, case, wanted):
    """Largest relative difference of its logits; those of the matmul are none, and verdicts are
    kept for verdicts.py to read."""
    if worker.contender.family == "limit":
        return None
    path = case.folder / (worker.contender.results or "logits.raw")
    worker.ask(f"logits {path}")
    if worker.contender.results:
        return None
    difference = stats.largest_difference(read_floats(path), wanted)
    if worker.contender.precision == "fp32" and not difference <= FP32_DIFFERENCE:
        raise process.Refused(f"its logits are {difference:.1e} from PyTorch's")
    return difference


def turn_once(worker, count):
    """(seconds a repetition, processors busy, processor time in all) of one turn; the first
    repetition after a stop is not counted unless it is the only one."""
    cpu = worker.ask("run 1")["cpu"] if count > 1 else 0
    answer = worker.ask(f"run {count}")
    spent = sum(answer["times"])
    return (stats.median(answer["times"]) / 1e9, answer["cpu"] / max(spent, 1),
            (cpu + answer["cpu"]) / 1e9)


def turn(worker, count, plan):
    """The same, repeated when others disturbed it."""
    return plan.calm.run(lambda: turn_once(worker, count))


def begin(contender, case, wanted, plan):
    """(worker, record) of a contender that is ready; (None, record) of one that refused."""
    worker = process.Worker(contender, case.folder / "workers.log")
    found = record(worker)
    try:
        worker.start(START_SECONDS)
        found = record(worker)
        first = turn(worker, 1, plan)[0]
        found["difference"] = check(worker, case, wanted)
        seconds = first
        for _ in range(3 if first < 1 else 1):
            seconds = min(seconds, turn(worker, 1, plan)[0])
        worker.count = stats.repetitions(seconds, plan.turn_seconds)
        trials = 2 if seconds < 1 else 1
        worker.trial = min(turn(worker, worker.count, plan)[0] for _ in range(trials))
        found["trial"] = worker.trial
        return worker, found
    except process.Refused as why:
        worker.stop()
        found["refused"] = str(why)
        return None, found


def best_of(group, case, wanted, plan):
    """The workers of a group that go into the rounds, and the records of the others."""
    alive, others = [], []
    for contender in group:
        worker, found = begin(contender, case, wanted, plan)
        if worker is None:
            others.append(found)
        else:
            alive.append((worker, found))
    fastest = min((worker.trial for worker, _ in alive), default=0.0)
    kept = []
    for worker, found in alive:
        if worker.trial <= NEARLY * fastest:
            kept.append((worker, found))
        else:
            worker.stop()
            others.append({**found, "slower": True})
    return kept, others


def rounds_within(alive, plan):
    """As many rounds as fit into the time of a case, 3 at least."""
    a_round = sum(worker.trial * (worker.count + 1) for worker, _ in alive)
    return max(3, min(plan.rounds, int(plan.case_seconds / max(a_round, 1e-3))))


def take_turns(alive, rounds, plan):
    """Round by round, starting with another contender each time."""
    times = {id(worker): [] for worker, _ in alive}
    busy = {id(worker): [] for worker, _ in alive}
    for number in range(rounds):
        at = number % len(alive)
        for worker, _ in alive[at:] + alive[:at]:
            seconds, processors, _ = turn(worker, worker.count, plan)
            times[id(worker)].append(seconds)
            busy[id(worker)].append(processors)
    for worker, found in alive:
        found.update(stats.spread(times[id(worker)]), rounds=times[id(worker)],
                     repetitions=worker.count, processors=stats.median(busy[id(worker)]))
        if worker.contender.family == "limit":
            found["rate"] = worker.multiply_adds / found["median"]
        else:
            found["memory_kib"] = worker.memory()


def run_case(case, groups, classes, plan):
    """The result of one case: measured, slower settings, refusals."""
    wanted = wanted_logits(case, classes)
    alive, others = [], []
    start = time.monotonic()
    try:
        for group in groups:
            kept, left = best_of(group, case, wanted, plan)
            alive += kept
            others += left
        if alive:
            take_turns(alive, rounds_within(alive, plan), plan)
    finally:
        for worker, _ in alive:
            worker.stop()
    return {"network": case.network, "work": case.work, "threads": case.threads,
            "multiply_adds": case.multiply_adds * case.rows,
            "seconds": time.monotonic() - start, "disturbed": plan.calm.taken(),
            "measured": [found for _, found in alive], "others": others}
