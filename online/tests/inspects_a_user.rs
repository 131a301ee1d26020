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
        .skip_while(|line| !line.contains("chance"))
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            // Frozen: what acts is the prior, and nothing is adapted.
            assert_eq!((cells[1], cells[3]), (cells[2], "-"), "{line}");
            (cells[1].parse().unwrap(), cells[5].to_string())
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

#[test]
fn a_mixture_is_laid_open_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let policy = saved(folder.path());
    let arguments = [
        "inspect",
        "--policy",
        policy.to_str().unwrap(),
        "--user",
        "u0",
        "--strategy",
        "ap",
        "--format",
        "json",
        "--top",
        "30",
    ];
    let output = feed(online(&arguments), b"");
    assert!(output.status.success());
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&shown["known"], &shown["consumed"]), (&true.into(), &3.into()));
    assert_eq!(shown["history"][1]["item"], "i2");
    assert_eq!(shown["policy"]["strategy"], "ap");
    assert_eq!(shown["reasons"].as_array().unwrap().len(), 1);
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    let weight = number(&shown["weight"]);
    let top = shown["top"].as_array().unwrap();
    assert_eq!(top.len(), 27, "what may be recommended");
    let total: f64 = top.iter().map(|item| number(&item["chance"])).sum();
    assert!((total - 1.0).abs() < 1e-5, "{total}");
    for item in top {
        let mixed = weight * number(&item["prior"]) + (1.0 - weight) * number(&item["adapted"]);
        assert!((mixed - number(&item["chance"])).abs() < 1e-6, "{item}");
    }
}
