use super::*;
use candle_core::{Device, Var};
use common::rng::{RngExt, stream};

const WIDTH: usize = 37;

fn logits(rows: usize) -> Var {
    let values: Vec<f32> = (0..rows * WIDTH).map(|i| (i as f32 * 1.3).sin() * 3.0).collect();
    Var::from_vec(values, (rows, WIDTH), &Device::Cpu).unwrap()
}

fn choices() -> Choices {
    Choices {
        rows: vec![0, 1, 1, 2, 1],
        actions: vec![3, 36, 5, 0, 36],
        masked: vec![vec![], vec![0, 5, 35], vec![0, 36], vec![1], (0..36).collect()],
    }
}

/// The same two numbers from primitive operations, with autograd; `offsets` are added in the sums, to the action's own term
/// only where it is not exact.
fn primitive(logits: &Tensor, choices: &Choices, sampling: &Sampling) -> Tensor {
    let count = choices.actions.len();
    let rows = Tensor::from_slice(&choices.rows, count, &Device::Cpu).unwrap();
    let own = logits.index_select(&rows, 0).unwrap();
    let mut shift = vec![0.0_f32; count * WIDTH];
    for (choice, shift) in shift.chunks_exact_mut(WIDTH).enumerate() {
        if let Some(offsets) = &sampling.offsets {
            shift.copy_from_slice(offsets);
            if sampling.exact_action {
                shift[choices.actions[choice] as usize] = 0.0;
            }
        }
        choices.masked[choice]
            .iter()
            .for_each(|&item| shift[item as usize] = -1e9);
    }
    let shift = Tensor::from_vec(shift, (count, WIDTH), &Device::Cpu).unwrap();
    let shifted = (&own + shift).unwrap();
    let most = shifted.max_keepdim(1).unwrap().detach();
    let total = shifted
        .broadcast_sub(&most)
        .unwrap()
        .exp()
        .unwrap()
        .sum_keepdim(1);
    let log_total = (total.unwrap().log().unwrap() + most).unwrap();
    let log_p = shifted.broadcast_sub(&log_total).unwrap();
    let index = Tensor::from_slice(&choices.actions, (count, 1), &Device::Cpu).unwrap();
    let chosen = log_p.gather(&index, 1).unwrap().squeeze(1).unwrap();
    // H = log Z - sum p logit: the log-normaliser is what the shifted log-probabilities lack to the shifted logits.
    let p = log_p.exp().unwrap();
    let mean = (&p * &own).unwrap().sum(1).unwrap();
    let own_action = own.gather(&index, 1).unwrap().squeeze(1).unwrap();
    let own_shift = (0..count).map(|c| match (&sampling.offsets, sampling.exact_action) {
        (Some(offsets), false) => offsets[choices.actions[c] as usize],
        _ => 0.0,
    });
    let own_shift = Tensor::from_iter(own_shift, &Device::Cpu).unwrap();
    let log_z = ((own_action + own_shift).unwrap() - &chosen).unwrap();
    Tensor::stack(&[chosen, (log_z - mean).unwrap()], 1).unwrap()
}

fn agree(choices: Choices, sampling: Sampling) {
    let variable = logits(3);
    let count = choices.actions.len();
    let weights: Vec<f32> = (0..2 * count).map(|i| (i as f32 * 0.7).cos()).collect();
    let weights = Tensor::from_vec(weights, (count, 2), &Device::Cpu).unwrap();
    let expected = primitive(&variable, &choices, &sampling);
    let ours = choices.apply(&variable, sampling).unwrap();
    let gradient = |out: &Tensor| {
        let store = (out * &weights).unwrap().sum_all().unwrap().backward().unwrap();
        store.get(&variable).unwrap().to_vec2::<f32>().unwrap()
    };
    let forward = [&expected, &ours].map(|out| out.to_vec2::<f32>().unwrap());
    let backward = [gradient(&expected), gradient(&ours)];
    for [expected, ours] in [forward, backward] {
        for (e, o) in expected.iter().flatten().zip(ours.iter().flatten()) {
            assert!((e - o).abs() < 2e-5 * (1.0 + e.abs()), "{e} {o}");
        }
    }
}

