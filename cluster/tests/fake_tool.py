#!/usr/bin/env python3
"""A stand-in for a Headstart tool: it obeys the contract of `plan`, `--shard` and `merge`, and fails when it is told to.

    fake_tool.py work --units 64 --out OUT                      the whole, in one process
    fake_tool.py plan --shards 16 work --units 64 --out OUT
    fake_tool.py work --units 64 --out OUT --shard 3/16         or --shard auto
    fake_tool.py merge work --units 64 --out OUT

--seconds S         how long a unit takes
--fault I:CODE:N    shard I ends with CODE (-9: killed) after the first unit that it makes, the first N times
--merge-code CODE   merge ends with CODE
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path


def create(path, text):
    """Creates a file whole, if it is not there yet; whether it was made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".writing-{path.name}-{os.getpid()}-{time.monotonic_ns()}")
    temporary.write_text(text)
    try:
        os.link(temporary, path)
        return True
    except FileExistsError:
        return False
    finally:
        temporary.unlink()


def fail(code, message):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


def unit(number, seconds):
    time.sleep(seconds)
    return f"unit {number}: {number * number % 9973}\n"


def auto_shard():
    """The shard that the scheduler names; half a configuration is wrong usage."""
    env = os.environ
    pairs = [
        ("JOB_COMPLETION_INDEX", "JOB_COMPLETION_COUNT", 0),
        ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", int(env.get("SLURM_ARRAY_TASK_MIN", 0))),
    ]
    for index, count, least in pairs:
        if index in env and count in env:
            return int(env[index]) - least, int(env[count])
        if index in env or count in env:
            fail(2, f"{index} and {count} belong together")
    if "HEADSTART_SHARD" in env:
        return tuple(map(int, env["HEADSTART_SHARD"].split("/")))
    fail(2, "--shard auto, and no scheduler names a shard")


def work_shard(options, parts, shard, shards):
    plan = parts / "plan"
    if not plan.exists() or plan.read_text() != f"{shards} {options.units}\n":
        fail(2, f"{plan} is not the plan of {shards} shards")
    done = parts / f"done-{shard}"
    if done.exists():
        print(f"shard {shard} is done already", file=sys.stderr)
        return
    # What the tests look at: which process worked on which shard.
    create(parts / "started" / f"{shard}-{os.getpid()}", "")
    made = 0
    for number in range(shard, options.units, shards):
        part = parts / f"unit-{number}"
        if part.exists():
            continue
        create(part, unit(number, options.seconds))
        print(f"unit {number} is kept", file=sys.stderr)
        made += 1
        if made == 1:
            inject(options, parts, shard)
    if not made:
        inject(options, parts, shard)
    create(done, "")


def inject(options, parts, shard):
    for fault in options.fault:
        number, code, times = map(int, fault.split(":"))
        if number != shard:
            continue
        if any(create(parts / "faults" / f"{shard}-{code}-{turn}", "") for turn in range(times)):
            if code < 0:
                os.kill(os.getpid(), -code)
            fail(code, f"shard {shard} was told to fail")


def merge(options, parts):
    if options.merge_code:
        fail(options.merge_code, "merge was told to fail")
    if not (parts / "plan").exists():
        fail(1, "no plan")
    shards, units = map(int, (parts / "plan").read_text().split())
    missing = [str(shard) for shard in range(shards) if not (parts / f"done-{shard}").exists()]
    if missing:
        fail(1, f"shards are missing: {', '.join(missing)}")
    create(Path(options.out), "".join((parts / f"unit-{number}").read_text() for number in range(units)))
    print(f"wrote {options.out}")


def main():
    arguments = sys.argv[1:]
    parser = argparse.ArgumentParser()
    parser.add_argument("--units", type=int, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--fault", action="append", default=[])
    parser.add_argument("--merge-code", type=int, default=0)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--shard")
    parser.add_argument("--shards", type=int)
    step = arguments.pop(0) if arguments[:1] in (["plan"], ["merge"]) else "work"
    arguments.remove("work")
    options = parser.parse_args(arguments)
    parts = Path(options.out + ".parts")
    if step == "plan":
        create(parts / "plan", f"{options.shards} {options.units}\n")
    elif step == "merge":
        merge(options, parts)
    elif options.shard:
        shard = auto_shard() if options.shard == "auto" else tuple(map(int, options.shard.split("/")))
        work_shard(options, parts, *shard)
    else:
        create(Path(options.out), "".join(unit(number, options.seconds) for number in range(options.units)))


if __name__ == "__main__":
    # A unit is kept as soon as it is done, so there is nothing left to do: the default action ends the process, 143.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    main()
