# SPDX-License-Identifier: Apache-2.0
"""bench/compare's arithmetic, its look at /proc, its command line and its tables."""
import importlib.machinery
import importlib.util
import json
import math
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

SOURCE = pathlib.Path(os.environ.get("AMP_SOURCE") or pathlib.Path(__file__).parents[2])
BENCH = SOURCE / "bench"
sys.path.insert(0, str(BENCH))
import contenders  # noqa: E402
import environment  # noqa: E402
import folder  # noqa: E402
import idle  # noqa: E402
import networks  # noqa: E402
import options  # noqa: E402
import process  # noqa: E402
import ratios  # noqa: E402
import report  # noqa: E402
import rounds  # noqa: E402
import stats  # noqa: E402
import verdicts  # noqa: E402
import worker_loop  # noqa: E402

# ---- statistics -------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0, 0.1, 0.25, 0.5, 0.75, 1])
@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_quantiles_are_numpys(share, count):
    values = list(np.random.default_rng(count).normal(0, 1, count))
    assert stats.quantile(values, share) == pytest.approx(np.quantile(values, share))


def test_spread():
    assert stats.spread([4, 1, 3, 2, 5]) == {"median": 3, "q1": 2, "q3": 4, "min": 1, "max": 5}
    with pytest.raises(ValueError):
        stats.spread([])


def test_geometric_mean():
    assert stats.geometric_mean([1, 4]) == pytest.approx(2)
    assert stats.geometric_mean([2, 2, 2]) == pytest.approx(2)
    assert stats.geometric_mean([]) is None
    with pytest.raises(ValueError):
        stats.geometric_mean([1, 0])


def test_largest_difference():
    assert stats.largest_difference([1, 2, 3.5], [1, 2, 4]) == pytest.approx(0.125)
    assert stats.largest_difference([0.5], [0]) == 0.5
    assert stats.largest_difference([math.nan], [1]) == math.inf
    assert stats.largest_difference([1, math.inf], [1, 2]) == math.inf
    with pytest.raises(ValueError):
        stats.largest_difference([1], [1, 2])


def test_repetitions():
    assert stats.repetitions(0.01, 0.3) == 30
    assert stats.repetitions(0.4, 0.3) == 1
    assert stats.repetitions(0, 0.3) == 2000
    assert stats.repetitions(1e-6, 1) == 2000


# ---- an idle machine --------------------------------------------------------------------------

STAT = """cpu  1000 20 300 50000 40 5 6 7 0 0
cpu0 500 10 150 25000 20 2 3 3 0 0
intr 1
"""
LATER = "cpu  1090 20 310 50085 45 5 6 17 0 0\n"


def test_stat():
    before = idle.parse_stat(STAT)
    assert before == {"busy": 1331, "idle": 50040, "steal": 7}
    assert idle.shares(before, idle.parse_stat(LATER)) == (0.5, 0.05)
    assert idle.shares(before, before) == (0.0, 0.0)
    with pytest.raises(ValueError):
        idle.parse_stat("intr 1\n")


def test_old_stat_without_steal():
    assert idle.parse_stat("cpu 1 2 3 4\n") == {"busy": 6, "idle": 4, "steal": 0}


def test_process_names_with_brackets():
    text = "42 (a (b) c) R 1 42 42 0 -1 4194560 100 0 0 0 70 30 0 0 20 0 1 0 100 0 0\n"
    assert idle.parse_process(text) == (42, "a (b) c", 100)


def test_busiest():
    before = {1: ("init", 50), 2: ("train", 100), 3: ("shell", 7)}
    after = {1: ("init", 50), 2: ("train", 250), 3: ("shell", 8), 4: ("new", 20)}
    found = idle.busiest(before, after, 1.0, 100)
    assert found == [(1.5, 2, "train"), (0.2, 4, "new"), (0.01, 3, "shell")]


