//! No damage to a file of ours changes what is read: it is refused with its place.

use crate::support::end_of_pages;
use crate::support::formats::formats;

#[test]
fn no_bit_turned_over_in_a_file_of_ours_changes_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = 7_u64;
    let mut below = |most: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((random >> 33) as usize) % most
    };
    let (mut in_pages, mut refused_elsewhere, mut elsewhere) = (0, 0, 0);
    // Rounds are read from some columns of any table: damage to the others is none of theirs.
    let whole_files = formats(folder.path())
        .into_iter()
        .filter(|(path, _)| !path.ends_with("rounds"));
    for (path, read) in whole_files {
        let bytes = std::fs::read(&path).unwrap();
        let whole = read(&path).unwrap();
        let pages = end_of_pages(&path);
        for flip in 0..320 {
            // Every fourth is in the footer.
            let at = match flip % 4 {
                0 => pages + below(bytes.len() - pages),
                _ => 4 + below(pages - 4),
            };
            let mut changed = bytes.clone();
            changed[at] ^= 1 << below(8);
            std::fs::write(&path, &changed).unwrap();
            let found = read(&path);
            let name = path.display();
            if let Ok(found) = &found {
                assert!(*found == whole, "{name}: a bit of byte {at} changes what is read");
            }
            if at < pages {
                in_pages += 1;
                let error = found.expect_err(&format!("{name}: byte {at}")).to_string();
                assert!(error.contains("row group") && error.contains("column"), "{error}");
            } else {
                elsewhere += 1;
                refused_elsewhere += usize::from(found.is_err());
            }
        }
    }
    assert!(in_pages >= 2_000, "{in_pages}");
    // What remains are bits of the name under which the checksums stand.
    assert!(
        refused_elsewhere * 100 > elsewhere * 95,
        "{refused_elsewhere} of {elsewhere}"
    );
}
