# SPDX-License-Identifier: Apache-2.0
"""The data sets that adaptive anchors are looked at with, as libamp names them: in-distribution
first.  AMP_DATA says where they lie."""
import os
import pathlib

DATA = pathlib.Path(os.environ.get("AMP_DATA")
                    or pathlib.Path(__file__).resolve().parents[2] / "shared/data")
IN = "cifar10-test"
SPECS = {
    "cifar10-test": f"cifar10:{DATA}/cifar10_test_batch.bin.xz",
    "cifar100": f"cifar100:{DATA}/cifar100_test.bin.xz",
    "tiny-imagenet": f"tar:{DATA}/tiny_imagenet_val.tar",
    "cifar100-scenes": f"cifar100:{DATA}/cifar100_scenes_train.bin.xz",
    "sun-scenes": f"tar:{DATA}/sun_8scenes.tar",
    "intel-scenes": f"tar:{DATA}/intel_scenes.tar",
    "textures": f"tar:{DATA}/dtd_10classes.tar",
    "svhn": f"cifar10:{DATA}/svhn_train_first.bin.gz",
    "mnist": f"idx:{DATA}/mnist_t10k-images-idx3-ubyte.gz",
    "notmnist": f"idx:{DATA}/notmnist_t10k-images-idx3-ubyte.gz",
    "omniglot": f"tar:{DATA}/omniglot_small1.tar",
}
