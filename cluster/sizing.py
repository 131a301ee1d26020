#!/usr/bin/env python3
"""What a job takes, from rates that were measured on one machine (AMD EPYC with AVX512-BF16, 2 cores): prints the table
of README.md. A rate that changes is changed here, and the table made anew; tests/test_scripts.py holds the two together."""

# name, rate per core and second, unit, where it was measured. Measured on two cores, so halved.
RATES = [
    ("`profiler states`", 6.5e6 / 2, "rows", "profiler/README.md, States: in the order of time"),
    ("`profiler traits`, items of 43 tokens", 738 / 2 / 43, "items", "profiler/README.md, Speed: 738 tokens/s"),
    ("`profiler traits`, users of 121 tokens", 738 / 2 / 121, "users", "the same"),
    ("`profiler prefer`, 20 candidates", 57.9 / 2 / 20, "users", "profiler/README.md, Speed: 57.9 candidates/s"),
    ("`profiler summarise`", 32 / 37.7 / 2, "users", "profiler/README.md, Speed: 32 users in 37.7 s"),
    ("`pretrain train --method bc`, an epoch, 1 million items", 19400 / 2, "rows", "pretrain/README.md, Scale"),
    ("`pretrain evaluate`, 1,682 items", 15924 / 0.207, "rows", "cluster/README.md, How big"),
    ("`online recommend`, best 10 of 10,000 items", 30000 / 2, "users", "online/README.md, To many users at once"),
    ("`simulator run`, a random agent, 1 million items", 0.8e6, "steps", "simulator/README.md, Speed"),
]
SIZES = {  # of the two columns
    "rows": (1e8, 1e9),
    "items": (1e5, 1e6),
    "users": (1e6, 1e8),
    "steps": (1e8, 1e9),
}
CORES = 1000
UNDIVIDED = ("`pretrain train",)  # a shard is a whole run, which stays on one machine


def duration(seconds):
    for most, unit, scale in ((120, "s", 1), (7200, "min", 60), (172800, "h", 3600)):
        if seconds < most:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 86400:,.0f} days"


def count(number):
    for scale, name in ((1e9, "billion"), (1e6, "million")):
        if number >= scale:
            return f"{number / scale:g} {name}"
    return f"{number:,.0f}"


def rate(number):
    return f"{number / 1e6:.3g} million" if number >= 1e6 else f"{number:,.0f}" if number >= 100 else f"{number:.2g}"


def table():
    lines = [
        f"| verb | per core and second | of | one core | of | one core | {CORES:,} cores | measured in |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, speed, unit, where in RATES:
        small, large = SIZES[unit]
        cells = [name, f"{rate(speed)} {unit}", count(small), duration(small / speed), count(large), duration(large / speed)]
        many = "one machine a run" if name.startswith(UNDIVIDED) else duration(large / speed / CORES)
        lines.append("| " + " | ".join([*cells, many, where]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
