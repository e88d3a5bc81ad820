# SPDX-License-Identifier: Apache-2.0
"""The command line of bench/compare."""
import argparse
import dataclasses

import contenders
import idle
import networks

EXAMPLES = """\
examples:
  bench/compare --quick                      the issue's table roughly, fp32, in minutes
  bench/compare --json full.json             everything
  bench/compare --networks wrn-40-2 --work 1 --threads 1 --precisions fp32,bf16
  bench/compare --peers onnxruntime,openvino --skip cold,folder
  bench/compare --show full.json             the tables of an earlier run

The peers' environment is made in $AMP_BENCH_VENV (default: bench-venv beside the work tree),
libamp is built in $AMP_BENCH_BUILD (bench-build), networks are kept in $AMP_BENCH_WORK
(bench-work), the chroot is $AMP_BENCH_CHROOT (bench-debian13).  bench/README.md says what is measured and how.
"""
PARTS = ["cases", "cold", "cold-c", "folder", "adaptive"]


@dataclasses.dataclass
class Plan:
    """How long to measure."""

    rounds: int
    turn_seconds: float
    case_seconds: float
    calm: idle.Calm


def words(allowed):
    """A parser of comma-separated lists of known words."""
    def parse(text):
        found = [word for word in text.split(",") if word]
        for word in found:
            if word not in allowed:
                raise argparse.ArgumentTypeError(
                    f"{word!r} is not one of {', '.join(map(str, allowed))}")
        if not found:
            raise argparse.ArgumentTypeError("an empty list")
        return list(dict.fromkeys(found))
    return parse


def number_list(text):
    try:
        found = [int(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers") from None
    if not all(1 <= value <= 1024 for value in found):
        raise argparse.ArgumentTypeError("threads are 1..1024")
    return list(dict.fromkeys(found))


def positive(text):
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not in 1..1000")
    return value


def parser():
    found = argparse.ArgumentParser(
        prog="bench/compare", epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures libamp against other run times, in turns on this machine.")
    add = found.add_argument
    add("--quick", action="store_true", help="fp32, few rounds, ResNet-50 one image alone")
    add("--json", metavar="FILE", help="write all numbers there")
    add("--show", metavar="FILE", nargs="+",
        help="print the tables of files of --json, of all cases together; measures nothing")
    add("--networks", type=words(list(networks.NETWORKS)), default=list(networks.NETWORKS),
        metavar="LIST", help=f"of {','.join(networks.NETWORKS)}")
    add("--work", type=words(list(networks.WORKS)), default=list(networks.WORKS), metavar="LIST",
        help="images at a time, of 1,64")
    add("--threads", type=number_list, default=[1, 2], metavar="LIST", help="default 1,2")
    add("--precisions", type=words(networks.PRECISIONS), metavar="LIST",
        help=f"of {','.join(networks.PRECISIONS)} (default all; --quick fp32)")
    add("--peers", type=words(contenders.PEERS), default=contenders.PEERS, metavar="LIST",
        help=f"of {','.join(contenders.PEERS)}; pytorch is a download of some GB")
    add("--rounds", type=positive, metavar="N", help="turns of each contender (15; --quick 5)")
    add("--skip", type=words(PARTS), default=[], metavar="LIST",
        help="leave out cases (networks, work and threads), cold (cold start), cold-c (the same against ONNX Runtime in C, in a"
        " Debian 13 chroot), folder (files to verdicts), adaptive (verdicts on real"
        " images)")
    add("--wait", type=positive, metavar="MINUTES", default=0,
        help="for the machine to become idle, instead of refusing at once")
    add("--force", action="store_true", help="measure although the machine is not idle; the result"
        " says so")
    return found


def parse(arguments):
    """The options, with `plan` and what --quick leaves out filled in."""
    found = parser().parse_args(arguments)
    found.precisions = found.precisions or (["fp32"] if found.quick else networks.PRECISIONS)
    patience = 0.0 if found.force else 300.0 if found.quick else 1200.0
    calm = idle.Calm(patience)
    found.plan = (Plan(found.rounds or 5, 0.15, 40.0, calm) if found.quick
                  else Plan(found.rounds or 15, 0.3, 300.0, calm))
    return found


def cases(options):
    """(network, work, threads) of each case, in order."""
    if "cases" in options.skip:
        return []
    return [(network, work, threads) for network in options.networks for work in options.work
            for threads in options.threads
            if not (options.quick and network == "resnet50" and work != "1")]
