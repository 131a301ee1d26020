//! What the methods with Q heads share: double Q-learning's targets on logged transitions.

use candle_core::{Device, Tensor};

use super::logged::Shard;
use crate::network::Network;

/// The value of the best open item in each row, chosen by `by` and valued by `of` (both `[B, C]`): double Q-learning (van
/// Hasselt 2010; van Hasselt, Guez and Silver 2016, arXiv 1509.06461). `masked` are the places of consumed items. 0 where
/// nothing is open.
pub(super) fn best_values(by: &Tensor, of: &Tensor, masked: &[Vec<u32>]) -> candle_core::Result<Vec<f32>> {
    let (mut by, of) = (by.to_vec2::<f32>()?, of.to_vec2::<f32>()?);
    let best = by.iter_mut().zip(of).zip(masked).map(|((by, of), masked)| {
        for &place in masked {
            by[place as usize] = f32::NEG_INFINITY;
        }
        let best = by
            .iter()
            .zip(of)
            .fold((f32::NEG_INFINITY, 0.0), |best, (&by, of)| {
                if by > best.0 { (by, of) } else { best }
            });
        best.1
    });
    Ok(best.collect())
}

/// r + gamma Q(s', argmax Q(s', .)) of every transition, the argmax by head `head` and the value by the other one; r alone
/// where nothing follows. No gradient goes through it.
pub(super) fn targets(
    network: &Network,
    shard: &Shard,
    head: usize,
    gamma: f32,
) -> candle_core::Result<Vec<f32>> {
    let still = network.detached();
    let encoded = still.encode(&shard.next_states())?;
    let (own, other) = (
        still.q_values(&encoded, head)?,
        still.q_values(&encoded, 1 - head)?,
    );
    let best = best_values(&own, &other, &shard.masked(network.slab(), true))?;
    let target = shard.transitions.iter().zip(best).map(|(t, best)| match t.last {
        true => t.reward,
        false => t.reward + gamma * best,
    });
    Ok(target.collect())
}

/// The values `[B]` at one place a row.
pub(super) fn at(values: &Tensor, places: &[u32]) -> candle_core::Result<Tensor> {
    let index = Tensor::from_slice(places, (places.len(), 1), &Device::Cpu)?;
    values.gather(&index, 1)?.squeeze(1)
}

/// The temporal difference's loss: Huber's of `targets` - `values` (`[B]`), times `share`, summed. Squared up to a distance of
/// 1 and linear beyond (Mnih et al. 2015): early targets are far off, and must not drown the loss beside them.
pub(super) fn huber(values: &Tensor, targets: Vec<f32>, share: f64) -> candle_core::Result<Tensor> {
    let targets = Tensor::from_vec(targets, values.dims1()?, &Device::Cpu)?;
    huber_of(&(targets - values)?, share)
}

/// Huber's loss of errors of any shape, times `share`, summed.
pub(super) fn huber_of(error: &Tensor, share: f64) -> candle_core::Result<Tensor> {
    let distance = error.abs()?;
    let near = distance.minimum(1.0)?;
    let loss = ((near.sqr()? * 0.5)? + (distance - near)?)?;
    loss.sum_all()? * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_open_item_is_chosen_by_one_head_and_valued_by_the_other() {
        let tensor = |rows: &[[f32; 3]]| {
            let values: Vec<f32> = rows.iter().flatten().copied().collect();
            Tensor::from_vec(values, (rows.len(), 3), &Device::Cpu).unwrap()
        };
        let by = tensor(&[[1.0, 5.0, 3.0], [9.0, 8.0, 7.0], [1.0, 1.0, 1.0]]);
        let of = tensor(&[[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]]);
        let masked = [vec![], vec![0], vec![0, 1, 2]];
        assert_eq!(best_values(&by, &of, &masked).unwrap(), [0.2, 0.5, 0.0]);
        assert_eq!(
            at(&of, &[2, 0, 1]).unwrap().to_vec1::<f32>().unwrap(),
            [0.3, 0.4, 0.8]
        );
    }

    #[test]
    fn the_loss_is_squared_near_by_and_linear_far_off() {
        let values = candle_core::Var::from_vec(vec![0.5_f32, -3.0], 2, &Device::Cpu).unwrap();
        let loss = huber(&values, vec![0.0, 1.0], 0.5).unwrap();
        assert!((loss.to_scalar::<f32>().unwrap() - 0.5 * (0.125 + 3.5)).abs() < 1e-6);
        let gradient = loss
            .backward()
            .unwrap()
            .get(&values)
            .unwrap()
            .to_vec1::<f32>()
            .unwrap();
        assert_eq!(gradient, [0.25, -0.5]);
    }
}
