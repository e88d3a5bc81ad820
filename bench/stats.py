# SPDX-License-Identifier: Apache-2.0
"""Numbers out of numbers: quartiles, geometric means, how a case ended."""
import math


def quantile(values, share):
    """Linear between the two nearest, as numpy's default."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def median(values):
    return quantile(values, 0.5)


def spread(values):
    """{"median", "q1", "q3", "min", "max"}."""
    return {"median": median(values), "q1": quantile(values, 0.25),
            "q3": quantile(values, 0.75), "min": min(values), "max": max(values)}


def geometric_mean(values):
    """Of positive values; None of none."""
    if not values:
        return None
    if min(values) <= 0:
        raise ValueError("a geometric mean needs positive values")
    return math.exp(math.fsum(math.log(value) for value in values) / len(values))


def largest_difference(got, wanted):
    """Largest difference over the largest wanted value."""
    if len(got) != len(wanted) or not wanted:
        raise ValueError(f"{len(got)} values, not {len(wanted)}")
    scale = max(abs(value) for value in wanted)
    worst = max(abs(a - b) for a, b in zip(got, wanted))
    if not math.isfinite(worst):
        return math.inf
    return worst / scale if scale > 0 else worst


def repetitions(seconds, wanted, most=2000):
    """How many repetitions of `seconds` fill a turn of `wanted` seconds."""
    if seconds <= 0:
        return most
    return max(1, min(most, math.ceil(wanted / seconds)))
