//! The first day of a service: a catalogue, perhaps some users, and no interaction at all, over the built binaries.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use common::manifest::Manifest;
use common::schema::{items, users};
use tests::{default_model, films, succeed};

/// What `POST /recommend` answers for a user of whom nothing is known.
fn recommended(folder: &Path, policy: &str) -> String {
    let mut service = Command::new(tests::binary("online"))
        .args([
            "serve",
            "--policy",
            policy,
            "--state",
            "state",
            "--listen",
            "127.0.0.1:0",
        ])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(service.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line.split('"').nth(3).unwrap().to_string();
    let body = r#"{"user":"new","k":2}"#;
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /recommend HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    service.kill().unwrap();
    service.wait().unwrap();
    answer
}

/// Traits of items alone, and what the model would choose for users of whom nothing is known, in place of a log.
fn with_a_model(folder: &Path, model: &str) {
    let inputs = format!("--model {model} --items shop/items.parquet --domain film");
    let tool = |tool: &str, arguments: &str| succeed(folder, tool, arguments);
    tool("profiler", &format!("traits {inputs} --out profiles.parquet"));
    tool(
        "profiler",
        "states --users shop/users.parquet --out states.parquet",
    );
    tool(
        "profiler",
        "candidates --items shop/items.parquet --states states.parquet --kind unseen --users 6 --unseen 3 --out c.parquet",
    );
    tool(
        "profiler",
        &format!("prefer {inputs} --states states.parquet --candidates c.parquet --out preferences.parquet"),
    );
    tool(
        "pretrain",
        "train --method ialp --log shop --states states.parquet --profiles profiles.parquet --preferences preferences.parquet \
         --seeds 1 --steps 5 --batch 8 --dims 8 --hidden 8 --out ialp",
    );
}

#[test]
fn a_catalogue_alone_becomes_a_policy_that_serves() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    films::write(&folder.join("raw"));
    succeed(
        folder,
        "simulator",
        "import movielens --input raw --out data --log-fraction 0",
    );
    // By hand: the same catalogue and users as a shop would export them, and no file for a log.
    for name in ["items", "users"] {
        let from = folder.join(format!("data/log/{name}.parquet"));
        let to = folder.join(format!("shop/{name}.parquet"));
        match name {
            "items" => items::write(
                &to,
                &Manifest::new(items::ITEMS, "shop"),
                &items::read(&from).unwrap(),
            ),
            _ => users::write(
                &to,
                &Manifest::new(users::USERS, "shop"),
                &users::read(&from).unwrap(),
            ),
        }
        .unwrap();
    }
    with_a_model(folder, &default_model().display().to_string());
    // The import's catalogue has other bytes than the shop's, and the same rows: profiles serve both.
    for (log, out) in [("data/log", "imported"), ("shop", "appeal")] {
        succeed(
            folder,
            "pretrain",
            &format!("train --method appeal --log {log} --profiles profiles.parquet --seeds 1 --out {out}"),
        );
    }
    let answer = recommended(folder, "appeal/seed-0");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("propensity"), "{answer}");
}
