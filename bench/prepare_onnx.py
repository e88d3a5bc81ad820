# SPDX-License-Identifier: Apache-2.0
"""Makes the peers' own forms of a network from raw.onnx.  Run in the bench's environment:

    prepare_onnx.py FOLDER [fp32]      fp32: that alone

FOLDER receives
    fp32.onnx      the mean over pixels as the GlobalAveragePool that run times know best
    ort-int8.onnx  ONNX Runtime's static quantisation: QDQ, weights by channel
    ov-int8.xml    OpenVINO's, by nncf.quantize
"""
import logging
import os
import sys

import networks
import nncf
import numpy as np
import onnx
import openvino as ov
from onnx import helper
from onnxruntime.quantization import (CalibrationDataReader, QuantFormat, QuantType,
                                      quantize_static)
from onnxruntime.quantization.shape_inference import quant_pre_process


def pool_by_name(model):
    """ReduceMean over the pixels -> GlobalAveragePool, Flatten."""
    nodes = []
    for node in model.graph.node:
        axes = [list(a.ints) for a in node.attribute if a.name == "axes"]
        if node.op_type == "ReduceMean" and axes in ([[2, 3]], [[-2, -1]]):
            inner = node.output[0] + "_pooled"
            nodes.append(helper.make_node("GlobalAveragePool", list(node.input), [inner]))
            nodes.append(helper.make_node("Flatten", [inner], list(node.output), axis=1))
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def by_image(rows):
    """The rows of one image after the other."""
    return np.split(rows, len(rows) // networks.ANCHORS)


class Sample(CalibrationDataReader):
    """One image's rows at a time."""

    def __init__(self, rows):
        self.left = by_image(rows)

    def get_next(self):
        return {"pairs": self.left.pop(0)} if self.left else None


def quantise_onnxruntime(folder, rows):
    source, middle = f"{folder}/fp32.onnx", f"{folder}/ort-fused.onnx"
    quant_pre_process(source, middle)
    quantize_static(middle, f"{folder}/ort-int8.onnx", Sample(rows),
                    quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    os.remove(middle)


def quantise_openvino(folder, rows):
    model = ov.Core().read_model(f"{folder}/fp32.onnx")
    parts = by_image(rows)
    ov.save_model(nncf.quantize(model, nncf.Dataset(parts), subset_size=len(parts)),
                  f"{folder}/ov-int8.xml", compress_to_fp16=False)


def quantise(folder):
    count = networks.SAMPLE_IMAGES * networks.ANCHORS
    rows = np.array(np.load(f"{folder}/pairs.npy", mmap_mode="r")[:count])
    quantise_onnxruntime(folder, rows)
    quantise_openvino(folder, rows)


def main():
    folder = sys.argv[1]
    logging.getLogger().setLevel(logging.ERROR)
    onnx.save(pool_by_name(onnx.load(f"{folder}/raw.onnx")), f"{folder}/fp32.onnx")
    if sys.argv[2:] != ["fp32"]:
        quantise(folder)
    with open(f"{folder}/onnx.done", "w", encoding="utf-8") as file:
        file.write("done\n")


if __name__ == "__main__":
    main()
