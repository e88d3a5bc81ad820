# SPDX-License-Identifier: Apache-2.0
"""One verdict on real images with adaptive anchors: libamp gives them one image a call, by all
anchors and by as many as each needs; the peers run all K anchors in fp32, whatever the image.

An adaptive verdict's time depends on the image, so a repetition is a verdict on each, half of them
in-distribution, and the table shows the mean a verdict.
"""
import contenders
import environment
import networks
import rounds
import stats

IMAGES = 256


def groups(case, options, tools, images):
    """The peers in fp32, libamp in every precision."""
    return ([[contenders.verdict_contender(precision, anchors, case, tools, images)]
             for precision in options.precisions for anchors in ("all", "adaptive")]
            + contenders.peer_groups(case, "fp32", options.peers, tools))


def results(folder, name):
    """(verdicts, anchors) that a contender left."""
    values = rounds.read_floats(folder / name)
    return values[0::2], values[1::2]


def of_record(record, found, folder, images, peer):
    """A row: seconds a verdict, ratio to the peer, anchors, agreement with all of them."""
    precision, anchors = record["precision"], record["settings"]
    seconds = record["median"] / images
    got, used = results(folder, f"verdicts-{precision}-{anchors}.raw")
    wanted, _ = results(folder, f"verdicts-{precision}-all.raw")
    return {"threads": found["threads"], "name": record["name"], "precision": precision,
            "anchors": anchors, "median": seconds, "q1": record["q1"] / images,
            "q3": record["q3"] / images, "used": sum(used) / images,
            "agree": sum(a == b for a, b in zip(got, wanted)) / images,
            "peer": peer and peer["name"], "peer_median": peer and peer["median"],
            "ratio": peer["median"] / seconds if peer else None}


def of_case(case, made, options, tools):
    images = made["images"]
    found = rounds.run_case(case, groups(case, options, tools, images), networks.TRAINED["classes"],
                            options.plan)
    peers = [record for record in found["measured"] if record["family"] != "libamp"]
    peer = min(peers, key=lambda record: record["median"], default=None)
    rows = [of_record(record, found, case.folder, images, peer)
            for record in found["measured"] if record["family"] == "libamp"]
    return rows, [record for record in found["others"] if "refused" in record]


def summary(rows):
    """The fastest precision with adaptive anchors: geometric mean of its ratios over threads."""
    found = {}
    for row in rows:
        if row["anchors"] == "adaptive" and row["ratio"] is not None:
            found.setdefault(row["precision"], []).append(row["ratio"])
    means = {name: stats.geometric_mean(ratios) for name, ratios in found.items()}
    if not means:
        return None
    best = max(means, key=means.get)
    return {"precision": best, "ratio": means[best], "target": networks.ADAPTIVE_TARGET,
            "met": means[best] >= networks.ADAPTIVE_TARGET
            and min(found[best]) >= networks.CASE_SHARE * networks.ADAPTIVE_TARGET}


def measure(options, tools):
    """{"sets", "images", "rows", "refused", "note"}: note says why nothing was measured."""
    try:
        folder, made = environment.prepare_verdicts(IMAGES, tools.python, tools.built)
    except environment.Unusable as why:
        environment.say(f"no verdicts on real images: {why}")
        return {"rows": [], "refused": [], "note": str(why)}
    rows, refused = [], []
    for threads in options.threads:
        case = contenders.Case(networks.TRAINED["name"], "1", threads, folder,
                               made["multiply_adds"])
        environment.say(f"{case.title}, adaptive")
        more, others = of_case(case, made, options, tools)
        rows += more
        refused += others
    return {"sets": made["sets"], "images": made["images"], "rows": rows, "refused": refused,
            "note": ""}
