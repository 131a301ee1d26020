//! What starts the tools on clusters (`cluster/`): its own tests in Python, run with the interpreter and the packages that
//! `scripts/setup` puts into the cache. Ray is a real cluster of four raylets on this machine.

use tests::python::run_tests;
use tests::{binary, films};

#[test]
fn the_shell_scripts_are_sound() {
    run_tests("cluster", "cluster/tests/test_scripts.py", &[], &[], 5);
}

#[test]
fn the_manifests_hold_to_kubernetes_schemas() {
    run_tests("cluster", "cluster/tests/test_kubernetes.py", &[], &[], 9);
}

#[test]
fn the_slurm_scripts_do_what_exit_codes_ask_for() {
    run_tests("cluster", "cluster/tests/test_slurm.py", &[], &[], 9);
}

#[test]
#[ignore = "starts a Ray cluster, which takes minutes: make cluster"]
fn the_ray_driver_does_what_exit_codes_ask_for_and_outlives_a_node() {
    run_tests("cluster", "cluster/tests/test_ray.py", &["FakeTool"], &[], 13);
}

#[test]
#[ignore = "starts a Ray cluster, which takes minutes: make cluster"]
fn sixteen_shards_of_every_verb_on_ray_are_the_bytes_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    films::import(folder.path());
    let profiler = binary("profiler");
    let variables = [
        ("HEADSTART_BIN", profiler.parent().unwrap()),
        ("HEADSTART_TEST_DATA", &folder.path().join("data")),
    ];
    run_tests(
        "cluster",
        "cluster/tests/test_ray.py",
        &["RealTools"],
        &variables,
        2,
    );
}
