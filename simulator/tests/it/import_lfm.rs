//! `simulator import lfm`: what it writes, and what it says about files that are not as they should be.

use crate::support;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::support::bad_files::{Case, check, with, with_line, words};
use crate::support::imported::{Imported, in_time, published, rows};
use crate::support::{fail, simulator, succeed, write};
use tempfile::TempDir;

const ARTISTS: u32 = 8;

/// Two users who both heard and tagged all artists, artist n with the tag "Tag n"; a third one with one artist.
/// Line ends are mixed, as published.
fn raw_files() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut artists = "id\tname\turl\tpictureURL\n".to_string();
    let mut tags = "tagID\ttagValue\r\n".to_string();
    let mut listened = "userID\tartistID\tweight\r\n".to_string();
    let mut tagged = "userID\tartistID\ttagID\tday\tmonth\tyear\n".to_string();
    for artist in 1..=ARTISTS {
        writeln!(artists, "{artist}\tThe  Artist {artist}\thttp://x/{artist}\t").unwrap();
        write!(tags, "{artist}\tTag {artist}\r\n").unwrap();
        for user in [2, 5] {
            write!(listened, "{user}\t{artist}\t{}\r\n", artist * 10).unwrap();
            writeln!(tagged, "{user}\t{artist}\t{artist}\t1\t4\t2009").unwrap();
        }
    }
    listened += "9\t1\t1\r\n";
    for (name, content) in [
        ("artists.dat", artists),
        ("tags.dat", tags),
        ("user_artists.dat", listened),
        ("user_taggedartists.dat", tagged),
    ] {
        write(folder.path(), name, content);
    }
    folder
}

#[test]
fn a_random_half_of_each_users_artists_is_the_log() {
    let (raw, out) = (raw_files(), tempfile::tempdir().unwrap());
    succeed(&words("lfm", raw.path(), out.path()));
    let lfm = Imported::read(out.path());
    assert_eq!(lfm.item("3").0, "The Artist 3");
    assert_eq!(lfm.users.ids.len(), 3);
    assert!(
        lfm.users
            .attributes
            .iter()
            .all(std::collections::BTreeMap::is_empty)
    );
    for user in ["2", "5"] {
        let (heard, held_out) = (in_time(&lfm.log, user), in_time(&lfm.truth, user));
        assert_eq!((heard.len(), held_out.len()), (4, 4));
        let both: BTreeSet<&str> = heard.iter().chain(&held_out).copied().collect();
        assert_eq!(both.len(), ARTISTS as usize, "no artist is in both");
        assert!(!heard.is_sorted() || !held_out.is_sorted(), "the order is drawn");
    }
    assert_eq!(in_time(&lfm.log, "9"), ["1"], "a single artist is never held out");
    // Counts stay with their artists; times are places in the draw, held-out artists after those of the log.
    for (_, artist, time, count) in rows(&lfm.log).iter().filter(|row| row.0 != "9") {
        assert_eq!(*count, artist.parse::<f32>().unwrap() * 10.0);
        assert!((0..4).contains(time));
    }
    assert!(rows(&lfm.truth).iter().all(|row| (4..8).contains(&row.2)));
    assert_eq!(lfm.log.kind.like_threshold, 1.0);
    let config = &lfm.manifest.config;
    assert_eq!(
        config["split"],
        serde_json::json!({"kind": "random", "log_share": 0.5, "seed": 0})
    );
    assert_eq!(config["unrated"], "negative");
    assert_eq!(lfm.manifest.seed, Some(0));

    let other = tempfile::tempdir().unwrap();
    let mut seeded = words("lfm", raw.path(), other.path());
    seeded.extend(["--seed", "1", "--log-share", "0.75"]);
    succeed(&seeded);
    let other = Imported::read(other.path());
    assert_eq!(in_time(&other.log, "2").len(), 6);
    assert_ne!(in_time(&other.log, "2")[..4], in_time(&lfm.log, "2"));
}

/// Both users gave artist n, and no other, the tag "Tag n". If only one of the two has the artist in the log, that
/// user's tag alone is left, and a tag of a single user is not shown.
#[test]
fn tags_do_not_tell_what_is_held_out() {
    let (raw, out) = (raw_files(), tempfile::tempdir().unwrap());
    succeed(&words("lfm", raw.path(), out.path()));
    let lfm = Imported::read(out.path());
    let (one, other) = (in_time(&lfm.log, "2"), in_time(&lfm.log, "5"));
    let mut shown = 0;
    for artist in (1..=ARTISTS).map(|artist| artist.to_string()) {
        let in_both = one.contains(&artist.as_str()) && other.contains(&artist.as_str());
        let (_, text, categories) = lfm.item(&artist);
        if in_both {
            shown += 1;
            assert_eq!(categories, [format!("tag {artist}")]);
            assert_eq!(text.unwrap(), format!("An artist tagged tag {artist}."));
        } else {
            assert_eq!((text, categories), (None, vec![]), "artist {artist}");
        }
    }
    assert!(
        shown > 0 && shown < ARTISTS,
        "the fixture tests both sides: {shown}"
    );
}

