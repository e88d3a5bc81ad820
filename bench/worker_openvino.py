# SPDX-License-Identifier: Apache-2.0
"""OpenVINO as a contender of bench/compare.

The batch fixed at load, tensors shared without a copy.  Settings tried: the latency and the
throughput hint; for many images, how many at a time, on as many requests as OpenVINO finds best.
"""
import numpy as np
import openvino as ov
import worker_loop

PRECISIONS = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}  # of what is not quantised


def compiled(config, rows):
    core = ov.Core()
    if config["precision"] == "bf16":
        able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if "BF16" not in able:
            worker_loop.refuse(f"none: OpenVINO has no bf16 on this processor ({able})")
    model = core.read_model(config["model"])
    shape = model.input(0).partial_shape
    shape[0] = rows
    model.reshape(shape)
    return core.compile_model(model, "CPU", {
        "PERFORMANCE_HINT": config["hint"],
        "INFERENCE_NUM_THREADS": config["threads"],
        "INFERENCE_PRECISION_HINT": PRECISIONS[config["precision"]],
    })


def main():
    config = worker_loop.config()
    x = np.array(np.load(config["input"], mmap_mode="r")[:config["rows"]])
    y = np.zeros((config["rows"], config["classes"]), np.float32)
    slices = worker_loop.pieces(config["rows"], config["chunk_rows"])
    net = compiled(config, slices[0].stop)
    requests = []
    for part in slices:
        request = net.create_infer_request()
        request.set_input_tensor(ov.Tensor(x[part], shared_memory=True))
        request.set_output_tensor(ov.Tensor(y[part], shared_memory=True))
        requests.append(request)
    streams = net.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")

    def run_one():
        requests[0].infer()

    def run_many():
        for at in range(0, len(requests) + streams):
            if at >= streams:
                requests[at - streams].wait()
            if at < len(requests):
                requests[at].start_async()

    worker_loop.serve(f"openvino {ov.__version__}", f"{config['label']}, {streams} streams",
                      run_one if len(requests) == 1 else run_many, lambda: y)


if __name__ == "__main__":
    main()
