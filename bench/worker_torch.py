# SPDX-License-Identifier: Apache-2.0
"""PyTorch as a contender of bench/compare: Debian's, and the one of the virtual environment.

channels_last and inference_mode.  Settings tried: eager, traced and frozen, compiled by inductor
with frozen weights (where the version has it); for many images, how many at a time.  bf16 has
bf16 weights and input.
"""
import os
import sys

import networks
import numpy as np
import torch
import worker_loop

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests",
                                "support"))
import nets  # noqa: E402

KINDS = {"fp32": torch.float32, "bf16": torch.bfloat16, "int8": torch.float32}  # of the input
SAMPLE_ROWS = networks.SAMPLE_IMAGES * networks.ANCHORS


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


def by_graph(module, sample):
    """Quantised as PyTorch 1.13 does: FX graph mode, oneDNN's kernels."""
    from torch.ao import quantization  # pylint: disable=import-outside-toplevel
    from torch.ao.quantization import quantize_fx  # pylint: disable=import-outside-toplevel
    torch.backends.quantized.engine = "onednn"
    watched = quantize_fx.prepare_fx(module, quantization.get_default_qconfig_mapping("onednn"),
                                     (sample[0],))
    for rows in sample:
        watched(rows)
    return quantize_fx.convert_fx(watched)


def by_export(module, sample):
    """Quantised as PyTorch 2 does: exported, torchao's quantiser for inductor on x86."""
    from torchao.quantization import pt2e  # pylint: disable=import-outside-toplevel
    from torchao.quantization.pt2e import quantize_pt2e  # pylint: disable=import-outside-toplevel
    from torchao.quantization.pt2e.quantizer import (  # pylint: disable=import-outside-toplevel
        x86_inductor_quantizer as x86)
    quantiser = x86.X86InductorQuantizer()
    quantiser.set_global(x86.get_default_x86_inductor_quantization_config())
    rows = {0: torch.export.Dim("rows", min=2, max=100000)}
    exported = torch.export.export(module, (sample[0],), dynamic_shapes=(rows,)).module()
    watched = quantize_pt2e.prepare_pt2e(exported, quantiser)
    for part in sample:
        watched(part)
    done = quantize_pt2e.convert_pt2e(watched)
    pt2e.move_exported_model_to_eval(done)
    return done


def network(config, x):
    """The module in the precision asked for, channels last."""
    module = nets.load_state(config["model"], nets.build(config["arch"])).eval()
    module = module.to(memory_format=torch.channels_last)
    if config["precision"] != "int8":
        return module.to(KINDS[config["precision"]])
    rows = torch.from_numpy(x[:SAMPLE_ROWS]).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        quantise = by_graph if torch.__version__.startswith("1.") else by_export
        return quantise(module, rows.split(networks.ANCHORS))


def main():
    config = worker_loop.config()
    torch.set_num_threads(config["threads"])
    rows = np.load(config["input"], mmap_mode="r")
    module = network(config, np.array(rows[:SAMPLE_ROWS]))
    x = np.array(rows[:config["rows"]])
    parts = [torch.from_numpy(x[part]).to(KINDS[config["precision"]])
             .contiguous(memory_format=torch.channels_last)
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
