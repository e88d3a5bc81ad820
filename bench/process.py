# SPDX-License-Identifier: Apache-2.0
"""A contender's process as the driver holds it: started, asked, stopped while others run."""
import json
import os
import selectors
import signal
import subprocess
import time


class Refused(Exception):
    """The contender cannot take part; the text is its own."""


def state_of(pid):
    """The letter of /proc/PID/stat, '' when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return ""


class Worker:
    """One process group; paused unless it is asked something."""

    def __init__(self, contender, log):
        self.contender = contender
        self.log = log
        self.settings = self.version = ""
        self.multiply_adds = 0
        self.buffer = b""
        with open(log, "ab") as errors:
            self.process = subprocess.Popen(contender.command, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=errors,
                                            env=contender.environment, start_new_session=True)

    def start(self, seconds):
        """Waits until it is ready."""
        answer = self.answer(seconds)
        self.version, self.settings = answer["version"], answer["settings"]
        self.multiply_adds = answer["multiply_adds"]
        self.pause()

    def line(self, seconds):
        """The next line that it says."""
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self.buffer:
                if not selector.select(max(0.0, end - time.monotonic())):
                    raise Refused(f"no answer within {seconds:.0f} s")
                more = os.read(self.process.stdout.fileno(), 1 << 16)
                if not more:
                    raise Refused(f"it ended: {self.last_words()}")
                self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line

    def answer(self, seconds):
        line = self.line(seconds)
        try:
            answer = json.loads(line)
        except ValueError:
            raise Refused(f"said {line[:200]!r}") from None
        if "refused" in answer:
            raise Refused(answer["refused"])
        return answer

    def last_words(self):
        """Of its standard error."""
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                lines = [line.strip() for line in file if line.strip()]
        except OSError:
            lines = []
        return lines[-1][:300] if lines else "without a word"

    def ask(self, text, seconds=600.0):
        """Runs alone for the time of one question."""
        self.signal(signal.SIGCONT)
        try:
            self.process.stdin.write((text + "\n").encode())
            self.process.stdin.flush()
            return self.answer(seconds)
        except BrokenPipeError:
            raise Refused(f"it ended: {self.last_words()}") from None
        finally:
            self.pause()

    def signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def pause(self):
        """Stops every thread of it, those that spin too."""
        self.signal(signal.SIGSTOP)
        for _ in range(200):
            if state_of(self.process.pid) in ("T", "t", "Z", "X", ""):
                return
            time.sleep(0.001)

    def memory(self):
        """Peak resident memory in KiB."""
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
        raise Refused("no VmHWM")

    def stop(self):
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
