# SPDX-License-Identifier: Apache-2.0
"""Is the machine idle?  Looks at /proc twice, a second apart, and says who was busy meanwhile.

Calm repeats single measurements that others disturbed.  What reads /proc stands at the end.
"""
import os
import time

MOST_BUSY = 0.04  # of all processors: more disturbs medians
TICK_SLACK = 0.03  # seconds that counting in ticks may be wrong by
MOST_STOLEN = 0.02  # of all processors, taken by other guests of the host
LEAST_LISTED = 0.005  # of one processor: who is below is not named


def parse_stat(text):
    """/proc/stat's first line: ticks of all processors together, by kind."""
    for line in text.splitlines():
        words = line.split()
        if words and words[0] == "cpu":
            ticks = [int(word) for word in words[1:9]]
            ticks += [0] * (8 - len(ticks))
            user, nice, system, idle, wait, irq, softirq, steal = ticks
            return {"busy": user + nice + system + irq + softirq, "idle": idle + wait,
                    "steal": steal}
    raise ValueError("no line of all processors in /proc/stat")


def parse_process(text):
    """/proc/PID/stat: (pid, name, ticks); the name may hold blanks and brackets."""
    head, _, tail = text.rpartition(")")
    pid, _, name = head.partition("(")
    words = tail.split()
    return int(pid), name, int(words[11]) + int(words[12])


def shares(before, after):
    """Shares of the time between two parse_stat() that were busy and stolen."""
    spent = {kind: max(0, after[kind] - before[kind]) for kind in before}
    total = sum(spent.values())
    if total == 0:
        return 0.0, 0.0
    return spent["busy"] / total, spent["steal"] / total


def disturbance(before, after, own_seconds, ticks_a_second):
    """Share of the processors' time between two parse_stat() that others used or took, our own
    seconds of processor time known; what counting in ticks may get wrong is not held against
    anybody."""
    spent = {kind: max(0, after[kind] - before[kind]) / ticks_a_second for kind in before}
    total = sum(spent.values())
    others = spent["busy"] + spent["steal"] - own_seconds - TICK_SLACK
    return max(0.0, others) / total if total > 0 else 0.0


def busiest(before, after, seconds, ticks_a_second):
    """[(share of one processor, pid, name)], the busiest first, of two dicts
    pid: (name, ticks)."""
    found = []
    for pid, (name, ticks) in after.items():
        spent = ticks - before.get(pid, (name, 0))[1]
        share = spent / ticks_a_second / seconds
        if share >= LEAST_LISTED:
            found.append((share, pid, name))
    return sorted(found, reverse=True)


def verdict(busy, stolen, found):
    """None when idle, else why not, naming the processes."""
    why = []
    if busy > MOST_BUSY:
        why.append(f"{busy:.0%} of the processors' time went to others"
                   f" ({MOST_BUSY:.0%} allowed)")
    if stolen > MOST_STOLEN:
        why.append(f"the host took {stolen:.0%} ({MOST_STOLEN:.0%} allowed)")
    if not why:
        return None
    who = ", ".join(f"{name} (pid {pid}, {share:.0%} of a processor)"
                    for share, pid, name in found[:8])
    return "; ".join(why) + (f"; busy: {who}" if who else "")


def read_processes():
    """{pid: (name, ticks)} of all processes but this one."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                pid, name, ticks = parse_process(file.read())
        except OSError:
            continue  # it ended meanwhile
        found[pid] = (name, ticks)
    return found


def read_stat():
    with open("/proc/stat", encoding="utf-8") as file:
        return parse_stat(file.read())


class Calm:
    """Repeats what others disturbed, until its patience (seconds of waiting) is used up."""

    def __init__(self, patience):
        self.patience = patience
        self.repeated = 0  # turns
        self.kept = 0  # disturbed turns that were kept, for want of patience

    def run(self, action):
        """What action() returns; its last member is the processor time that it used, seconds."""
        ticks = os.sysconf("SC_CLK_TCK")
        while True:
            before, start = read_stat(), time.monotonic()
            found = action()
            share = disturbance(before, read_stat(), found[-1], ticks)
            if share <= MOST_BUSY:
                return found
            if self.patience <= 0:
                self.kept += 1
                return found
            self.repeated += 1
            time.sleep(1.0)
            self.patience -= time.monotonic() - start

    def taken(self):
        """{"repeated", "kept"} since the last call."""
        found = {"repeated": self.repeated, "kept": self.kept}
        self.repeated = self.kept = 0
        return found


def look(seconds=1.0):
    """{"busy", "stolen", "load", "why"}: why is None on an idle machine."""
    before, stat = read_processes(), read_stat()
    start = time.monotonic()
    time.sleep(seconds)
    busy, stolen = shares(stat, read_stat())
    found = busiest(before, read_processes(), time.monotonic() - start,
                    os.sysconf("SC_CLK_TCK"))
    return {"busy": busy, "stolen": stolen, "load": os.getloadavg()[0],
            "why": verdict(busy, stolen, found)}