def test_verdict():
    assert idle.verdict(0.01, 0.0, []) is None
    why = idle.verdict(0.75, 0.0, [(1.5, 2, "train")])
    assert "75%" in why and "train (pid 2, 150% of a processor)" in why
    assert "host" in idle.verdict(0.0, 0.1, [])


def test_disturbance():
    before = {"busy": 1000, "idle": 1000, "steal": 0}
    after = {"busy": 1150, "idle": 1050, "steal": 0}
    assert idle.disturbance(before, after, 1.5, 100) == 0
    assert idle.disturbance(before, after, 1.49, 100) == 0
    assert idle.disturbance(before, after, 0.5, 100) == pytest.approx(0.97 / 2)
    assert idle.disturbance(before, {**after, "steal": 100}, 1.5, 100) == pytest.approx(0.97 / 3)
    assert idle.disturbance(before, before, 0.0, 100) == 0


@pytest.mark.parametrize("patience,repeated,kept,value", [(1e9, 2, 0, 3), (0, 0, 1, 1)])
def test_disturbed_turns_are_repeated(monkeypatch, patience, repeated, kept, value):
    shares = iter([0.5, 0.2, 0.0])
    monkeypatch.setattr(idle, "disturbance", lambda *_: next(shares))
    monkeypatch.setattr(idle.time, "sleep", lambda _: None)
    calm, runs = idle.Calm(patience), []

    def action():
        runs.append(1)
        return len(runs), 0.0

    assert calm.run(action)[0] == value
    assert calm.taken() == {"repeated": repeated, "kept": kept}
    assert calm.taken() == {"repeated": 0, "kept": 0}


def test_look_at_this_machine():
    found = idle.look(0.05)
    assert 0 <= found["busy"] <= 1 and 0 <= found["stolen"] <= 1


# ---- ratios -----------------------------------------------------------------------------------


def entry(family, name, precision, median, **more):
    return {"family": family, "name": name, "precision": precision, "median": median,
            "q1": median, "q3": median, "settings": "", "version": "1", "processors": 1.0, **more}


def case(network, threads, ours, peers, work="1"):
    """A case with libamp's contenders and peers as {(name, precision): seconds}."""
    measured = [entry("libamp", f"libamp {name}", networks.LIBAMP[name][0], seconds,
                      memory_kib=50000, difference=1e-7) for name, seconds in ours.items()]
    measured += [entry(name, name, precision, seconds, memory_kib=100000, difference=1e-7)
                 for (name, precision), seconds in peers.items()]
    measured.append(entry("limit", "matmul fp32", "fp32", 0.1, rate=1e11))
    return {"network": network, "work": work, "threads": threads, "multiply_adds": 2e9,
            "measured": measured, "others": []}


CASES = [
    case("wrn-40-2", 1, {"fp32": 0.020, "bf16": 0.010},
         {("onnxruntime", "fp32"): 0.024, ("openvino", "fp32"): 0.022,
          ("openvino", "bf16"): 0.015}),
    case("resnet50", 2, {"fp32": 0.100, "bf16": 0.050},
         {("onnxruntime", "fp32"): 0.099, ("openvino", "fp32"): 0.120}),
]


def test_best_peer_is_no_part_of_ours():
    assert ratios.best_peer(CASES[0], "fp32")["name"] == "openvino"
    assert ratios.best_peer(CASES[1], "fp32")["name"] == "onnxruntime"
    assert ratios.best_peer(CASES[1], "bf16") is None


def test_ratios_of_a_case():
    bf16, fp32 = ratios.of_case(CASES[0])
    assert (fp32["name"], fp32["same_peer"]) == ("fp32", "openvino")
    assert fp32["same"] == fp32["fp32"] == pytest.approx(1.1)
    assert fp32["limit_share"] == pytest.approx(1.0)
    assert bf16["same"] == pytest.approx(1.5)
    assert bf16["fp32"] == pytest.approx(2.2)
    assert bf16["limit_share"] is None
    alone = ratios.of_case(CASES[1])[0]
    assert alone["same"] is None and alone["fp32"] == pytest.approx(1.98)


