//! One job on many machines: every verb that can be cut into shards gives the bytes of one process, whoever works a shard, in
//! what order, how often, and whatever is killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tests::{binary, fail, files_below, films, run, succeed};

#[path = "../../../profiler/tests/it/support/tiny_model.rs"]
#[allow(dead_code)]
mod tiny_model;

/// A job: the tool, the verb with its arguments but for --out, and what OUT is called.
struct Job {
    tool: &'static str,
    arguments: String,
    out: &'static str,
}

/// What the jobs read, made once in `folder`; and the jobs, each of which needs the outputs of those before it.
fn jobs(folder: &Path) -> Vec<Job> {
    films::write(&folder.join("raw"));
    succeed(
        folder,
        "simulator",
        "import movielens --input raw --out data --seed 7",
    );
    succeed(folder, "simulator", "fit --data data --out environment --seed 7");
    succeed(folder, "pretrain", "split --log data/log --last 1 --out split");
    std::fs::write(
        folder.join("plan.toml"),
        "log = 'data/log'\ntraits = 'none'\nseeds = 2\n[run.bc]\nmethod = 'bc'\nsteps = 20\nbatch = 16\ndims = 8\n\
         hidden = 8\n[run.ease]\nmethod = 'ease'\n",
    )
    .unwrap();
    tiny_model::write(&folder.join("model.gguf"));
    // Words that the tiny model, whose tokens are bytes, can tell apart.
    std::fs::write(folder.join("words.txt"), "amber\nbold\ncalm\ndark\n").unwrap();
    let asked = "--model model.gguf --items data/log/items.parquet --states states.parquet --users data/log/users.parquet \
                 --domain film";
    let asked: String = asked.split_whitespace().collect::<Vec<_>>().join(" ");
    let agent = binary("online");
    // The simulator cuts the command at spaces inside quotes; the tests' own arguments are cut at tabs.
    let agent = format!(
        "{} agent --policy policies/seed-{{seed}} --strategy ft --seed {{seed}}",
        agent.display()
    );
    let job = |tool, arguments: String, out| Job {
        tool,
        arguments: arguments.replace(' ', "\t"),
        out,
    };
    vec![
        job("profiler", "states --log data/log/interactions.parquet --hold-out 2".into(), "states.parquet"),
        job("profiler", format!("traits {asked} --vocabulary words.txt"), "profiles.parquet"),
        job("profiler", format!("summarise {asked} --vocabulary words.txt"), "summaries.parquet"),
        job(
            "profiler",
            format!("prefer {asked} --form pmi --candidates candidates.parquet"),
            "preferences.parquet",
        ),
        job(
            "profiler",
            "eval --log data/log/interactions.parquet --items data/log/items.parquet --states states.parquet \
             --profiles profiles.parquet"
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            "auc.parquet",
        ),
        job(
            "pretrain",
            "train --method ialp-log --log data/log --states states.parquet --profiles profiles.parquet --seeds 3 \
             --steps 30 --batch 16 --dims 8 --hidden 8"
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            "policies",
        ),
        job("pretrain", "grid --plan plan.toml".into(), "grid"),
        job(
            "pretrain",
            "evaluate --policy a=policies/seed-0 --policy b=policies/seed-1 --policy c=policies/seed-2 \
             --log split/held-out.parquet"
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            "evaluated.parquet",
        ),
        Job {
            tool: "simulator",
            arguments: format!(
                "run\t--environment\tenvironment\t--method\tft\t--agent\t{agent}\t--seeds\t3\t--episodes\t24\t--envs\t8"
            ),
            out: "metrics.parquet",
        },
        job(
            "online",
            "recommend --policy policies/seed-0 --k 4".into(),
            "recommendations.parquet",
        ),
    ]
}

impl Job {
    fn command(&self, folder: &Path, before: &[&str], after: &[&str]) -> Command {
        let mut command = Command::new(binary(self.tool));
        command
            .args(before)
            .args(self.arguments.split('\t'))
            .args(after)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, folder: &Path, before: &[&str], after: &[&str]) -> Output {
        self.command(folder, before, after)
            .output()
            .expect("the tool starts")
    }

