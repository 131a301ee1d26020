//! How many likes the language model's word is worth: chosen by what it makes of likes that the counts have not seen.

use super::{Evidence, Met, Weighing};
use crate::reward::features::{FEATURES, Features};
use crate::reward::folds::RIDGE;
use crate::reward::logistic::{Fitted, Observation, fit};
use crate::reward::pairs::Group;

/// What is tried for the shape of the prior.
const SHAPES: [f64; 9] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];
/// Its prior, log-normal: the middle, and the standard deviation of its logarithm. A log too short to tell leaves the
/// shape here.
const MIDDLE: f64 = 4.0;
const SPREAD: f64 = std::f64::consts::LN_2;
/// Users that the choice reads.
const USERS: usize = 500;

/// Empirical Bayes: the shape under which the reward model, refit with the evidence as a feature, finds the likes of
/// `groups` most probable (its penalised likelihood, and a prior). `features` are those without evidence, `without` the model that was
/// fit on them: its coefficients of the traits are the language model's word.
pub(crate) fn choose(
    evidence: &Evidence,
    features: &Features,
    without: &Fitted<FEATURES>,
    groups: &[&Group],
) -> Weighing {
    let coefficients = [without.coefficients[0], without.coefficients[1]];
    let mut cells = Vec::new();
    // Over states, and over items by popularity.
    let (mut lift, mut weight) = (0.0, 0.0);
    for (at, group) in groups.iter().take(USERS).enumerate() {
        for pair in &group.pairs {
            let x = features.of(&group.context, pair.item).x;
            let by_popularity = pair.weight * evidence.share(pair.item);
            lift += by_popularity * (coefficients[0] * x[0] + coefficients[1] * x[1]).exp();
            weight += by_popularity;
            let observation = Observation {
                x,
                offset: 0.0,
                success: pair.liked,
                weight: pair.weight,
                group: at,
            };
            cells.push((evidence.met(group.context.liked_items(), pair.item), observation));
        }
    }
    let weighing = |shape| Weighing {
        shape,
        coefficients,
        normaliser: (lift / weight).ln(),
    };
    let tried = SHAPES.map(|shape| (loss(&cells, weighing(shape)), shape));
    let best = tried.into_iter().fold(
        (f64::INFINITY, 1.0),
        |best, this| {
            if this.0 < best.0 { this } else { best }
        },
    );
    weighing(best.1)
}

fn loss(cells: &[(Met, Observation<FEATURES>)], weighing: Weighing) -> f64 {
    let with_evidence = |(met, observation): &(Met, Observation<FEATURES>)| {
        let mut observation = *observation;
        let [liked, user, ..] = observation.x;
        observation.x[FEATURES - 1] = weighing.posterior(*met, [liked, user]).value;
        observation
    };
    let observations: Vec<_> = cells.iter().map(with_evidence).collect();
    let surprise = (weighing.shape / MIDDLE).ln() / SPREAD;
    fit(&observations, RIDGE).loss + 0.5 * surprise * surprise
}
