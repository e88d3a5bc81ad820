# SPDX-License-Identifier: Apache-2.0
"""The shortest honest program that scores one image on a peer, from file to verdict:

    cold_peer.py PEER FOLDER ARCH THREADS

Prints the class of the mean of the K predictions as soon as it is known.
"""
import json
import os
import sys

import networks
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def pixels(path):
    from PIL import Image  # pylint: disable=import-outside-toplevel
    mean, std = networks.PREPROCESS["mean"], networks.PREPROCESS["std"]
    with Image.open(path) as image:
        return ((np.asarray(image.convert("RGB")) / 255.0 - mean) / std).transpose(2, 0, 1)


def pairs(folder):
    x = pixels(f"{folder}/image0.png")
    rows = []
    for k in range(networks.ANCHORS):
        c = pixels(f"{folder}/anchor{k}.png")
        rows.append(np.concatenate([c, x - c]))
    return np.asarray(rows, np.float32)


def on_onnxruntime(folder, _, threads):
    import onnxruntime as ort  # pylint: disable=import-outside-toplevel
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(f"{folder}/fp32.onnx", options,
                                   providers=["CPUExecutionProvider"])
    return session.run(None, {"pairs": pairs(folder)})[0]


def on_openvino(folder, _, threads):
    import openvino as ov  # pylint: disable=import-outside-toplevel
    net = ov.Core().compile_model(f"{folder}/fp32.onnx", "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32"})
    return net(pairs(folder))[0]


def on_torch(folder, arch, threads):
    import torch  # pylint: disable=import-outside-toplevel
    sys.path.insert(0, os.path.join(HERE, "..", "tests", "support"))
    import nets  # pylint: disable=import-outside-toplevel
    torch.set_num_threads(threads)
    module = nets.load_state(f"{folder}/state.npz", nets.build(arch)).eval()
    module = module.to(memory_format=torch.channels_last)
    with torch.inference_mode():
        return module(torch.from_numpy(pairs(folder))).numpy()


PEERS = {"onnxruntime": on_onnxruntime, "openvino": on_openvino, "pytorch": on_torch,
         "pytorch-debian": on_torch}


def main():
    peer, folder, arch, threads = sys.argv[1:]
    logits = PEERS[peer](folder, arch, int(threads))
    print(json.dumps({"label": int(logits.mean(0).argmax())}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
