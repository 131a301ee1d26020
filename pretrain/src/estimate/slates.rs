//! Estimates from slates.

use std::ops::Range;

use common::schema::rounds::{Rounds as Logged, Slates as Places, at_propensity};
use common::{Error, Result};

use super::EstimateConfig;
use super::sheet::{clusters, facts, left_out, push_estimate};
use crate::evaluate::evidence::Weights;
use crate::evaluate::interval::Interval;
use crate::evaluate::slates::{SlateEstimator, Slates};
use crate::evaluate::table::Sheet;

pub(super) fn measure(
    sheet: &mut Sheet,
    logged: &Logged,
    places: &Places,
    config: &EstimateConfig,
) -> Result<()> {
    let settings = config.settings;
    let each = || places.starts.windows(2).map(|pair| pair[0]..pair[1]);
    let count = places.starts.len() - 1;
    let told = logged.cluster.as_ref();
    let told = told.map(|of| each().map(|items| of[items.start]).collect());
    let cluster = clusters(told, count, &config.log)?;
    let ratios = logged.propensity.weights();
    let mut cascade = Vec::with_capacity(ratios.len());
    for items in each() {
        let mut product = 1.0;
        for at in items {
            product *= ratios[at];
            if !product.is_finite() {
                let error = Error::data("the weights of the slate's items multiply to infinity")
                    .hint("check how propensities are logged, or drop the slate");
                return Err(at_propensity(error, &config.log, &config.columns, places.row[at]));
            }
            cascade.push(product);
        }
    }
    let whole = each().map(|items| cascade[items.end - 1]).collect();
    let slate = Weights::clipped(whole, settings.max_weight);
    let cascade = Weights::clipped(cascade, settings.max_weight);
    let at_position = logged.at_position.as_ref();
    let at_position = at_position.map(|of| Weights::clipped(of.weights(), settings.max_weight));
    let earned: Vec<f64> = each().map(|items| logged.reward[items].iter().sum()).collect();
    let slates = Slates {
        starts: &places.starts,
        reward: &logged.reward,
        slate: &slate.values,
        cascade: &cascade.values,
        at_position: at_position.as_ref().map(|weights| weights.values.as_slice()),
        model: logged.model.as_ref().map(|of| [of.logged.as_slice(), &of.value]),
    };
    sheet.push("slates", count as f64);
    sheet.push("items", logged.reward.len() as f64);
    sheet.push(
        "longest slate",
        each().map(|items| items.len()).max().unwrap_or(0) as f64,
    );
    facts(sheet, &slate, &earned, &cluster, settings.confidence);
    sheet.push("clipped cascade weights", cascade.clipped as f64);
    if let Some(weights) = &at_position {
        let of_slate = |items: Range<usize>| {
            let length = items.len() as f64;
            weights.values[items].iter().sum::<f64>() / length
        };
        let mean = Interval::of_mean(
            &each().map(of_slate).collect::<Vec<_>>(),
            &cluster,
            settings.confidence,
        );
        sheet.push("clipped position weights", weights.clipped as f64);
        sheet.push_interval("mean position weight", mean, count as f64);
    }
    for estimator in SlateEstimator::ALL {
        if let Some(estimate) = estimator.estimate(&slates) {
            push_estimate(sheet, estimator.name(), &estimate, &cluster, settings.confidence);
        }
    }
    if at_position.is_none() {
        let columns = config.columns.at_position();
        let wanted = format!(
            "columns of the probabilities of showing an item at its position, whatever stands above, are wanted: {columns}"
        );
        left_out("iips and sniips", &wanted);
    }
    if logged.model.is_none() {
        let wanted = format!("columns of a reward model are wanted: {}", config.columns.model());
        left_out("cascade-dr", &wanted);
    }
    Ok(())
}
