# SPDX-License-Identifier: Apache-2.0
"""Who takes part in a case, and with which settings: a table, and the command line of each.

A peer is given several settings; a short trial keeps the fastest of each peer and precision.
"""
import dataclasses
import json

import environment
import networks

PEERS = ["onnxruntime", "openvino", "pytorch", "pytorch-debian"]

# What a peer does not have.
NONE = {
    ("onnxruntime", "bf16"): "its x86 kernels have no bf16 convolution",
}

MATMUL_SIDE = 2048


@dataclasses.dataclass
class Case:
    """One row of the result: a network, so many images at a time, so many threads."""

    network: str
    work: str
    threads: int
    folder: object
    multiply_adds: int  # of one row

    @property
    def images(self):
        return networks.WORKS[self.work]

    @property
    def rows(self):
        return self.images * networks.ANCHORS

    @property
    def title(self):
        many = "1 image" if self.images == 1 else f"{self.images} images"
        few = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.network}, {many}, {few}"


@dataclasses.dataclass
class Contender:
    """family is who it is (a peer, libamp, limit), name how the table calls it; results names the
    file that keeps what it says instead of logits."""

    family: str
    name: str
    precision: str
    label: str
    command: list
    environment: dict
    results: str = ""


@dataclasses.dataclass
class Tools:
    """Where the programs are."""

    python: object
    built: object
    cache: object


def pieces(case):
    """Images at a time that are tried when there are many."""
    if case.images == 1:
        return [1]
    return [8, 1] if networks.find(case.network)["side"] > 100 else [8, 2, case.images]


def settings(peer, case, precision):
    """The settings tried, each a dict."""
    chunks = pieces(case)
    if peer == "onnxruntime":
        return ([{"spin": spin, "images": chunks[0]} for spin in (True, False)]
                + [{"spin": True, "images": chunk} for chunk in chunks[1:]])
    if peer == "openvino":
        few = {"hint": "THROUGHPUT", "images": 1}
        found = [{"hint": "LATENCY", "images": chunk} for chunk in chunks]
        found += [{"hint": "THROUGHPUT", "images": chunk} for chunk in chunks
                  if chunk < case.images]
        return found + ([] if few in found else [few])
    modes = ["eager", "frozen"] + (["compiled"] if peer == "pytorch" else [])
    if peer == "pytorch" and precision == "int8":
        modes = ["compiled"]  # what its quantiser leaves is meant for inductor alone
    return ([{"mode": mode, "images": chunks[0]} for mode in modes]
            + [{"mode": mode, "images": chunk} for chunk in chunks[1:] for mode in modes[-2:]
               if mode != "eager"])


def label(setting, case):
    words = [f"{key}={value}" for key, value in setting.items() if key != "images"]
    if case.images > 1:
        words.append(f"{setting['images']} images at a time")
    return ", ".join(words).lower()


MODELS = {
    ("onnxruntime", "fp32"): "fp32.onnx",
    ("onnxruntime", "int8"): "ort-int8.onnx",
    ("openvino", "fp32"): "fp32.onnx",
    ("openvino", "bf16"): "fp32.onnx",
    ("openvino", "int8"): "ov-int8.xml",
}
WORKERS = {
    "onnxruntime": "worker_onnxruntime.py",
    "openvino": "worker_openvino.py",
    "pytorch": "worker_torch.py",
    "pytorch-debian": "worker_torch.py",
}


def peer_contender(peer, precision, case, setting, tools):
    """One peer with one setting."""
    network = networks.find(case.network)
    config = {
        **setting,
        "label": label(setting, case),
        "precision": precision,
        "threads": case.threads,
        "rows": case.rows,
        "chunk_rows": setting["images"] * networks.ANCHORS,
        "classes": network["classes"],
        "arch": network["arch"],
        "model": str(case.folder / MODELS.get((peer, precision), "state.npz")),
        "input": str(case.folder / "pairs.npy"),
    }
    python = environment.DEBIAN_PYTHON if peer == "pytorch-debian" else str(tools.python)
    return Contender(peer, peer, precision, config["label"],
                     [python, str(environment.HERE / WORKERS[peer]), json.dumps(config)],
                     environment.clean(OMP_NUM_THREADS=str(case.threads),
                                       TORCHINDUCTOR_CACHE_DIR=str(tools.cache),
                                       TORCHINDUCTOR_COMPILE_THREADS="1"))


def libamp_contender(name, case, tools):
    precision, options = networks.LIBAMP[name]
    side = str(networks.find(case.network)["side"])
    command = [tools.built / "bench" / "worker_libamp", case.folder / "model.safetensors",
               case.threads, options, case.folder / "images.rgb8", case.images, side, side]
    return Contender("libamp", f"libamp {name}", precision, options,
                     [str(word) for word in command], environment.clean())


def limit_contender(precision, case, tools):
    command = [str(tools.built / "bench" / "limit"), precision, str(MATMUL_SIDE)]
    return Contender("limit", f"matmul {precision}", precision, f"side {MATMUL_SIDE}", command,
                     environment.clean(OMP_NUM_THREADS=str(case.threads)))


def verdict_contender(precision, anchors, case, tools, counted):
    """libamp giving verdicts one by one, anchors being "all" or "adaptive"."""
    side = str(networks.find(case.network)["side"])
    model = environment.ROOT / "models" / f"{case.network}.safetensors"
    command = [tools.built / "bench" / "worker_verdicts", model, case.threads, precision, anchors,
               case.folder / "images.rgb8", counted, side, side]
    return Contender("libamp", f"libamp {precision}, {anchors}", precision, anchors,
                     [str(word) for word in command], environment.clean(),
                     f"verdicts-{precision}-{anchors}.raw")


def peer_groups(case, precision, peers, tools):
    """A group each peer that has the precision."""
    return [[peer_contender(peer, precision, case, setting, tools)
             for setting in settings(peer, case, precision)]
            for peer in peers if (peer, precision) not in NONE]


def groups(case, precisions, peers, tools):
    """[[contender, ...], ...]: of each group only the fastest takes part."""
    found = [[libamp_contender(name, case, tools)] for name, (precision, _)
             in networks.LIBAMP.items() if precision in precisions]
    for precision in precisions:
        found.append([limit_contender(precision, case, tools)])
        found += peer_groups(case, precision, peers, tools)
    return found
