# SPDX-License-Identifier: Apache-2.0
"""The examples, built on the installed library by pkg-config and by find_package, and run."""
import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from installed import SOURCE, compile_with, environment, library_folder, run
from PIL import Image

import libamp

EXAMPLES = SOURCE / "examples"
PYTHON = os.environ.get("AMP_PYTHON", "/usr/bin/python3")


def made(folder):
    """A model that knows nothing, complete with names, bank and thresholds, and images."""
    rng = np.random.default_rng(3)
    base = libamp.Model.create("wrn:depth=10,width=1,classes=3,size=16", "height=16,width=16")
    for i in range(12):
        picture = rng.integers(0, 256, (20, 30, 3), np.uint8)
        Image.fromarray(picture).save(folder / f"{i:02}.png")
    with libamp.Builder(base) as builder:
        builder.set_class_names(["left hand", "right hand", "foot"])
        builder.set_bank(libamp.Bank.from_images(base, [picture, picture[::-1]]))
        builder.calibrate(libamp.Dataset(folder)[:6])
        builder.finish().save(folder / "model.safetensors")
    return folder / "model.safetensors", sorted(folder.glob("*.png"))


def shipped():
    models = sorted((SOURCE / "models").glob("cifar10-*.safetensors"))
    images = sorted(path for path in (EXAMPLES / "images").glob("*")
                    if path.suffix in (".png", ".jpg"))
    if not models or not images:
        assert os.environ.get("AMP_REQUIRE_ALL") != "1", "no model or no images in the repository"
        pytest.skip("no model or no images in the repository")
    return models[0], images


@pytest.fixture(scope="module", name="chosen", params=["made", "shipped"])
def model_and_images(request, tmp_path_factory):
    return made(tmp_path_factory.mktemp("made")) if request.param == "made" else shipped()


@pytest.fixture(scope="module", name="programs")
def every_example(prefix, tmp_path_factory):
    """{how it was made: its command}."""
    folder = tmp_path_factory.mktemp("examples")
    run("cmake", "-S", EXAMPLES, "-B", folder / "cmake", "-G", "Ninja",
        f"-DCMAKE_PREFIX_PATH={prefix}", env=environment())
    run("cmake", "--build", folder / "cmake", env=environment())
    return {
        "C, pkg-config": [compile_with("gcc", EXAMPLES / "score_image.c", prefix, folder / "c")],
        "C++, pkg-config": [compile_with("g++", EXAMPLES / "score_image.cpp", prefix,
                                         folder / "cpp")],
        "C, find_package": [folder / "cmake" / "score_image"],
        "C++, find_package": [folder / "cmake" / "score_image_cpp"],
        "Python": [PYTHON, EXAMPLES / "score_image.py"],
    }


@pytest.fixture(name="start")
def starter(prefix):
    """Runs an example on the installed library, whatever comes of it."""
    folder = library_folder(prefix)

    def start(command, *arguments, cwd=None):
        env = environment(LD_LIBRARY_PATH=str(folder))
        return subprocess.run([*map(str, command), *map(str, arguments)], check=False, env=env,
                              capture_output=True, text=True, cwd=cwd)

    return start


def expected(prefix, model, images):
    """What the examples print, from the installed program's numbers."""
    out = run(prefix / "bin" / "amp", "score", "--model", model, "--json", *images,
              env=environment())
    for row in map(json.loads, out.splitlines()):
        yield (f"class {row['class']}, confidence {row['confidence']:.4f}, "
               f"score {row['score']:.6f}, verdict {row['verdict'] or 'unknown'}\n")


def test_every_example_prints_the_same(prefix, chosen, programs, start):
    model, images = chosen
    lines = list(expected(prefix, model, images))
    assert len(lines) == len(images)
    assert not any("unknown" in line for line in lines)
    for how, command in programs.items():
        for image, line in zip(images, lines):
            done = start(command, model, image)
            assert (done.returncode, done.stdout, done.stderr) == (0, line, ""), (how, image)


def test_every_example_tells_what_is_wrong(programs, start, tmp_path):
    model, images = made(tmp_path)
    (tmp_path / "broken.png").write_bytes(images[0].read_bytes()[:200])
    (tmp_path / "broken.safetensors").write_bytes(model.read_bytes()[:200])
    for how, command in programs.items():
        for bad, word in (((tmp_path / "none", images[0]), "none"),
                          ((tmp_path / "broken.safetensors", images[0]), "broken.safetensors"),
                          ((model, tmp_path / "none.jpg"), "none.jpg"),
                          ((model, tmp_path / "broken.png"), "broken.png")):
            done = start(command, *bad)
            assert done.returncode == 1 and done.stdout == "", (how, bad)
            assert len(done.stderr.splitlines()) == 1 and word in done.stderr, (how, bad)
        for wrong in ([], [model], [model, images[0], images[1]]):
            done = start(command, *wrong)
            assert done.returncode == 2 and "usage" in done.stderr, (how, wrong)


AROUND = """
#include <amp/amp.h>
#include <stdio.h>

#define DO(call) if ((call) != AMP_OK) { fprintf(stderr, "%s\\n", error.message); return 1; }

int main(void)
{
    amp_model *model; amp_scorer *scorer; amp_image *image; amp_error error; double score;
    amp_scores results = { .struct_size = sizeof results, .score = &score };
CALLS
    printf("%.6f\\n", score);
    amp_image_free(image); amp_scorer_free(scorer); amp_model_unref(model);
    return 0;
}
"""


def snippet(language):
    text = (SOURCE / "README.md").read_text(encoding="utf-8")
    block, = re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.M | re.S)
    return block


def test_the_readme_says_what_works(prefix, start, tmp_path):
    model, images = made(tmp_path)
    shutil.copy(images[0], tmp_path / "photo.jpg")
    calls = re.sub(r"^(amp_\w+\(.*\));$", r"    DO(\1)", snippet("c"), flags=re.M)
    assert calls.count("DO(") == len(calls.splitlines()) == 4
    (tmp_path / "app.c").write_text(AROUND.replace("CALLS", calls))
    program = compile_with("gcc", tmp_path / "app.c", prefix, tmp_path / "app")
    out = run(prefix / "bin" / "amp", "score", "--model", model, "--json", images[0],
              env=environment())
    row = json.loads(out)
    done = start([program], cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{row['score']:.6f}\n", "")
    done = start([PYTHON, "-c", snippet("python")], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    verdict = int(row["verdict"] == "in")
    assert done.stdout == f"[{verdict}] {np.array([row['score']])}\n"


def test_examples_are_short():
    names = {path.name for path in EXAMPLES.glob("score_image.*")}
    assert names == {"score_image.c", "score_image.cpp", "score_image.py"}
    for name in names:
        assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) < 60, name
