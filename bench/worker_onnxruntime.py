# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime as a contender of bench/compare.

All graph optimisations, sequential execution, the batch fixed at load, input and output bound
once.  Settings tried: spinning threads or not; for many images, how many at a time.
"""
import numpy as np
import onnxruntime as ort
import worker_loop


def session(config, rows):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = config["threads"]
    options.inter_op_num_threads = 1
    options.add_free_dimension_override_by_name("rows", rows)
    options.add_session_config_entry("session.intra_op.allow_spinning",
                                     "1" if config["spin"] else "0")
    return ort.InferenceSession(config["model"], options, providers=["CPUExecutionProvider"])


def main():
    config = worker_loop.config()
    x = np.array(np.load(config["input"], mmap_mode="r")[:config["rows"]])
    y = np.zeros((config["rows"], config["classes"]), np.float32)
    slices = worker_loop.pieces(config["rows"], config["chunk_rows"])
    net = session(config, slices[0].stop)
    names = net.get_inputs()[0].name, net.get_outputs()[0].name
    bindings = []
    for part in slices:
        binding = net.io_binding()
        binding.bind_ortvalue_input(names[0], ort.OrtValue.ortvalue_from_numpy(x[part]))
        a = y[part]
        binding.bind_output(names[1], "cpu", 0, np.float32, list(a.shape), a.ctypes.data)
        bindings.append(binding)

    def run():
        for binding in bindings:
            net.run_with_iobinding(binding)

    worker_loop.serve(f"onnxruntime {ort.__version__}", config["label"], run, lambda: y)


if __name__ == "__main__":
    main()
