# SPDX-License-Identifier: Apache-2.0
"""amp score as a filter: paths on standard input, verdicts as they come, pipes that break."""
import os
import resource
import signal
import subprocess

import pytest
from conftest import AMP, SANITIZED, amp
from PIL import Image


@pytest.fixture(name="filter_run")
def filter_process(model):
    """amp score -j - with pipes on both sides."""
    with subprocess.Popen([AMP, "score", "-m", model, "-t", "1", "-j", "-"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        yield run
        run.kill()


@pytest.fixture(name="small_input")
def fast_model(world):
    """8x8 pixels: ten thousand of them take no time."""
    path = world / "small.st"
    amp("train", "-d", f"folder:{world}/photos", "-a", "wrn:depth=10,width=1", "-s", 8,
        "-e", 1, "-t", 1, "-q", "-o", path)
    amp("bank", "-m", path, "-k", 1)
    return path


def ask(run, path):
    """Writes one path and waits for its row."""
    run.stdin.write(os.fsencode(f"{path}\n"))
    run.stdin.flush()
    return run.stdout.readline()


def test_paths_on_standard_input(model, world):
    paths = [f"{world}/noise/{i:02}.png" for i in range(3)]
    wanted = amp("score", "-m", model, "-j", *paths).out
    for text in ("\n".join(paths), "\n".join(paths) + "\n", "\n\n" + "\n\n".join(paths) + "\n\n"):
        assert amp("score", "-m", model, "-j", "-", input=text.encode()).out == wanted
    folder = amp("score", "-m", model, "-j", "-", input=f"{world}/noise\n".encode())
    assert folder.out.startswith(wanted)
    mixed = amp("score", "-m", model, "-j", paths[0], "-", paths[2], input=paths[1].encode())
    assert mixed.out == wanted


def test_nothing_on_standard_input(model):
    done = amp("score", "-m", model, "-j", "-", input=b"")
    assert done.out == "" and "no images" in done.err


def test_nul_between_paths(model, world, tmp_path):
    odd = tmp_path / "new\nline.png"
    odd.write_bytes((world / "noise/00.png").read_bytes())
    text = f"{odd}\0{world}/noise/01.png\0".encode()
    for flag in ("-0", "--null"):
        rows = amp("score", "-m", model, "-j", flag, "-", input=text).rows()
        assert [row["file"] for row in rows] == [str(odd), f"{world}/noise/01.png"]
    done = amp("score", "-m", model, "-j", "-", input=f"{world}/noise/01.png\0x".encode(), code=3)
    assert "--null" in done.err


def test_lines_of_no_use(model, world):
    """A line longer than any path is reported once; the next is scored."""
    path = f"{world}/noise/01.png".encode()
    text = b"x" * 200000 + b"\n" + path + b"\n" + b"y" * 70000
    rows = amp("score", "-m", model, "-j", "-", input=text, code=3).rows()
    assert ["error" in row for row in rows] == [True, False, True]
    assert rows[0]["file"] == rows[2]["file"] == "-" and rows[1]["file"] == path.decode()


def test_each_verdict_comes_at_once(filter_run, world):
    """A program may write a path and wait for its row before the next."""
    for i in range(4):
        assert f"{i:02}.png".encode() in ask(filter_run, world / f"noise/{i:02}.png")
    filter_run.stdin.close()
    assert filter_run.wait(timeout=120) == 0


def test_interrupt_while_waiting(filter_run, world):
    assert b"01.png" in ask(filter_run, world / "noise/01.png")
    assert b"absent" in ask(filter_run, "absent.png")
    filter_run.send_signal(signal.SIGINT)
    assert filter_run.wait(timeout=120) == 130
    assert b"once more to stop at once" in filter_run.stderr.read()


def test_interrupt_before_any_image(model):
    """Not the words for folders without images."""
    with subprocess.Popen([AMP, "score", "-m", model, "--fail-on-ood", "-"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout.readline().startswith(b"verdict")
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=120) == 130
        assert b"image" not in run.stderr.read()


def test_second_signal_ends_at_once(filter_run, world):
    """Both wait for a stopped process; the second handler does not return."""
    assert ask(filter_run, world / "noise/01.png")
    filter_run.send_signal(signal.SIGSTOP)
    filter_run.send_signal(signal.SIGINT)
    filter_run.send_signal(signal.SIGTERM)
    filter_run.send_signal(signal.SIGCONT)
    assert filter_run.wait(timeout=120) == 130


def test_ignored_signals_stay_ignored(model, world):
    """nohup amp score: the terminal that goes away does not end it."""
    def ignore():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with subprocess.Popen([AMP, "score", "-m", model, "-j", "-"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          preexec_fn=ignore) as run:
        assert ask(run, world / "noise/01.png")
        run.send_signal(signal.SIGHUP)
        assert b"02.png" in ask(run, world / "noise/02.png")
        run.stdin.close()
        assert run.wait(timeout=120) == 0


def test_out_of_memory(filter_run, world, tmp_path):
    """An image larger than the memory that is left: 5, after the rows before it."""
    if SANITIZED:
        pytest.skip("a sanitised program reserves terabytes")
    huge = tmp_path / "huge.png"
    Image.new("L", (8000, 8000)).save(huge)
    assert b"01.png" in ask(filter_run, world / "noise/01.png")
    with open(f"/proc/{filter_run.pid}/status", encoding="ascii") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmPeak:")) << 10
    limit = peak + (64 << 20)
    resource.prlimit(filter_run.pid, resource.RLIMIT_AS, (limit, limit))
    filter_run.stdin.write(os.fsencode(f"{huge}\n"))
    filter_run.stdin.close()
    assert filter_run.wait(timeout=120) == 5
    assert b"no memory for 192" in filter_run.stderr.read()


def test_reader_that_goes_away(model, world):
    """| head: no message, no long work for nobody."""
    with subprocess.Popen([AMP, "score", "-m", model, "-"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert ask(run, world / "noise/01.png").startswith(b"verdict")
        run.stdout.close()
        run.stdin.write(os.fsencode(f"{world}/noise/02.png\n") * 2)
        run.stdin.close()
        assert run.wait(timeout=120) == -signal.SIGPIPE
        assert run.stderr.read() == b""


def test_broken_pipe_where_it_is_ignored(model, world):
    """A caller that ignores SIGPIPE sees 5, and the work stops."""
    def ignore():
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    with subprocess.Popen([AMP, "score", "-m", model, "-"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=ignore,
                          restore_signals=False) as run:
        assert ask(run, world / "noise/01.png").startswith(b"verdict")
        run.stdout.close()
        run.stdin.write(os.fsencode(f"{world}/noise/02.png\n"))
        run.stdin.flush()
        assert run.wait(timeout=120) == 5
        assert b"Broken pipe" in run.stderr.read()


def peak_memory(model, image, count, threads):
    """Most resident KiB of a run that reads `count` paths."""
    with subprocess.Popen([AMP, "score", "-m", model, "-t", str(threads), "-k", "1", "-j", "-"],
                          stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as run:
        run.stdin.write(os.fsencode(f"{image}\n") * count)
        run.stdin.close()
        _, status, usage = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
    assert run.returncode == 0
    return usage.ru_maxrss


@pytest.mark.parametrize("threads", [1, 3])
def test_ten_thousand_paths_in_the_memory_of_few(small_input, world, threads):
    image = world / "tiny.png"
    Image.new("RGB", (8, 8), (40, 90, 200)).save(image)
    few, many = (peak_memory(small_input, image, count, threads) for count in (100, 10000))
    if not SANITIZED:
        assert many < few + 4096, f"{few} and {many} KiB"


@pytest.mark.parametrize("threads, few, many", [(1, 2, 12), (3, 12, 36)])
def test_many_large_images_in_the_memory_of_few(small_input, tmp_path, threads, few, many):
    """Images wait for each other by their pixels, not by their number."""
    image = tmp_path / "large.png"
    Image.new("1", (4096, 4096)).save(image)
    short, long = (peak_memory(small_input, image, count, threads) for count in (few, many))
    if not SANITIZED:
        # 64 MiB of pixels a thread, and what is being read: 48 MiB an image
        assert long < short + (32 << 10) or long < threads * (64 + 48 + 32) << 10, \
            f"{short} and {long} KiB"


# ---- files are read ahead of the network, on threads of their own ----

@pytest.fixture(name="mixed_paths")
def paths_good_and_bad(world, tmp_path):
    """More than are read ahead: of some kilobytes and of megabytes, damaged, absent, empty."""
    large, cut = tmp_path / "large.png", tmp_path / "cut.png"
    Image.new("RGB", (3000, 3000), (200, 30, 30)).save(large)
    cut.write_bytes((world / "noise/00.png").read_bytes()[:200])
    photos = sorted((world / "photos/ant").iterdir()) + sorted((world / "noise").iterdir())
    paths = [str(path) for path in photos * 4]
    for at, path in ((3, large), (4, cut), (40, tmp_path / "absent.png"), (41, ""), (90, large),
                     (130, cut), (len(paths), tmp_path / "absent.jpg")):
        paths.insert(at, str(path))
    return paths


def test_read_ahead_in_order(model, mixed_paths):
    """However many threads read: the rows, the messages and their order are those of one."""
    one = amp("score", "-m", model, "-j", "-t", 1, *mixed_paths, code=3)
    assert [row["file"] for row in one.rows()] == mixed_paths
    assert sum("error" in row for row in one.rows()) == 5
    for threads in (2, 3, 8):
        many = amp("score", "-m", model, "-j", "-t", threads, *mixed_paths, code=3)
        assert (many.out, many.err) == (one.out, one.err)


def test_read_ahead_guards(model, world):
    """An image out of distribution far behind others is found."""
    inside = [world / "fresh/ant/00.png"] * 200
    for threads in (1, 2):
        run = ["score", "-m", model, "--fail-on-ood", "-t", threads]
        assert amp(*run, *inside, code=0)
        assert amp(*run, *inside, world / "noise/00.png", *inside[:70], code=1)


def test_interrupt_with_files_read_ahead(model, mixed_paths):
    text = "\n".join(mixed_paths * 40).encode()
    with subprocess.Popen([AMP, "score", "-m", model, "-t", "3", "-j", "-"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        run.stdin.write(text[:60000])
        run.stdin.flush()
        assert run.stdout.readline()
        run.send_signal(signal.SIGTERM)
        rows = run.stdout.read()
        assert run.wait(timeout=120) == 130
        assert rows.count(b"\n") < len(mixed_paths) * 40


def test_reader_that_goes_away_from_files_read_ahead(model, mixed_paths):
    """| head, of a long list."""
    paths = [path for path in mixed_paths if path] * 20
    with subprocess.Popen([AMP, "score", "-m", model, "-t", "3", "-j", *paths],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as run:
        assert run.stdout.readline()
        run.stdout.close()
        assert run.wait(timeout=120) == -signal.SIGPIPE


def test_out_of_memory_with_files_read_ahead(model, world, tmp_path):
    """The rows before the image that did not fit are there, and none after it."""
    if SANITIZED:
        pytest.skip("a sanitised program reserves terabytes")
    huge = tmp_path / "huge.png"
    Image.new("L", (8000, 8000)).save(huge)
    good = [world / f"noise/{i:02}.png" for i in range(9)]

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (memory << 20, memory << 20))

    for memory in range(150, 1500, 50):  # the least in which the program runs
        if amp("score", "-m", model, "-t", 1, "-j", *good, code=None, preexec_fn=limit).code == 0:
            break
    done = amp("score", "-m", model, "-t", 1, "-j", *good, huge, *good, code=5, preexec_fn=limit)
    assert [row["file"] for row in done.rows()] == list(map(str, good))
    assert "no memory for" in done.err
