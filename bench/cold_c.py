# SPDX-License-Identifier: Apache-2.0
"""Cold start against ONNX Runtime's C interface: `amp score` and cold_onnxruntime.c, both built
and started in one Debian 13 chroot (debian13.py), in turns.

ONNX Runtime is tried with the model as it is and with models that it has optimised and saved
before, outside the time that counts; the best counts.
"""
import json

import debian13
import environment
import networks
import stats

ROUNDS = 9
PEER = f"{debian13.PLACE}/cold_onnxruntime"
ALL, NONE = "99", "0"  # ONNX Runtime's levels of optimisation
SAVED = {"saved as ONNX": ("onnx", []), "saved as ORT": ("ort", ["ORT"])}


def joined(values):
    return ":".join(str(value) for value in values)


def save_all(inside, name):
    """The optimised models of one network in the chroot; {settings: (model, level)}."""
    found = {"as it is": (f"/nets/{name}/fp32.onnx", ALL)}
    for settings, (ending, more) in SAVED.items():
        path = f"/tmp/{name}.{ending}"
        inside.first_line([PEER, "--save", found["as it is"][0], path, *more])
        found[settings] = (path, NONE)
    return found


def contenders(inside, name, threads, precisions):
    """[(family, settings, command)]; each prints a JSON object with a label first."""
    here = f"/nets/{name}"
    mean, std = (joined(networks.PREPROCESS[key]) for key in ("mean", "std"))
    found = [("libamp", precision,
              [f"{debian13.PLACE}/amp", "score", "--json", "-t", str(threads), "--precision",
               precision, "-m", f"{here}/model.safetensors", f"{here}/image0.png"])
             for precision in precisions]
    return found + [("onnxruntime", settings,
                     [PEER, model, str(threads), level, f"{here}/image0.png",
                      f"{here}/anchors.f32", mean, std])
                    for settings, (model, level) in save_all(inside, name).items()]


def usable(inside, todo):
    """Those that answer, each with room for its times, and why the others do not; all in fp32 must
    see one class (the weights are random: in bf16 and int8 it may be another)."""
    alive, notes, label = [], [], None
    for family, settings, command in todo:
        try:
            found = json.loads(inside.first_line(command)[1])["label"]
            label = found if settings == "fp32" else label
            if label not in (found, None) and settings not in ("bf16", "int8"):
                raise environment.Unusable(f"says class {found}, not {label}")
            alive.append((family, settings, command, []))
        except (environment.Unusable, ValueError, KeyError) as why:
            notes.append((family, settings, str(why)))
    return alive, notes


def timed(inside, command):
    """(seconds, processor time)."""
    seconds, _, cpu = inside.first_line(command)
    return seconds, cpu


def of_case(inside, name, threads, options):
    alive, notes = usable(inside, contenders(inside, name, threads, options.precisions))
    for number in range(ROUNDS):
        at = number % max(len(alive), 1)
        for _, _, command, times in alive[at:] + alive[:at]:
            times.append(options.plan.calm.run(lambda c=command: timed(inside, c))[0])
    base = {"network": name, "threads": threads}
    return ([{**base, "family": family, "settings": settings, **stats.spread(times)}
             for family, settings, _, times in alive]
            + [{**base, "family": family, "settings": settings, "refused": why}
               for family, settings, why in notes])


def measure(ready, options):
    """{"rows", "note"}: note says why nothing was measured."""
    try:
        debian13.prepare()
    except environment.Unusable as why:
        environment.say(f"no ONNX Runtime in C: {why}")
        return {"rows": [], "note": str(why)}
    inside, rows = debian13.Inside(), []
    try:
        for name in ready:
            for threads in options.threads:
                environment.say(f"{name}, cold start in C, {threads} thread(s)")
                rows += of_case(inside, name, threads, options)
    finally:
        inside.stop()
    return {"rows": rows, "note": ""}