    fn succeed(&self, folder: &Path, before: &[&str], after: &[&str]) -> String {
        let output = self.run(folder, before, after);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success(),
            "{} {before:?} {after:?}: {said}",
            self.arguments
        );
        said
    }

    /// The whole job by one process; what the jobs after it need is made too.
    fn whole(&self, folder: &Path) {
        self.succeed(folder, &[], &["--out", self.out]);
        if self.out == "states.parquet" && folder.join("raw").exists() {
            let candidates = "candidates --items data/log/items.parquet --states states.parquet \
                              --log data/log/interactions.parquet --users 12 --unseen 6 --out candidates.parquet";
            succeed(folder, "profiler", candidates);
        }
    }

    fn output(&self, folder: &Path, out: &Path) -> Vec<(String, Vec<u8>)> {
        let path = folder.join(out);
        match path.is_dir() {
            true => files_below(&path),
            false => vec![(String::new(), std::fs::read(&path).expect("the output is there"))],
        }
    }

    fn assert_same(&self, folder: &Path, out: &Path) {
        let (whole, merged) = (self.output(folder, Path::new(self.out)), self.output(folder, out));
        let names =
            |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&whole), names(&merged), "{}", self.arguments);
        for ((name, ours), (_, theirs)) in whole.iter().zip(&merged) {
            assert!(
                ours == theirs,
                "{}: {} {name} differs",
                self.arguments,
                out.display()
            );
        }
    }
}

/// Where a job of the tests puts its output that is not the whole one's.
fn other(job: &Job, kind: &str) -> (PathBuf, String) {
    let out = format!("{kind}/{}", job.out);
    (PathBuf::from(&out), out)
}

#[test]
fn shards_of_every_verb_make_the_bytes_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for job in jobs(folder) {
        job.whole(folder);
        let (out, name) = other(&job, "merged");
        let plan = job.run(folder, &["plan", "--shards", "4"], &["--out", &name]);
        let said = String::from_utf8_lossy(&plan.stderr);
        assert!(plan.status.success(), "{}: {said}", job.arguments);
        let planned: serde_json::Value = serde_json::from_slice(&plan.stdout).expect("the plan is JSON");
        assert_eq!(planned["shards"].as_array().map(Vec::len), Some(4));
        // In no order, and one twice.
        for shard in ["2/4", "0/4", "2/4"] {
            job.succeed(folder, &[], &["--out", &name, "--shard", shard]);
        }
        let early = job.run(folder, &["merge"], &["--out", &name]);
        let said = String::from_utf8_lossy(&early.stderr);
        assert_eq!(early.status.code(), Some(1), "{}: {said}", job.arguments);
        assert!(said.contains("2 of 4 shards are not done: 1, 3"), "{said}");
        // Two processes on one shard at the same time.
        let both: Vec<Child> = (0..2)
            .map(|_| {
                job.command(folder, &[], &["--out", &name, "--shard", "1/4"])
                    .spawn()
                    .unwrap()
            })
            .collect();
        for racer in both {
            let output = racer.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            let told =
                output.status.code() == Some(1) && said.contains("another process is writing this folder");
            assert!(output.status.success() || told, "{}: {said}", job.arguments);
        }
        let auto = job
            .command(folder, &[], &["--out", &name, "--shard", "auto"])
            .env("HEADSTART_SHARD", "3/4")
            .output()
            .unwrap();
        assert!(auto.status.success(), "{}", String::from_utf8_lossy(&auto.stderr));
        job.succeed(folder, &["merge"], &["--out", &name]);
        job.assert_same(folder, &out);
        let parts = folder.join(format!("{name}.parts"));
        assert!(parts.is_dir());
        job.succeed(folder, &["merge", "--clean"], &["--out", &name]);
        assert!(!parts.exists(), "{}: the parts are left", job.arguments);
        // A shard that comes late finds all done.
        job.succeed(folder, &[], &["--out", &name, "--shard", "1/4"]);
        job.assert_same(folder, &out);
    }
}

#[test]
fn many_units_are_shared_out_and_come_back_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    succeed(
        folder,
        "simulator",
        "import synthetic --users 40000 --items 60 --out data --seed 3",
    );
    succeed(
        folder,
        "pretrain",
        "train --method popularity --log data/log --seeds 1 --out policies",
    );
    for (tool, arguments, out) in [
        (
            "profiler",
            "states --log data/log/interactions.parquet --hold-out 2",
            "states.parquet",
        ),
        (
            "profiler",
            "eval --log data/log/interactions.parquet --items data/log/items.parquet --states states.parquet --users 30000",
            "auc.parquet",
        ),
        (
            "online",
            "recommend --policy policies/seed-0 --k 3",
            "recommendations.parquet",
        ),
    ] {
        let arguments = arguments.replace(' ', "\t");
        let job = Job { tool, arguments, out };
        job.whole(folder);
        let (out, name) = other(&job, "merged");
        for shard in ["2/3", "1/3", "0/3"] {
            job.succeed(folder, &[], &["--out", &name, "--shard", shard, "--workers", "1"]);
        }
        let plan = std::fs::read(folder.join(format!("{name}.parts/plan.json"))).unwrap();
        let plan: serde_json::Value = serde_json::from_slice(&plan).unwrap();
        let shards = plan["shards"].as_array().unwrap();
        assert!(
            shards.iter().all(|shard| shard["work"].as_u64() > Some(0)),
            "{plan}"
        );
        job.succeed(folder, &["merge"], &["--out", &name]);
        job.assert_same(folder, &out);
    }
}

