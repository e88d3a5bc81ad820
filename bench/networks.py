# SPDX-License-Identifier: Apache-2.0
"""What is measured: the networks, how many images at a time, the targets.

A target is a ratio of times, peer over libamp: above 1 libamp is faster.
"""

ANCHORS = 5
IMAGES = 64  # made for each network; a work takes the first of them
SEED = 20
SAMPLE_IMAGES = 4  # that the ranges of int8 are taken from, libamp's and the peers'
FORM = 2  # of the files that are made; another one has them made again
PREPROCESS = {"mean": [0.4914, 0.4822, 0.4465], "std": [0.247, 0.2435, 0.2616]}

NETWORKS = {
    "wrn-40-2": {"arch": "wrn:depth=40,width=2,classes=10", "side": 32, "classes": 10},
    "resnet18": {"arch": "resnet18:classes=10,size=32", "side": 32, "classes": 10},
    "resnet34": {"arch": "resnet34:classes=10,size=32", "side": 32, "classes": 10},
    "resnet50": {"arch": "resnet50-imagenet:classes=1000,size=224", "side": 224,
                 "classes": 1000},
}

# Trained, with stopping rules: what verdicts.py measures.
TRAINED = {"name": "cifar10-wrn16-4", "arch": "wrn:depth=16,width=4,classes=10", "side": 32,
           "classes": 10}

WORKS = {"1": 1, "64": 64}

PRECISIONS = ["fp32", "bf16", "int8"]

# libamp's contenders: name -> (precision whose peers it meets, options of its engine).
LIBAMP = {
    "fp32": ("fp32", "precision=fp32"),
    "fp32-fast": ("fp32", "precision=fast"),
    "bf16": ("bf16", "precision=bf16"),
    "int8": ("int8", "precision=int8"),
}

# (work, libamp's contender): least ratio to the best peer in the same precision, and in fp32;
# None = no target.
TARGETS = {
    ("1", "fp32"): (1.05, 1.05),
    ("1", "fp32-fast"): (1.3, 1.3),
    ("1", "bf16"): (1.1, 1.8),
    ("1", "int8"): (1.1, 2.8),
    ("64", "fp32"): (1.1, 1.1),
    ("64", "bf16"): (1.1, 2.0),
    ("64", "int8"): (1.1, 3.0),
}
CASE_SHARE = 0.9  # of its target that every single case must reach

# Least share of the matmul's rate: ResNet-50, one image.
LIMIT_SHARE = {"fp32": 0.80, "bf16": 0.65, "int8": 0.50}
ADAPTIVE_TARGET = 3.5  # one verdict in the best precision, against the best fp32 peer
COLD_TARGET = 1.3  # against ONNX Runtime's C interface
MEMORY_TARGET = 0.7  # of the leanest peer, one image
FOLDER_TARGET = 0.9  # of the network alone, 32x32, two threads


def find(name):
    """A network by name, the trained one as well."""
    return TRAINED if name == TRAINED["name"] else NETWORKS[name]