def test_summary():
    rows = {row["name"]: row for row in ratios.summary(CASES)}
    assert set(rows) == {"fp32", "bf16"}
    same = rows["fp32"]["same"]
    assert same["mean"] == pytest.approx(math.sqrt(1.1 * 0.99))
    assert same["worst"] == pytest.approx(0.99) and same["worst_case"] == "resnet50, 1, 2t"
    assert same["cases"] == 2 and not same["met"]
    assert rows["bf16"]["same"]["cases"] == 1 and rows["bf16"]["same"]["met"]
    assert rows["bf16"]["fp32"]["mean"] == pytest.approx(math.sqrt(2.2 * 1.98))
    assert rows["bf16"]["fp32"]["met"]


def test_one_bad_case_misses_the_target():
    rows = [{"case": "a", "same": 2.0}, {"case": "b", "same": 0.9}]
    found = ratios.cell(rows, "same", 1.05)
    assert found["mean"] > 1.05 and found["worst_case"] == "b" and not found["met"]
    assert ratios.cell([{"case": "a", "same": None}], "same", 1.05) is None
    assert ratios.cell(rows, "same", None)["met"] is None


def test_shares_and_memory():
    rows = ratios.limit_rows(CASES)
    assert [row["name"] for row in rows] == ["libamp fp32"]
    assert rows[0]["share"] == pytest.approx(0.2) and not rows[0]["met"]
    rows = ratios.memory_rows(CASES)
    assert rows and all(row["ratio"] == 0.5 for row in rows)
    found = ratios.memory_summary(rows + [{"name": "libamp fp32", "ratio": 0.9}])
    assert found["libamp fp32"]["worst"] == 0.9 and not found["libamp fp32"]["met"]
    assert ratios.memory_summary(rows)["libamp fp32"]["met"]


def cold_start(family, settings, threads, median):
    return {"network": "wrn-40-2", "threads": threads, "family": family, "settings": settings,
            "median": median, "q1": median, "q3": median}


COLD = [cold_start("libamp", "fp32", 1, 0.100), cold_start("onnxruntime", "as it is", 1, 0.150),
        cold_start("onnxruntime", "saved as ONNX", 1, 0.120),
        cold_start("libamp", "fp32", 2, 0.050), cold_start("onnxruntime", "as it is", 2, 0.080),
        cold_start("libamp", "bf16", 3, 0.050),
        {"network": "wrn-40-2", "threads": 2, "family": "libamp", "settings": "bf16",
         "refused": "none here"}]


def test_cold_starts_meet_the_fastest_settings():
    rows = ratios.cold_rows(COLD)
    assert [(row["case"], row["peer"]) for row in rows] == [("wrn-40-2, 1t", "saved as ONNX"),
                                                           ("wrn-40-2, 2t", "as it is")]
    found = ratios.cold_summary(rows)["fp32"]
    assert found["mean"] == pytest.approx(math.sqrt(1.2 * 1.6)) and found["worst"] == 1.2
    assert found["met"] and found["target"] == networks.COLD_TARGET


def verdict_row(precision, anchors, threads, found):
    return {"name": f"libamp {precision}, {anchors}", "precision": precision, "anchors": anchors,
            "threads": threads, "ratio": found, "median": 0.001, "q1": 0.001, "q3": 0.001,
            "used": 2.0, "agree": 1.0, "peer": "onnxruntime", "peer_median": 0.001 * found}


VERDICTS = [verdict_row("fp32", "all", 1, 9.0), verdict_row("fp32", "adaptive", 1, 3.0),
            verdict_row("bf16", "adaptive", 1, 3.3), verdict_row("bf16", "adaptive", 2, 4.0)]


