//! `--refit-every`: after so many episodes a command makes a policy of what was answered, and that one goes on.

use std::path::Path;

use crate::support::{ITEMS, Row, Session, agent, fails_with, feed, hello, policy, request, saved, stream};
use common::frame::Reply;
use common::ids::{Dictionary, IdKind};
use common::policy_artifact::Policy;
use common::schema::events;

/// The policy with the opposite popularity, in a folder of its own.
fn reversed(folder: &Path) -> Policy {
    let mut other = policy();
    other
        .items
        .popularity
        .iter_mut()
        .for_each(|likes| *likes = ITEMS as f32 - *likes);
    other.save(&folder.join("other")).unwrap();
    other
}

/// A command that keeps the events it is handed and answers with the policy `name`.
fn command(folder: &Path, name: &str) -> String {
    let folder = folder.display();
    format!(
        "sh -c 'cp \"$0\" {folder}/handed-\"$2\".parquet && cp -r {folder}/{name} \"$1\"' {{events}} {{out}} {{seed}}"
    )
}

fn item(reply: &Reply, row: usize) -> String {
    reply.item.single(row).unwrap().to_string()
}

#[test]
fn a_new_policy_takes_over_after_so_many_episodes_in_the_middle_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let first = saved(folder.path());
    reversed(folder.path());
    let run = |name: &str| {
        let file = folder.path().join(format!("{name}.parquet"));
        let refit = command(folder.path(), "other");
        let more = [
            "--refit-every",
            "2",
            "--refit",
            &refit,
            "--seed",
            "9",
            "--events",
            file.to_str().unwrap(),
        ];
        let mut session = Session::start(agent(&first, "popularity", &more), &hello());
        let ask = |session: &mut Session, rows: &[Row<'_>]| session.step(&request(rows));
        let mut shown = Vec::new();
        // u3 has consumed items 0 to 19: the most popular of the others is 21, the least 25.
        let reply = ask(
            &mut session,
            &[(0, "u2", 0, None, None, false), (1, "u3", 0, None, None, false)],
        );
        let (a, b) = (item(&reply, 0), item(&reply, 1));
        let reply = ask(&mut session, &[(0, "u2", 1, Some(&a), Some(1.0), true)]);
        assert_eq!(reply.item.row(0).len(), 0);
        assert!(
            !folder.path().join("handed-9.parquet").exists(),
            "one episode is not two"
        );
        let reply = ask(&mut session, &[(0, "new", 0, None, None, false)]);
        let c = item(&reply, 0);
        // The second episode ends, while environment 1 waits in the middle of its own and another begins.
        let reply = ask(
            &mut session,
            &[
                (0, "new", 1, Some(&c), Some(0.0), true),
                (2, "u3", 0, None, None, false),
            ],
        );
        shown.push(item(&reply, 1));
        // What the old policy recommended is answered under the new one.
        let reply = ask(&mut session, &[(1, "u3", 1, Some(&b), Some(1.0), false)]);
        shown.push(item(&reply, 0));
        assert_eq!([a.as_str(), &b, &c], ["i17", "i21", "i17"]);
        let stderr = session.finish();
        assert!(
            stderr.contains("4 recommendations") || stderr.contains("3 recommendations"),
            "{stderr}"
        );
        let handed = folder.path().join("handed-9.parquet");
        let events = events::read(&handed).unwrap();
        assert!(
            events.log.users.ids().eq(["u2", "new"]),
            "what was answered so far"
        );
        std::fs::remove_file(handed).unwrap();
        (shown, std::fs::read(file).unwrap())
    };
    let one = run("one");
    let second_least = {
        let mut rest: Vec<usize> = (20..ITEMS).collect();
        rest.sort_by_key(|i| i * 7 % ITEMS);
        format!("i{}", rest[0])
    };
    assert_eq!(one.0, [second_least.clone(), second_least]);
    assert_eq!(one, run("two"), "the same at any time");
}

#[test]
fn commands_that_fail_and_other_catalogues_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = saved(folder.path());
    let mut strange = policy();
    strange.items.ids =
        Dictionary::from_values(IdKind::Text, (0..ITEMS).map(|i| format!("other{i}"))).unwrap();
    strange.save(&folder.path().join("strange")).unwrap();
    let rows = [
        request(&[(0, "u3", 0, None, None, false)]),
        request(&[(0, "u3", 1, Some("i21"), Some(1.0), true)]),
    ];
    let strange = command(folder.path(), "strange");
    for (line, code, words) in [
        ("sh -c 'echo no luck >&2; exit 4' {events} {out}", 42, "no luck"),
        ("true {events} {out}", 42, "left no policy"),
        ("/no/such/program {events} {out}", 2, "/no/such/program"),
        (strange.as_str(), 42, "another catalogue"),
        ("true {events}", 2, "does not say {out}"),
    ] {
        let agent = agent(&first, "popularity", &["--refit-every", "1", "--refit", line]);
        fails_with(&feed(agent, &stream(&hello(), &rows)), code, words);
    }
    let alone = agent(&first, "popularity", &["--refit-every", "1"]);
    let output = feed(alone, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--refit <COMMAND>"));
}
