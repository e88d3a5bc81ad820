# SPDX-License-Identifier: Apache-2.0
"""The result as text: one table a case, then ratios, targets, memory, cold start, folders."""
import contenders
import networks
import ratios
import verdicts


def table(head, rows):
    """Columns as wide as they need; all but the first and the last to the right."""
    cells = [head] + [["-" if value is None else str(value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = []
    for row in cells:
        words = [value.ljust(widths[i]) if i in (0, len(head) - 1) else value.rjust(widths[i])
                 for i, value in enumerate(row)]
        lines.append("  ".join(words).rstrip())
    return lines


def percent(value):
    return None if value is None else f"{100 * value:.0f} %"


def ratio(value):
    return None if value is None else f"{value:.2f}"


def met(value):
    return "met" if value else "MISSED"


def times(record):
    """Median and quartiles in milliseconds."""
    return (f"{1e3 * record['median']:.2f}",
            f"{1e3 * record['q1']:.2f}..{1e3 * record['q3']:.2f}")


def head(result):
    machine = result["machine"]
    state = result["idle"]
    lines = [f"libamp {machine['commit']}, {result['date']}",
             f"{machine['processor']}, {machine['processors']} processors, {machine['system']}",
             f"before: {state['busy']:.1%} busy, {state['stolen']:.1%} taken by the host,"
             f" load {state['load']:.2f}"]
    if result["forced"] and state["why"]:
        lines.append(f"NOT IDLE, forced: {state['why']}")
    after = result.get("idle_after")
    if after and after["why"]:
        lines.append(f"NOT IDLE afterwards: {after['why']}")
    versions = {record["name"]: record["version"] for case in result["cases"]
                for record in case["measured"] if record["family"] != "limit"}
    return lines + sorted(f"{name}: {version}" for name, version in versions.items())


def case_lines(case):
    """What was measured in a case, the fastest first."""
    images = networks.WORKS[case["work"]]
    rows = []
    for record in ratios.measured(case):
        middle, between = times(record)
        share = ratios.limit_share(case, record) if record["family"] != "limit" else None
        memory = record.get("memory_kib")
        difference = record.get("difference")
        rows.append([record["name"], record["precision"], middle, between,
                     f"{images / record['median']:.1f}" if share is not None else None,
                     percent(share), f"{record['processors']:.2f}",
                     f"{memory / 1024:.0f}" if memory else None,
                     f"{difference:.0e}" if difference is not None else None,
                     record["settings"]])
    lines = table(["contender", "in", "ms", "quartiles", "images/s", "of matmul", "cpus", "MiB",
                   "off by", "settings"], rows)
    disturbed = case.get("disturbed", {})
    if disturbed.get("repeated"):
        lines.append(f"turns repeated because others were busy: {disturbed['repeated']}")
    if disturbed.get("kept"):
        lines.append(f"DISTURBED turns kept: {disturbed['kept']}")
    for record in case["others"]:
        if "refused" in record:
            lines.append(f"refused: {record['name']} {record['precision']}"
                         f" ({record['settings']}): {record['refused']}")
        else:
            lines.append(f"slower: {record['name']} {record['precision']}"
                         f" ({record['settings']}): {1e3 * record['trial']:.2f} ms")
    return lines


def ratio_lines(cases):
    rows = []
    for row in (row for case in cases for row in ratios.of_case(case)):
        rows.append([row["case"], row["name"], f"{1e3 * row['median']:.2f}", ratio(row["same"]),
                     row["same_peer"], ratio(row["fp32"]), row["fp32_peer"],
                     percent(row["limit_share"]) or "-"])
    return table(["case", "libamp", "ms", "same", "best peer", "fp32", "best fp32 peer",
                  "of matmul"], rows)


def cell(value):
    """mean, worst, target, met: four columns."""
    if value is None:
        return [None, None, None, "no peer"]
    if value["target"] is None:
        return [ratio(value["mean"]), ratio(value["worst"]), None, None]
    return [ratio(value["mean"]), ratio(value["worst"]), f">= {value['target']:g}",
            met(value["met"])]


def summary_lines(cases):
    rows = []
    for row in ratios.summary(cases):
        known = row["same"] or row["fp32"]
        rows.append([f"{row['work']} image(s), {row['name']}", known and known["cases"],
                     *cell(row["same"]), *cell(row["fp32"])])
    return table(["geometric means", "cases", "same", "worst", "target", "", "fp32", "worst",
                  "target", ""], rows)


def cold_c_lines(found):
    """Cold start against ONNX Runtime in C."""
    lines = ["", "## Process start to first verdict, ONNX Runtime in C, Debian 13", ""]
    if found["note"]:
        return lines + [f"not measured: {found['note']}"]
    lines += table(["network", "threads", "contender", "ms", "quartiles", "note"],
                   [[row["network"], row["threads"], f"{row['family']}, {row['settings']}",
                     *(times(row) if "median" in row else (None, None)), row.get("refused", "")]
                    for row in found["rows"]])
    rows = ratios.cold_rows(found["rows"])
    lines += ["", *table(["case", "libamp", "ms", "best peer", "ms", "ratio"],
                         [[row["case"], row["name"], f"{1e3 * row['median']:.2f}", row["peer"],
                           f"{1e3 * row['peer_median']:.2f}", ratio(row["ratio"])]
                          for row in rows])]
    return lines + ["", *table(["geometric mean", "ratio", "worst", "target", ""],
                               [[name, *cell(value)]
                                for name, value in ratios.cold_summary(rows).items()])]


def verdict_lines(found):
    """One verdict with adaptive anchors."""
    lines = ["", "## One verdict on real images, all anchors and adaptive", ""]
    if found["note"]:
        return lines + [f"not measured: {found['note']}"]
    lines += [f"{found['images']} images: " + ", ".join(f"{name} {count}" for name, count
                                                        in found["sets"].items()), ""]
    lines += table(["contender", "threads", "ms", "quartiles", "anchors", "agree with all", "fp32",
                    "best fp32 peer"],
                   [[row["name"], row["threads"], *times(row), f"{row['used']:.2f}",
                     f"{100 * row['agree']:.2f} %", ratio(row["ratio"]),
                     f"{row['peer']} {1e3 * row['peer_median']:.2f} ms" if row["peer"] else None]
                    for row in found["rows"]])
    lines += [f"refused: {record['name']}: {record['refused']}" for record in found["refused"]]
    best = verdicts.summary(found["rows"])
    return lines + ([f"adaptive, {best['precision']}: {best['ratio']:.2f} of the best fp32 peer,"
                     f" target >= {best['target']:g}: {met(best['met'])}"] if best else [])


def memory_lines(rows):
    """Peak memory against the leanest peers, and how it averages."""
    if not rows:
        return []
    shown = [[row["case"], row["name"], f"{row['kib'] / 1024:.0f}",
              f"{row['peer_kib'] / 1024:.0f}", row["peer"], ratio(row["ratio"])] for row in rows]
    means = [[name, ratio(row["mean"]), ratio(row["worst"]), f"<= {row['target']:g}",
              met(row["met"])] for name, row in ratios.memory_summary(rows).items()]
    return ["", "## Peak resident memory, one image, against the leanest in the same precision", "",
            *table(["case", "contender", "MiB", "peer's", "leanest peer", "ratio"], shown), "",
            *table(["geometric means", "ratio", "worst", "target", ""], means)]


def rest_lines(result):
    """Shares of the limit, memory, cold start, folders."""
    lines = []
    rows = [[row["case"], row["name"], percent(row["share"]), f">= {row['target']:.0%}",
             met(row["met"])] for row in ratios.limit_rows(result["cases"])]
    if rows:
        lines += ["", "## Share of the matmul's rate", ""]
        lines += table(["case", "contender", "share", "target", ""], rows)
    lines += memory_lines(ratios.memory_rows(result["cases"]))
    if result["cold"]:
        lines += ["", "## Process start to first verdict", ""]
        lines += table(["network", "contender", "ms", "quartiles", "against libamp", "note"],
                       [[row["network"], row["name"], *times(row), ratio(row["ratio"]),
                         row["note"]] if "median" in row else
                        [row["network"], row["name"], None, None, None, row["note"]]
                        for row in result["cold"]])
    if "cold_c" in result:
        lines += cold_c_lines(result["cold_c"])
    if "verdicts" in result:
        lines += verdict_lines(result["verdicts"])
    if result["folder"]:
        lines += ["", "## Files to verdicts", ""]
        lines += table(["network", "threads", "files", "files/s", "network alone", "ratio",
                        "target"],
                       [[row["network"], row["threads"], row["files"], f"{row['rate']:.1f}",
                         f"{row['alone']:.1f}", ratio(row["ratio"]),
                         f">= {networks.FOLDER_TARGET:g}" if row["counts"] else "-"]
                        for row in result["folder"]])
    return lines


def none_lines(result):
    rows = [f"none: {peer} {precision}: {why}" for (peer, precision), why
            in contenders.NONE.items()
            if peer in result["peers"] and precision in result["precisions"]]
    return ["", *rows] if rows else []


def together(results):
    """Runs as one: all cases; of the other parts each from the last run that has it."""
    found = dict(results[0])
    for result in results[1:]:
        found["cases"] = found["cases"] + result["cases"]
        for key in ("cold", "cold_c", "verdicts", "folder"):
            found[key] = result.get(key) or found.get(key)
    return {key: value for key, value in found.items() if value is not None}


def text(*results):
    """Everything, in the order a reader wants it."""
    lines = [line for result in results for line in head(result)]
    result = together(results)
    for case in result["cases"]:
        lines += ["", f"## {ratios.case_title(case)}", "", *case_lines(case)]
    lines += none_lines(result)
    if result["cases"]:
        lines += ["", "## Ratios (peer's time over libamp's)", "", *ratio_lines(result["cases"])]
        lines += ["", "## Targets", "", *summary_lines(result["cases"])]
    lines += rest_lines(result)
    if result.get("disturbed", {}).get("kept"):
        lines += ["", f"DISTURBED cold starts and folders kept: {result['disturbed']['kept']}"]
    return "\n".join(lines)