def test_verdicts_count_in_the_best_precision():
    found = verdicts.summary(VERDICTS)
    assert found["precision"] == "bf16" and found["ratio"] == pytest.approx(math.sqrt(13.2))
    assert found["met"]
    assert verdicts.summary(VERDICTS[:1]) is None
    low = verdicts.summary([*VERDICTS, verdict_row("bf16", "adaptive", 3, 3.1)])
    assert not low["met"]


def test_a_verdict_is_timed_and_compared(tmp_path):
    values = {"all": [1, 5, 0, 5, 1, 5, 1, 5], "adaptive": [1, 2, 1, 3, 1, 2, 1, 5]}
    for name, found in values.items():
        np.array(found, np.float32).tofile(tmp_path / f"verdicts-bf16-{name}.raw")
    record = entry("libamp", "libamp bf16, adaptive", "bf16", 0.008) | {"settings": "adaptive"}
    row = verdicts.of_record(record, {"threads": 2}, tmp_path, 4,
                             {"name": "openvino", "median": 0.009})
    assert row["median"] == pytest.approx(0.002) and row["ratio"] == pytest.approx(4.5)
    assert row["used"] == 3.0 and row["agree"] == 0.75


def test_targets_are_those_of_known_contenders():
    for work, name in networks.TARGETS:
        assert work in networks.WORKS and name in networks.LIBAMP


# ---- the command line -------------------------------------------------------------------------


def test_defaults():
    found = options.parse([])
    assert found.precisions == networks.PRECISIONS and found.peers == contenders.PEERS
    assert found.threads == [1, 2] and found.plan.rounds == 15
    assert len(options.cases(found)) == 4 * 2 * 2


def test_quick():
    found = options.parse(["--quick"])
    assert found.precisions == ["fp32"] and found.plan.rounds == 5
    assert ("resnet50", "64", 1) not in options.cases(found)
    assert len(options.cases(found)) == 14
    both = options.parse(["--quick", "--precisions", "fp32,int8", "--rounds", "3"])
    assert both.precisions == ["fp32", "int8"] and both.plan.rounds == 3


def test_lists():
    found = options.parse(["--networks", "resnet18,wrn-40-2,resnet18", "--work", "64",
                           "--threads", "2", "--peers", "openvino"])
    assert options.cases(found) == [("resnet18", "64", 2), ("wrn-40-2", "64", 2)]


@pytest.mark.parametrize("arguments", [
    ["--networks", "vgg"], ["--work", "7"], ["--threads", "0"], ["--threads", "two"],
    ["--precisions", ""], ["--rounds", "0"], ["--rounds", "x"], ["--wait", "-1"],
    ["--skip", "all"], ["more"]])
