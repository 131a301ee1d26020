"""One product of a query with the table of embeddings by OpenBLAS: for `beside online`.

NumPy's float32 `dot` of a row-major table and a vector is one call of OpenBLAS' sgemv. It runs on one thread
(OPENBLAS_NUM_THREADS=1, set by who starts this). What Python and NumPy cost around the call is measured beside it, by the
same call with a table of a single item.

For each number of seconds that comes as a line on stdin, calls for so long and prints a JSON line: {"library", "p50", "p99",
"overhead"}, in microseconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import numpy as np


def calls(table: np.ndarray, query: np.ndarray, seconds: float) -> list[int]:
    """Multiply for so long, and give the nanoseconds of each call, in order of size."""
    out = np.empty(len(table), dtype=np.float32)
    dot, clock, times = np.dot, time.perf_counter_ns, []
    end = clock() + int(seconds * 1e9)
    begun = clock()
    while begun < end:
        dot(table, query, out=out)
        done = clock()
        times.append(done - begun)
        begun = clock()
    return sorted(times)


def main() -> None:
    """Answer each line with a measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, required=True)
    parser.add_argument("--dims", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    if "openblas" not in blas["name"]:
        sys.exit(f"NumPy was built with {blas['name']}, not with OpenBLAS")
    rng = np.random.default_rng(args.seed)
    table = rng.standard_normal((args.items, args.dims), dtype=np.float32)
    query = rng.standard_normal(args.dims, dtype=np.float32)
    for line in sys.stdin:
        seconds = float(line)
        times = calls(table, query, 0.9 * seconds)
        overhead = calls(table[:1].copy(), query, 0.1 * seconds)
        answer = {
            "library": f"OpenBLAS {blas['version']}",
            "p50": times[len(times) // 2] / 1e3,
            "p99": times[len(times) * 99 // 100] / 1e3,
            "overhead": overhead[len(overhead) // 2] / 1e3,
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
