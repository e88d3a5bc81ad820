#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One image in, one verdict out, in Python.

    pip install bindings/python
    score_image.py model.safetensors photo.jpg
"""
import sys

import libamp


def main(arguments):
    if len(arguments) != 2:
        print("usage: score_image.py MODEL IMAGE", file=sys.stderr)
        return 2
    try:
        model = libamp.Model(arguments[0])
        scores = libamp.Scorer(model).score_paths(arguments[1])
    except libamp.AmpError as error:
        print(f"score_image.py: {error}", file=sys.stderr)
        return 1
    label = scores.label[0]
    name = model.classes[label] if model.classes else "?"
    print(f"class {name}, confidence {scores.confidence[0]:.4f}, score {scores.score[0]:.6f}, "
          f"verdict {libamp.Verdict(scores.verdict[0]).name.lower()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