def test_wrong_arguments(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        options.parse(arguments)
    assert end.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_help_has_examples():
    done = subprocess.run([sys.executable, BENCH / "compare", "--help"], check=True,
                          capture_output=True, text=True)
    assert "--quick" in done.stdout and "examples:" in done.stdout


# ---- contenders -------------------------------------------------------------------------------


def groups(work, precisions, network="wrn-40-2"):
    tools = contenders.Tools("python", pathlib.Path("built"), "cache")
    one = contenders.Case(network, work, 2, pathlib.Path("folder"), 1)
    return one, contenders.groups(one, precisions, contenders.PEERS, tools)


def test_everyone_takes_part():
    _, found = groups("1", ["fp32", "bf16", "int8"])
    there = {(group[0].family, group[0].precision) for group in found}
    for precision in networks.PRECISIONS:
        assert ("libamp", precision) in there and ("limit", precision) in there
        for peer in contenders.PEERS:
            assert ((peer, precision) in there) != ((peer, precision) in contenders.NONE)


def test_one_kind_a_group():
    for work in networks.WORKS:
        for network in networks.NETWORKS:
            for group in groups(work, networks.PRECISIONS, network)[1]:
                assert len({(one.name, one.precision) for one in group}) == 1
                labels = [one.label for one in group]
                assert len(set(labels)) == len(labels)


def test_peers_get_all_rows():
    one, found = groups("64", ["fp32"])
    assert one.rows == 320 and one.title == "wrn-40-2, 64 images, 2 threads"
    for group in found:
        for contender in group:
            if contender.family in contenders.PEERS:
                config = json.loads(contender.command[2])
                assert config["rows"] == 320 and config["threads"] == 2
                assert 320 % config["chunk_rows"] == 0


def test_environment_is_clean(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("DNNL_VERBOSE", "1")
    found = environment.clean(OMP_NUM_THREADS="2")
    assert found["OMP_NUM_THREADS"] == "2" and "DNNL_VERBOSE" not in found


def test_folders_stay_outside(monkeypatch):
    monkeypatch.setenv("AMP_BENCH_VENV", str(SOURCE / "venv"))
    with pytest.raises(environment.Unusable):
        environment.outside("AMP_BENCH_VENV", "bench-venv")
    monkeypatch.delenv("AMP_BENCH_VENV")
    assert environment.outside("AMP_BENCH_VENV", "bench-venv").parent == SOURCE.resolve().parent


def test_pieces():
    assert worker_loop.pieces(10, 4) == [slice(0, 4), slice(4, 8), slice(8, 10)]
    assert worker_loop.pieces(10, 0) == [slice(0, 10)]


def test_files():
    assert folder.files_for(0.01) == 1024
    assert folder.files_for(10) == folder.LEAST_FILES
    assert folder.files_for(0) == folder.MOST_FILES


# ---- the protocol -----------------------------------------------------------------------------

FAKE = """
import sys
sys.path.insert(0, {bench!r})
import numpy as np
import worker_loop
config = worker_loop.config()
print("noise on standard output")
worker_loop.serve("fake 1", config["label"], lambda: None, lambda: np.arange(4.0))
"""


def fake_worker(tmp_path, text=FAKE):
    command = [sys.executable, "-c", text.format(bench=str(BENCH)), '{"label": "x"}']
    made = contenders.Contender("fake", "fake", "fp32", "x", command, dict(os.environ))
    return process.Worker(made, tmp_path / "log")


def test_a_worker_answers_and_waits_stopped(tmp_path):
    worker = fake_worker(tmp_path)
    try:
        worker.start(60)
        assert worker.version == "fake 1" and worker.settings == "x"
        assert process.state_of(worker.process.pid) == "T"
        answer = worker.ask("run 3", 60)
        assert len(answer["times"]) == 3 and min(answer["times"]) >= 0
        worker.ask(f"logits {tmp_path / 'y'}", 60)
        assert list(rounds.read_floats(tmp_path / "y")) == [0, 1, 2, 3]
        assert worker.memory() > 1000
        assert process.state_of(worker.process.pid) == "T"
    finally:
        worker.stop()


@pytest.mark.parametrize("text,why", [
    ("import sys; sys.stderr.write('no such library'); sys.exit(3)", "no such library"),
    ("print('{{\"refused\": \"no bf16\"}}')", "no bf16"),
    ("print('hello')", "hello"),
])
def test_a_worker_that_refuses(tmp_path, text, why):
    worker = fake_worker(tmp_path, text)
    try:
        with pytest.raises(process.Refused, match=why):
            worker.start(60)
    finally:
        worker.stop()


# ---- tables -----------------------------------------------------------------------------------


def whole_result():
    others = [{"family": "libamp", "name": "libamp fp32-fast", "precision": "fp32",
               "settings": "fast=true", "refused": "not in this build"}]
    return {"forced": True, "quick": True, "date": "now", "precisions": networks.PRECISIONS,
            "peers": contenders.PEERS,
            "idle": {"busy": 0.5, "stolen": 0.0, "load": 1.0, "why": "half is busy"},
            "machine": {"processor": "P", "processors": 2, "system": "S", "commit": "abc"},
            "cases": [{**CASES[0], "others": others}, CASES[1]],
            "cold": [{"network": "all", "name": "C", "note": "not measured"}], "folder": [],
            "cold_c": {"rows": COLD, "note": ""},
            "verdicts": {"sets": {"a": 1, "b": 3}, "images": 4, "rows": VERDICTS, "note": "",
                         "refused": [{"name": "libamp int8, all", "refused": "no form"}]}}


def test_report():
    text = report.text(whole_result())
    assert "NOT IDLE, forced: half is busy" in text
    assert "refused: libamp fp32-fast fp32 (fast=true): not in this build" in text
    assert "none: onnxruntime bf16: " in text
    assert "not measured" in text
    assert "refused: libamp int8, all: no form" in text
    assert "adaptive, bf16: 3.63 of the best fp32 peer, target >= 3.5: met" in text
    assert [line.split()[-1] for line in text.splitlines()
            if line.startswith("fp32 ") and ">= 1.3" in line] == ["met"]
    row = [line for line in text.splitlines() if line.startswith("1 image(s), fp32")][0]
    assert row.split()[-10:] == ["1.04", "0.99", ">=", "1.05", "MISSED", "1.04", "0.99", ">=",
                                 "1.05", "MISSED"]


def test_show(tmp_path):
    (tmp_path / "r.json").write_text(json.dumps(whole_result()), encoding="utf-8")
    done = subprocess.run([sys.executable, BENCH / "compare", "--show", tmp_path / "r.json"],
                          check=True, capture_output=True, text=True)
    assert done.stdout.strip() == report.text(whole_result()).strip()


def cases_in_mean(text):
    return [int(line.split()[3]) for line in text.splitlines()
            if line.startswith("1 image(s), fp32 ")][0]


def test_show_several(tmp_path):
    """Cases add up, and another part comes from the last run that measured it."""
    first, second = whole_result(), whole_result()
    del second["cold_c"]
    first["verdicts"] = {"rows": [], "note": "the first's"}
    second["verdicts"] = {"rows": [], "note": "the second's"}
    names = [tmp_path / "a.json", tmp_path / "b.json"]
    for name, result in zip(names, (first, second)):
        name.write_text(json.dumps(result), encoding="utf-8")
    shown = subprocess.run([sys.executable, BENCH / "compare", "--show", *names], check=True,
                           capture_output=True, text=True).stdout
    assert cases_in_mean(shown) == 2 * cases_in_mean(report.text(first)) > 0
    assert "the second's" in shown and "the first's" not in shown
    assert "ONNX Runtime in C" in shown


def test_skip_cases():
    assert options.cases(options.parse(["--skip", "cases,cold"])) == []
    assert "## Ratios" not in report.text({**whole_result(), "cases": []})


def test_wanted_logits(tmp_path):
    wanted = np.arange(320 * 3, dtype=np.float32).reshape(320, 3)
    np.save(tmp_path / "wanted.npy", wanted)
    one = contenders.Case("wrn-40-2", "1", 1, tmp_path, 1)
    assert list(rounds.wanted_logits(one, 3)) == list(wanted[:5].ravel())


# ---- bench/scorers ----------------------------------------------------------------------------

@pytest.fixture(name="scorers", scope="module")
def scorers_module():
    """The script, which has no suffix, as a module."""
    loader = importlib.machinery.SourceFileLoader("scorers", str(BENCH / "scorers"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("scorers", loader))
    loader.exec_module(module)
    return module


def test_scorers_share_batches_evenly(scorers):
    for images in (1, 5, 64, 100):
        for count in (1, 3, 4):
            batches = scorers.batches(images, count)
            assert batches % count == 0 and batches * images >= scorers.IMAGES
    assert list(scorers.modes(4, 2).values()) == [(1, 2), (4, 1), (4, 2)]


def test_scorers_table(scorers):
    row = {"model": "a/b.safetensors", "precision": "bf16", "images": 64, "modes": {
        "1 scorer of 2": {"rate": stats.spread([100.0]), "ratio": 1.0},
        "4 scorers of 1": {"rate": stats.spread([96.0, 98.0]), "ratio": 0.97}}}
    lines = scorers.text(row).splitlines()
    assert lines[0] == "b.safetensors, bf16, 64 image(s)"
    assert lines[2].split()[-1] == "0.970" and "97.0 images/s" in lines[2]


def test_scorers_refuse_a_busy_machine(scorers, monkeypatch):
    monkeypatch.setattr(idle, "look", lambda: {"why": "cc1 is busy"})
    calm = scorers.parse(["m.st"])
    with pytest.raises(environment.Unusable, match="cc1"):
        scorers.wait_for_calm(calm)
    assert scorers.wait_for_calm(scorers.parse(["m.st", "--force"]))["why"] == "cc1 is busy"


# ---- bench/train ------------------------------------------------------------------------------

@pytest.fixture(name="train", scope="module")
def train_module():
    """The script, which has no suffix, as a module."""
    loader = importlib.machinery.SourceFileLoader("train", str(BENCH / "train"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("train", loader))
    sys.modules["train"] = module  # where dataclasses look names up
    loader.exec_module(module)
    return module


def trained(family, precision, seconds):
    return {"family": family, "name": family, "precision": precision, "settings": "eager",
            "version": "1", "rate": 128 / seconds, "memory_kib": 1024,
            **stats.spread([seconds])}


def test_train_ratios(train):
    case = {"network": "wrn-40-2", "others": [], "disturbed": {"kept": 2},
            "measured": [trained("libamp", "fp32", 1.0), trained("libamp", "bf16", 0.5),
                         trained("pytorch", "fp32", 2.0), trained("pytorch-debian", "fp32", 1.2),
                         trained("pytorch", "bf16", 0.6)]}
    fp32, bf16 = train.ratios(case)
    assert fp32["same"] == fp32["fp32"] == pytest.approx(1.2)
    assert bf16["same"] == pytest.approx(1.2) and bf16["fp32"] == pytest.approx(2.4)
    assert "MISSED" in train.verdict(bf16, "same") and "MISSED" in train.verdict(bf16, "fp32")
    bf16["same"] = 1.5
    assert train.verdict(bf16, "same") == "1.50 (>= 1.5: met)"
    lines = train.case_lines(case)
    assert "DISTURBED turns kept: 2" in lines
    assert any(line.split()[:3] == ["libamp", "bf16", "256.0"] for line in lines)
    case["measured"] = case["measured"][:2]
    assert train.verdict(train.ratios(case)[0], "same") == "no peer"


def test_train_groups(train, tmp_path):
    options = train.parse(["--quick"])
    options.built = options.python = tmp_path
    options.data = train.make_data(tmp_path)
    assert options.data.stat().st_size == train.IMAGES * train.RECORD
    groups = train.groups("wrn-40-2", options)
    assert [(group[0].name, group[0].precision) for group in groups] == [
        ("libamp", "fp32"), ("libamp", "bf16"), ("pytorch", "fp32"), ("pytorch-debian", "fp32"),
        ("pytorch", "bf16"), ("pytorch-debian", "bf16")]
    assert [one.label for one in groups[2]] == ["channels_last, eager", "contiguous, eager",
                                                "channels_last, compiled"]
    assert len(groups[3]) == 2  # Debian's has no compiler


def test_train_refuses_a_busy_machine(train, monkeypatch):
    monkeypatch.setattr(idle, "look", lambda: {"why": "cc1 is busy"})
    with pytest.raises(environment.Unusable, match="cc1"):
        train.wait_for_calm(train.parse([]))
    assert train.wait_for_calm(train.parse(["--force"]))["why"] == "cc1 is busy"
    with pytest.raises(SystemExit):
        train.parse(["--networks", "alexnet"])