#[test]
fn agrees_with_primitive_operations_forward_and_backward() {
    agree(choices(), Sampling::default());
}

#[test]
fn agrees_over_sampled_candidates_with_and_without_the_actions_own_offset() {
    let offsets: Vec<f32> = (0..WIDTH).map(|i| (i as f32 * 0.9).sin()).collect();
    for exact_action in [true, false] {
        let offsets = Some(offsets.clone());
        agree(
            choices(),
            Sampling {
                offsets,
                exact_action,
            },
        );
    }
}

/// All but a millionth of the weight is masked, or all that single precision can tell: what is left must still be right.
#[test]
fn a_peak_that_is_masked_leaves_exact_probabilities() {
    masked_peak(40.0);
    masked_peak(400.0);
}

fn masked_peak(peak: f32) {
    let mut values = vec![0.0_f32; WIDTH];
    values[7] = peak;
    let tensor = Var::from_vec(values, (1, WIDTH), &Device::Cpu).unwrap();
    let choices = Choices {
        rows: vec![0],
        actions: vec![2],
        masked: vec![vec![7]],
    };
    let out = choices.apply(&tensor, Sampling::default()).unwrap();
    let gradient = out
        .narrow(1, 0, 1)
        .unwrap()
        .sum_all()
        .unwrap()
        .backward()
        .unwrap();
    let out = out.to_vec2::<f32>().unwrap();
    let log_p = -(WIDTH as f32 - 1.0).ln();
    assert!(
        (out[0][0] - log_p).abs() < 1e-5 && (out[0][1] + log_p).abs() < 1e-5,
        "{out:?}"
    );
    let gradient = gradient.get(&tensor).unwrap().to_vec2::<f32>().unwrap();
    assert_eq!(gradient[0][7], 0.0, "masked: no gradient");
    let p = 1.0 / (WIDTH as f32 - 1.0);
    assert!(
        (gradient[0][2] - (1.0 - p)).abs() < 1e-5 && (gradient[0][3] + p).abs() < 1e-5,
        "{gradient:?}"
    );
}

#[test]
fn pushed_choices_have_places_and_masks_without_repeats_or_the_action() {
    let slab = Slab::part(vec![10, 20, 30], vec![0.0; 3], [40].into_iter());
    let mut choices = Choices::default();
    assert!(choices.push(&slab, 0, 20, [30, 10, 30, 20, 40, 99].into_iter()));
    assert!(!choices.push(&slab, 0, 40, std::iter::empty()), "no candidate");
    assert_eq!((choices.actions, choices.masked), (vec![1], vec![vec![0, 2]]));
}

#[test]
fn draws_follow_the_weights_and_never_a_masked_item() {
    // The second is a peak; masked, it leaves the others' weights as they are, however small beside it.
    for peak in [9.0, 50.0, 500.0] {
        let lottery = Lottery::new(&[0.0, peak, 0.0, 0.5], None, &mut Vec::new());
        let mut rng = stream(0, "test/lottery", &[]);
        let mut counts = [0_u32; 4];
        for _ in 0..6_000 {
            counts[lottery.draw(&[1], rng.random()).unwrap() as usize] += 1;
        }
        let total = 2.0 + 0.5_f64.exp();
        for (place, share) in [
            (0, 1.0 / total),
            (1, 0.0),
            (2, 1.0 / total),
            (3, 0.5_f64.exp() / total),
        ] {
            assert!(
                (f64::from(counts[place]) / 6_000.0 - share).abs() < 0.03,
                "{peak}: {counts:?}"
            );
        }
        assert_eq!(lottery.draw(&[0, 1, 2, 3], 0.5), None);
        assert_eq!(
            [0.0, 0.999_999_999_9].map(|u| lottery.draw(&[0, 1, 3], u)),
            [Some(2); 2]
        );
        // Beside the highest peak the first has no weight at all.
        assert_eq!(lottery.draw(&[], 0.0), Some(if peak < 80.0 { 0 } else { 1 }));
    }
}
