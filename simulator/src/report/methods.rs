//! Methods by name: how they are called in the report, and in which order they stand.

use common::shown;

/// Ends the name of a control: the same method with the language model's traits handed to the wrong items and users.
const SHUFFLED: &str = "_shuffled";

/// How many methods are known.
pub(super) const COUNT: usize = 22;

/// Methods from the simplest to the fullest, with the names that a reader knows.
const KNOWN: [(&str, &str); COUNT] = [
    ("random", "Random"),
    ("popularity", "Popularity"),
    ("item_knn", "Item-kNN"),
    ("ease", "EASE"),
    ("als", "Implicit ALS"),
    ("ease_nightly", "EASE, retrained nightly"),
    ("linucb", "LinUCB"),
    ("bc", "Behaviour cloning"),
    ("bc_ft", "BC then A2C"),
    ("sqn", "SQN"),
    ("sa2c", "SA2C"),
    ("cql", "CQL"),
    ("cal_ql", "Cal-QL"),
    ("a2c", "A2C from scratch"),
    ("ialp", "iALP (frozen)"),
    ("aialp_ft", "A-iALP_ft"),
    ("aialp_ap", "A-iALP_ap"),
    ("ialp_log", "iALP plus log (frozen)"),
    ("ialp_log_ft", "iALP plus log, then A2C"),
    ("appeal", "Headstart (frozen)"),
    ("headstart", "Headstart, adapting"),
    ("headstart_nightly", "Headstart, adapting, retrained nightly"),
];

/// What a practitioner would use without a language model.
pub(super) const PLAIN: [&str; 6] = ["popularity", "item_knn", "ease", "als", "ease_nightly", "linucb"];

/// The name to show for a method's short name; an unknown one is shown as it is.
pub(super) fn name(method: &str) -> String {
    let name = |method| place(method).map_or_else(|| shown(method), |at| KNOWN[at].1.into());
    match method.strip_suffix(SHUFFLED) {
        Some(base) => format!("{}, traits shuffled", name(base).trim_end_matches(" (frozen)")),
        None => name(method).into_owned(),
    }
}

/// The method whose control `method` is.
pub(super) fn treated(method: &str) -> Option<&str> {
    method.strip_suffix(SHUFFLED)
}

/// Whether `method` is a control.
pub(super) fn is_control(method: &str) -> bool {
    treated(method).is_some()
}

/// Sorts short names: known methods, their controls, then the others by name.
pub(super) fn sort(methods: &mut [String]) {
    methods.sort_by_cached_key(|method| {
        let (group, at) = match (place(method), treated(method).and_then(place)) {
            (Some(at), _) => (0, at),
            (None, Some(at)) => (1, at),
            (None, None) => (2, 0),
        };
        (group, at, method.clone())
    });
}

/// The place of a known method among the known ones.
pub(super) fn place(method: &str) -> Option<usize> {
    KNOWN.iter().position(|(known, _)| *known == method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_methods_come_first_then_controls_then_the_rest() {
        let mut methods = [
            "zebra",
            "aialp_ft_shuffled",
            "ialp",
            "alpha",
            "ialp_shuffled",
            "random",
        ]
        .map(String::from);
        sort(&mut methods);
        assert_eq!(
            methods,
            [
                "random",
                "ialp",
                "ialp_shuffled",
                "aialp_ft_shuffled",
                "alpha",
                "zebra"
            ]
        );
    }

    #[test]
    fn names_are_readable() {
        assert_eq!(name("bc_ft"), "BC then A2C");
        assert_eq!(name("ialp_shuffled"), "iALP, traits shuffled");
        assert_eq!(name("aialp_ft_shuffled"), "A-iALP_ft, traits shuffled");
        assert_eq!(name("mine"), "mine");
    }
}
