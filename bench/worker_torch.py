# SPDX-License-Identifier: Apache-2.0
"""PyTorch as a contender of bench/compare: Debian's, and the one of the virtual environment.

channels_last and inference_mode.  Settings tried: eager, traced and frozen, compiled by inductor
with frozen weights (where the version has it); for many images, how many at a time.
"""
import os
import sys

import numpy as np
import torch
import worker_loop

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests",
                                "support"))
import nets  # noqa: E402


def frozen(module, sample):
    with torch.no_grad():
        net = torch.jit.freeze(torch.jit.trace(module, sample))
        for _ in range(3):
            net(sample)
    return net


def compiled(module, sample):
    if not hasattr(torch, "compile"):
        worker_loop.refuse("none: this PyTorch has no torch.compile")
    from torch._inductor import config as inductor  # pylint: disable=import-outside-toplevel
    inductor.freezing = True
    net = torch.compile(module, dynamic=False)
    with torch.no_grad():
        for _ in range(3):
            net(sample)
    return net


MODES = {"eager": lambda module, sample: module, "frozen": frozen, "compiled": compiled}


def main():
    config = worker_loop.config()
    torch.set_num_threads(config["threads"])
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[config["precision"]]
    module = nets.load_state(config["model"], nets.build(config["arch"])).eval()
    module = module.to(kind).to(memory_format=torch.channels_last)
    x = np.array(np.load(config["input"], mmap_mode="r")[:config["rows"]])
    parts = [torch.from_numpy(x[part]).to(kind).contiguous(memory_format=torch.channels_last)
             for part in worker_loop.pieces(config["rows"], config["chunk_rows"])]
    with torch.inference_mode():
        net = MODES[config["mode"]](module, parts[0])
    results = []

    def run():
        with torch.inference_mode():
            results[:] = [net(part) for part in parts]

    def logits():
        return torch.cat(results).float().numpy()

    worker_loop.serve(f"torch {torch.__version__}", config["label"], run, logits)


if __name__ == "__main__":
    main()
