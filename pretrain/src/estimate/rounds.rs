//! Estimates from rounds of one action each.

use common::Result;
use common::schema::rounds::Rounds as Logged;

use super::EstimateConfig;
use super::sheet::{clusters, facts, left_out, push_estimate};
use crate::evaluate::estimators::{Estimator, Rounds};
use crate::evaluate::evidence::Weights;
use crate::evaluate::interval::Interval;
use crate::evaluate::mips;
use crate::evaluate::table::Sheet;

pub(super) fn measure(sheet: &mut Sheet, logged: &Logged, config: &EstimateConfig) -> Result<()> {
    let settings = config.settings;
    let cluster = clusters(logged.cluster.clone(), logged.reward.len(), &config.log)?;
    let weights = Weights::clipped(logged.propensity.weights(), settings.max_weight);
    let model = logged.model.as_ref();
    let rounds = Rounds {
        reward: &logged.reward,
        weight: &weights.values,
        logged: model.map_or(&[], |model| &model.logged),
        value: model.map_or(&[], |model| &model.value),
        cluster: &cluster,
    };
    sheet.push("rounds", logged.reward.len() as f64);
    facts(sheet, &weights, &logged.reward, &cluster, settings.confidence);
    for estimator in Estimator::all(settings.tau) {
        let is_weighted = matches!(estimator, Estimator::Ips | Estimator::Snips);
        if is_weighted || model.is_some() {
            let estimate = estimator.estimate(&rounds);
            push_estimate(sheet, estimator.name(), &estimate, &cluster, settings.confidence);
        }
    }
    if model.is_none() {
        let wanted = format!("columns of a reward model are wanted: {}", config.columns.model());
        left_out("dm, dr and switch", &wanted);
    }
    marginalised(sheet, logged, &rounds, config);
    Ok(())
}

fn marginalised(sheet: &mut Sheet, logged: &Logged, rounds: &Rounds, config: &EstimateConfig) {
    let settings = config.settings;
    let Some(category) = &logged.category else {
        return left_out("mips", "a column of categories is wanted (--category)");
    };
    let estimate = match &logged.of_category {
        Some(known) => {
            let weights = Weights::clipped(known.weights(), settings.max_weight);
            let mean = Interval::of_mean(&weights.values, rounds.cluster, settings.confidence);
            sheet.push("clipped category weights", weights.clipped as f64);
            sheet.push_interval("mean category weight", mean, weights.values.len() as f64);
            Estimator::Mips.estimate(&Rounds {
                weight: &weights.values,
                ..*rounds
            })
        }
        None => {
            let cell = match &logged.context {
                Some(context) => mips::cells(category, context),
                None => category.clone(),
            };
            let cells = cell.iter().max().map_or(0.0, |most| f64::from(*most) + 1.0);
            sheet.push("mips cells", cells);
            mips::estimated(rounds.reward, rounds.weight, &cell)
        }
    };
    push_estimate(
        sheet,
        Estimator::Mips.name(),
        &estimate,
        rounds.cluster,
        settings.confidence,
    );
}