#[test]
fn the_foremost_tags_come_first_and_strange_ones_are_named() {
    let (raw, out) = (raw_files(), tempfile::tempdir().unwrap());
    // One artist that nobody heard: all tags count. Tag 13 is given by two users, the others by one of them there.
    let mut artists = std::fs::read(raw.path().join("artists.dat")).unwrap();
    artists.extend("20\tBallakÃ© Sissoko\thttp://x\t\n21\tOther\tx\t\n".as_bytes());
    write(raw.path(), "artists.dat", artists);
    let mut tags = std::fs::read(raw.path().join("tags.dat")).unwrap();
    tags.extend("11\tHip-Hop\r\n12\t90s\r\n13\tchanson fran".as_bytes());
    tags.extend(b"\xe7aise\r\n14\thip-hop\r\n15\tper");
    tags.extend("\u{fffd}o\r\n16\tmine alone\r\n17\tother\r\n".as_bytes());
    write(raw.path(), "tags.dat", tags);
    let mut tagged = std::fs::read(raw.path().join("user_taggedartists.dat")).unwrap();
    for (user, artist, tag) in [
        (2, 20, 12),
        (2, 20, 13),
        (5, 20, 13),
        (5, 20, 11),
        (2, 20, 15),
        (5, 20, 15),
        (9, 20, 16),
        (9, 21, 16),
        (2, 21, 14),
        (9, 21, 14),
        (5, 21, 12),
        (2, 21, 11),
        (9, 777, 11),
        (9, 778, 11),
        (2, 21, 17),
        (5, 21, 17),
    ] {
        tagged.extend(format!("{user}\t{artist}\t{tag}\t1\t4\t2009\n").into_bytes());
    }
    write(raw.path(), "user_taggedartists.dat", tagged);
    let output = simulator(&words("lfm", raw.path(), out.path()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let lfm = Imported::read(out.path());
    let (name, text, tags) = lfm.item("20");
    assert_eq!(name, "Ballaké Sissoko");
    // Two users; then hip-hop, which three users gave to some artist, before 90s, which two did.
    assert_eq!(tags, ["chanson française", "hip-hop", "90s"]);
    assert_eq!(text.unwrap(), "An artist tagged chanson française, hip-hop, 90s.");
    assert_eq!(
        lfm.item("21").2,
        ["hip-hop", "90s"],
        "two tags of one name count a user once, and an artist's own name is not a tag"
    );
    for note in [
        "artists.dat: mended the encoding of 1 name",
        "tags.dat: 1 tag not in UTF-8, read as Windows-1252",
        "tags.dat: 1 tag with lost characters (U+FFFD), left out",
        "user_taggedartists.dat: left out 2 tags of artists that are not in artists.dat",
        "user_taggedartists.dat: left out 8 tags that users gave to artists held out from them",
    ] {
        assert!(said.contains(note), "no {note:?} in\n{said}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_whatever_the_workers() {
    let (raw, out) = (raw_files(), tempfile::tempdir().unwrap());
    let import = |folder: &str, workers: &str, seed: &str| {
        let out = out.path().join(folder);
        let mut words = words("lfm", raw.path(), &out);
        words.extend(["--workers", workers, "--seed", seed]);
        succeed(&words);
        support::contents(&out)
    };
    let one = import("one", "1", "3");
    assert_eq!(import("four", "4", "3"), one);
    assert_ne!(import("other", "1", "4"), one);
}

#[test]
fn a_bad_file_ends_in_one_error_or_is_skipped_and_counted() {
    let cases = [
        Case {
            file: "artists.dat",
            change: |raw| with_line(raw, b"1\tAgain\tx\ty"),
            says: &["the id 1 appears twice", "line 10", "column id"],
            skipped: Some("set aside 1 row (repeated id)"),
        },
        Case {
            file: "artists.dat",
            change: |raw| with_line(raw, b"77\tMis\xe9rables\tx\ty"),
            says: &["not UTF-8", "line 10", "column name"],
            skipped: Some("set aside 1 row (not UTF-8)"),
        },
        Case {
            file: "artists.dat",
            change: |raw| with_line(raw, b"77\t \tx\ty"),
            says: &["artist 77 has no name", "line 10"],
            skipped: Some("set aside 1 row (artist without a name)"),
        },
        Case {
            file: "artists.dat",
            change: |raw| with(&raw, "id\tname", b"id\ttitle"),
            says: &["column `name` is missing", "line 1"],
            skipped: None,
        },
        Case {
            file: "tags.dat",
            change: |raw| with_line(raw, b"x7\trock\r"),
            says: &["the id \"x7\" is not an integer", "line 10", "column tagID"],
            skipped: Some("set aside 1 row (id that is not an integer)"),
        },
        Case {
            file: "tags.dat",
            change: |raw| with_line(raw, b"8\trock\r"),
            says: &["the id 8 appears twice", "line 10"],
            skipped: Some("set aside 1 row (repeated id)"),
        },
        Case {
            file: "user_artists.dat",
            change: |raw| with_line(raw, b"2\t"),
            says: &["the line has 2 fields", "line 19"],
            skipped: Some("set aside 1 row (wrong number of fields)"),
        },
        Case {
            file: "user_artists.dat",
            change: |raw| with_line(raw, b"9\t2\t0"),
            says: &[
                "count \"0\" is not a whole number from 1 on",
                "line 19",
                "column weight",
            ],
            skipped: Some("set aside 1 row (listening count out of range)"),
        },
        Case {
            file: "user_artists.dat",
            change: |raw| with_line(raw, b"9\t2\t1e9"),
            says: &["count \"1e9\"", "line 19"],
            skipped: Some("set aside 1 row (listening count out of range)"),
        },
        Case {
            file: "user_artists.dat",
            change: |raw| with_line(raw, b"9\t99\t1"),
            says: &["the id 99 is not in artists.dat", "line 19", "column artistID"],
            skipped: Some("set aside 1 row (unknown id)"),
        },
        Case {
            file: "user_artists.dat",
            change: |raw| with_line(raw, b"9\t1\t7"),
            says: &["user 9 has a count of artist 1 before", "line 19"],
            skipped: Some("set aside 1 row (repeated pair of user and artist)"),
        },
        Case {
            file: "user_taggedartists.dat",
            change: |raw| with_line(raw, b"77\t1\t1\t1\t1\t2009"),
            says: &["the id 77 is not in user_artists.dat", "line 18", "column userID"],
            skipped: Some("set aside 1 row (unknown id)"),
        },
        Case {
            file: "user_taggedartists.dat",
            change: |raw| with_line(raw, b"2\t1\t77\t1\t1\t2009"),
            says: &["the id 77 is not in tags.dat", "line 18", "column tagID"],
            skipped: Some("set aside 1 row (unknown id)"),
        },
    ];
    check("lfm", raw_files, &cases);
}

#[test]
fn users_with_one_artist_each_leave_nothing_to_hold_out() {
    let (raw, out) = (raw_files(), tempfile::tempdir().unwrap());
    write(
        raw.path(),
        "user_artists.dat",
        "userID\tartistID\tweight\n2\t1\t3\n5\t1\t3\n9\t2\t3\n",
    );
    let error = fail(2, &words("lfm", raw.path(), out.path()));
    assert!(error.contains("nothing to hold out"), "{error}");
}

#[test]
#[ignore = "needs the published files: `make published`"]
fn the_published_files() {
    let raw = published("lfm");
    let out = tempfile::tempdir().unwrap();
    let output = simulator(&words("lfm", &raw, out.path()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("left out 1538 tags of artists that are not in artists.dat"),
        "{said}"
    );
    let lfm = Imported::read(out.path());
    assert_eq!((lfm.users.ids.len(), lfm.items.ids.len()), (1892, 17632));
    assert_eq!(lfm.log.len() + lfm.truth.len(), 92834);
    assert!(
        lfm.log.len().abs_diff(lfm.truth.len()) < 1892,
        "{}",
        lfm.log.len()
    );
    assert!(lfm.items.categories.iter().all(|tags| tags.len() <= 5));
    let (name, text, tags) = lfm.item("56");
    assert_eq!((name, &tags[..2]), ("Daft Punk", &["electronic", "dance"][..]));
    assert!(text.unwrap().starts_with("An artist tagged electronic, dance, "));
    assert_eq!(lfm.item("1009").0, "Tiësto");
    assert!(
        !lfm.items
            .categories
            .iter()
            .flatten()
            .any(|tag| tag.contains('\u{fffd}'))
    );
}
