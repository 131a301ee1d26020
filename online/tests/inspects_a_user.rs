//! `online inspect` shows what the policy knows of a user and would recommend.

mod support;

use support::{feed, online, policy, saved};

#[test]
fn a_known_user_and_a_newcomer() {
    let folder = tempfile::tempdir().unwrap();
    let saved = saved(folder.path());
    let show = |user: &str| {
        let policy = saved.to_str().unwrap();
        let output = feed(
            online(&["inspect", "--policy", policy, "--user", user, "--top", "4"]),
            b"",
        );
        assert!(output.status.success());
        (
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (text, warnings) = show("u3");
    assert!(text.contains("consumed 20 of 30 items"), "{text}");
    assert!(text.contains("not liked  i5"), "{text}");
    assert_eq!(warnings, "");
    let listed: Vec<(f32, String)> = text
        .lines()
        .skip_while(|line| !line.contains("probability"))
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            (cells[1].parse().unwrap(), cells[3].to_string())
        })
        .collect();
    assert_eq!(listed.len(), 4);
    assert!(listed.windows(2).all(|pair| pair[0].0 >= pair[1].0));
    let codes: Vec<u32> = listed
        .iter()
        .map(|(_, item)| policy().items.ids.code(item).unwrap())
        .collect();
    assert!(
        codes.iter().all(|code| *code >= 20),
        "u3 has consumed items 0 to 19: {codes:?}"
    );

    let (text, warnings) = show("nobody");
    assert!(text.contains("consumed 0 of 30 items"), "{text}");
    assert!(warnings.contains("does not know the user `nobody`"), "{warnings}");
}
