//! The experiments (`experiments/`): the tests of the statistics and of the report, in Python, with what `make setup` puts into the
//! cache; and the steps of a small plan with Snakemake, which `scripts/setup experiments` alone installs.

use tests::binary;
use tests::python::run_tests;

#[test]
fn the_statistics_are_those_of_rliable() {
    run_tests("python", "experiments/tests/test_statistics.py", &[], &[], 15);
}

#[test]
fn the_report_says_what_the_metrics_say() {
    run_tests("python", "experiments/tests/test_report.py", &[], &[], 15);
}

#[test]
#[ignore = "needs Snakemake: scripts/setup experiments"]
fn a_plan_goes_on_after_a_kill_to_the_same_bytes() {
    let simulator = binary("simulator");
    for tool in ["profiler", "pretrain", "online"] {
        binary(tool);
    }
    let variables = [("HEADSTART_BIN", simulator.parent().unwrap())];
    run_tests(
        "experiments",
        "experiments/tests/test_plan.py",
        &[],
        &variables,
        9,
    );
}