/// Gives all files and folders below `folder` one time of change, in seconds since 1970.
fn set_clock_of_files(folder: &Path, seconds: u64) {
    let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            set_clock_of_files(&path, seconds);
        }
        std::fs::File::open(&path).unwrap().set_modified(time).unwrap();
    }
}

/// How often each verb is killed: more with HEADSTART_KILLS.
fn kills() -> u32 {
    std::env::var("HEADSTART_KILLS").map_or(3, |text| text.parse().expect("HEADSTART_KILLS is a number"))
}

#[test]
fn a_shard_that_is_killed_at_any_moment_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for job in jobs(folder) {
        let started = Instant::now();
        job.whole(folder);
        let whole = started.elapsed();
        for kill in 0..kills() {
            let (out, name) = other(&job, &format!("killed-{kill}"));
            let after = ["--out", &name, "--shard", "0/2"];
            let mut child = job.command(folder, &[], &after).spawn().unwrap();
            // Spread over the time that it takes, by no clock but the whole job's own.
            std::thread::sleep(whole.mul_f64(f64::from(2 * kill + 1) / f64::from(2 * kills())) / 2);
            // SIGKILL, or a preemption's SIGTERM, which must end it as soon.
            match kill % 2 {
                0 => child.kill().unwrap(),
                _ => drop(Command::new("kill").arg(child.id().to_string()).output()),
            }
            let asked = Instant::now();
            child.wait().unwrap();
            assert!(
                asked.elapsed() < Duration::from_secs(10),
                "{}: SIGTERM",
                job.arguments
            );
            // The next process comes to files of another age: of a machine whose clock was wrong, or has been put right.
            set_clock_of_files(folder, [0, 4_102_444_800][(kill % 2) as usize]);
            job.succeed(folder, &[], &after);
            job.succeed(folder, &[], &["--out", &name, "--shard", "1/2"]);
            job.succeed(folder, &["merge", "--clean"], &["--out", &name]);
            job.assert_same(folder, &out);
            // A process whole that is killed goes on as well.
            let (out, name) = other(&job, &format!("alone-{kill}"));
            let mut child = job.command(folder, &[], &["--out", &name]).spawn().unwrap();
            std::thread::sleep(whole.mul_f64(f64::from(2 * kill + 1) / f64::from(2 * kills())));
            child.kill().unwrap();
            child.wait().unwrap();
            set_clock_of_files(folder, [4_102_444_800, 0][(kill % 2) as usize]);
            job.succeed(folder, &[], &["--out", &name]);
            job.assert_same(folder, &out);
        }
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    films::write(&folder.join("raw"));
    succeed(
        folder,
        "simulator",
        "import movielens --input raw --out data --seed 7",
    );
    let states = "states --log data/log/interactions.parquet --out states.parquet";
    succeed(folder, "profiler", &format!("{states} --shard 0/2"));
    for (arguments, says) in [
        (format!("{states} --shard 0/3"), "into 2 shards, not 3"),
        (format!("{states} --shard 1/2 --window 5"), "another job"),
        (format!("{states} --shard 2/2"), "is no shard"),
        (format!("{states} --shard auto"), "nothing says which shard"),
        (
            format!("{states} --parts elsewhere"),
            "--parts is for jobs in shards",
        ),
        (format!("plan --shards 3 {states}"), "into 2 shards, not 3"),
        (format!("merge {states} --shard 0/2"), "are about all shards"),
        (format!("merge {states} --parts elsewhere"), "no parts to merge"),
    ] {
        let said = fail(folder, "profiler", &arguments, 2);
        assert!(said.contains(says), "{arguments}: {said}");
    }
    let half = Command::new(binary("profiler"))
        .args(format!("{states} --shard auto").split_whitespace())
        .env("JOB_COMPLETION_INDEX", "1")
        .current_dir(folder)
        .output()
        .unwrap();
    assert_eq!(half.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&half.stderr).contains("JOB_COMPLETION_COUNT is not"));
    let socket = "run --environment data --method x --socket s --out m.parquet --shard 0/2";
    assert!(!run(folder, "simulator", socket).status.success());
}
