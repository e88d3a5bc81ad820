# SPDX-License-Identifier: Apache-2.0
"""From the cases of a result to the ratios that matter: libamp against the best peer, how they
average, which targets they meet.  A ratio is time of the peer over time of libamp."""
import networks
import stats


def measured(case, family=None, name=None, precision=None):
    """The records of a case that fit, the fastest first."""
    found = [record for record in case["measured"]
             if family in (None, record["family"]) and name in (None, record["name"])
             and precision in (None, record["precision"])]
    return sorted(found, key=lambda record: record["median"])


def best_peer(case, precision):
    """The fastest record of a peer in a precision, or None."""
    found = [record for record in measured(case, precision=precision)
             if record["family"] not in ("libamp", "limit")]
    return found[0] if found else None


def limit_share(case, record):
    """Multiply-adds a second over those of the matmul in the same precision; None without it."""
    limit = measured(case, family="limit", precision=record["precision"])
    if not limit:
        return None
    return case["multiply_adds"] / record["median"] / limit[0]["rate"]


def case_title(case):
    return f"{case['network']}, {case['work']}, {case['threads']}t"


def of_case(case):
    """A dict each contender of libamp: name, its median, ratios and whom they are against."""
    rows = []
    for record in measured(case, family="libamp"):
        row = {"case": case_title(case), "network": case["network"], "work": case["work"],
               "threads": case["threads"], "name": record["name"].removeprefix("libamp "),
               "median": record["median"], "limit_share": limit_share(case, record)}
        for column, precision in (("same", record["precision"]), ("fp32", "fp32")):
            peer = best_peer(case, precision)
            row[column] = peer["median"] / record["median"] if peer else None
            row[f"{column}_peer"] = peer["name"] if peer else None
        rows.append(row)
    return rows


def cell(rows, column, target):
    """Mean and worst of one column over the cases, and whether the target is met."""
    known = [row for row in rows if row[column] is not None]
    if not known:
        return None
    worst = min(known, key=lambda row: row[column])
    mean = stats.geometric_mean([row[column] for row in known])
    found = {"mean": mean, "worst": worst[column], "worst_case": worst["case"],
             "cases": len(known), "target": target, "met": None}
    if target is not None:
        found["met"] = mean >= target and worst[column] >= networks.CASE_SHARE * target
    return found


def summary(cases):
    """The issue's table: a dict each (work, contender) with the cells "same" and "fp32"."""
    rows = [row for case in cases for row in of_case(case)]
    found = []
    for (work, name), (same, fp32) in networks.TARGETS.items():
        here = [row for row in rows if row["work"] == work and row["name"] == name]
        if here:
            found.append({"work": work, "name": name, "same": cell(here, "same", same),
                          "fp32": cell(here, "fp32", fp32)})
    return found


def limit_rows(cases):
    """ResNet-50, one image: share of the matmul's rate against its target."""
    rows = []
    for case in cases:
        if case["network"] != "resnet50" or case["work"] != "1":
            continue
        for record in measured(case, family="libamp"):
            share = limit_share(case, record)
            if share is not None:
                target = networks.LIMIT_SHARE[record["precision"]]
                rows.append({"case": case_title(case), "name": record["name"], "share": share,
                             "target": target, "met": share >= target})
    return rows


def leanest_peer(case, precision):
    """The record of a peer in a precision that takes least memory, or None."""
    found = [record for record in measured(case, precision=precision)
             if record["family"] not in ("libamp", "limit") and "memory_kib" in record]
    return min(found, key=lambda record: record["memory_kib"]) if found else None


def memory_rows(cases):
    """One image: libamp's peak memory over that of the leanest peer in the same precision."""
    rows = []
    for case in cases:
        if case["work"] != "1":
            continue
        for record in measured(case, family="libamp"):
            leanest = leanest_peer(case, record["precision"])
            if leanest:
                rows.append({"case": case_title(case), "name": record["name"],
                             "ratio": record["memory_kib"] / leanest["memory_kib"],
                             "kib": record["memory_kib"], "peer": leanest["name"],
                             "peer_kib": leanest["memory_kib"]})
    return rows


def memory_summary(rows):
    """Contender -> mean and largest ratio, and whether they meet the target."""
    found = {}
    for name in dict.fromkeys(row["name"] for row in rows):
        known = [row["ratio"] for row in rows if row["name"] == name]
        mean = stats.geometric_mean(known)
        found[name] = {"mean": mean, "worst": max(known), "target": networks.MEMORY_TARGET,
                       "met": mean <= networks.MEMORY_TARGET
                       and max(known) * networks.CASE_SHARE <= networks.MEMORY_TARGET}
    return found


def cold_rows(rows):
    """libamp's cold starts against the fastest of ONNX Runtime's C interface."""
    found = []
    for row in rows:
        if row["family"] != "libamp" or "median" not in row:
            continue
        peers = [other for other in rows if other["family"] == "onnxruntime" and "median" in other
                 and (other["network"], other["threads"]) == (row["network"], row["threads"])]
        if peers:
            best = min(peers, key=lambda other: other["median"])
            found.append({"case": f"{row['network']}, {row['threads']}t", "name": row["settings"],
                          "median": row["median"], "peer": best["settings"],
                          "peer_median": best["median"],
                          "ratio": best["median"] / row["median"]})
    return found


def cold_summary(rows):
    """{precision: cell} of cold_rows()."""
    return {name: cell([row for row in rows if row["name"] == name], "ratio",
                       networks.COLD_TARGET)
            for name in dict.fromkeys(row["name"] for row in rows)}
