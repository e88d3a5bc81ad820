# SPDX-License-Identifier: Apache-2.0
"""PyTorch's training as a contender of bench/train: Debian's, and the one of the virtual
environment.

A repetition is forward, cross entropy, backward and SGD with Nesterov's momentum on one batch that
is there already.  Settings tried: contiguous or channels_last, eager or compiled (where the version
has it).  bf16 is autocast, weights fp32.  "logits" is the loss.
"""
import os
import sys

import numpy as np
import torch
import worker_loop

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests",
                                "support"))
import nets  # noqa: E402

SEED = 20


def network(config, layout):
    torch.manual_seed(SEED)
    module = nets.build(config["arch"]).train().to(memory_format=layout)
    if not config["compiled"]:
        return module, module
    if not hasattr(torch, "compile"):
        worker_loop.refuse("none: this PyTorch has no torch.compile")
    return module, torch.compile(module, dynamic=False)


def main():
    config = worker_loop.config()
    torch.set_num_threads(config["threads"])
    layout = torch.channels_last if config["channels_last"] else torch.contiguous_format
    module, call = network(config, layout)
    x = torch.randn(config["batch"], 6, config["side"], config["side"]).to(memory_format=layout)
    y = torch.randint(0, config["classes"], (config["batch"],))
    optimiser = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9, nesterov=True,
                                weight_decay=5e-4)
    losses = [0.0]

    def run():
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=config["precision"] == "bf16"):
            loss = torch.nn.functional.cross_entropy(call(x), y)
        loss.backward()
        optimiser.step()
        losses[0] = loss.item()

    for _ in range(2):
        run()
    worker_loop.serve(f"torch {torch.__version__}", config["label"], run,
                      lambda: np.array(losses, np.float32))


if __name__ == "__main__":
    main()
