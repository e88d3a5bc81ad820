# SPDX-License-Identifier: Apache-2.0
"""In the chroot: a command as a JSON array in, how long it took to its first line out."""
import json
import sys

import cold
import environment


def answer(command):
    before = cold.children_seconds()
    try:
        seconds, line = cold.first_line(command)
    except (environment.Unusable, OSError) as why:
        return {"refused": str(why)}
    return {"seconds": seconds, "line": line, "cpu": cold.children_seconds() - before}


def main():
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
