//! The scale of a chart's axis: round ticks from zero.

/// Represents a scale from 0 to a round number, with at most four ticks.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// The upper end, never below the largest value.
    pub top: f64,
    /// The ticks, 0 first.
    pub ticks: Vec<f64>,
}

/// How many steps a scale has at most.
const STEPS: f64 = 3.0;
/// The round steps, to be multiplied by a power of ten.
const ROUND: [f64; 9] = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0];

impl Scale {
    /// Makes a scale for values up to `most`; with `whole` all ticks are whole numbers.
    pub fn of(most: f64, whole: bool) -> Scale {
        if !most.is_finite() || most <= 0.0 {
            return Scale {
                top: 1.0,
                ticks: vec![0.0],
            };
        }
        let least = most / STEPS;
        let power = 10_f64.powf(least.log10().floor());
        let fits = |step: &f64| *step >= least && (!whole || step.fract() == 0.0);
        let steps = ROUND.iter().map(|round| round * power);
        let larger = ROUND.iter().map(|round| round * power * 10.0);
        let step = steps.chain(larger).find(fits).unwrap_or(least.ceil());
        let count = (most / step).ceil();
        let ticks = (0..=count as u32).map(|tick| f64::from(tick) * step);
        Scale {
            top: count * step,
            ticks: ticks.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_few_and_begin_at_zero() {
        let cases = [
            (88.0, true, vec![0.0, 30.0, 60.0, 90.0]),
            (6_780.1, false, vec![0.0, 2_500.0, 5_000.0, 7_500.0]),
            (1.0, true, vec![0.0, 1.0]),
            (2.0, true, vec![0.0, 1.0, 2.0]),
            (4.0, true, vec![0.0, 2.0, 4.0]),
            (0.5, false, vec![0.0, 0.2, 0.4, 0.6]),
            (100.0, true, vec![0.0, 40.0, 80.0, 120.0]),
        ];
        for (most, whole, ticks) in cases {
            let scale = Scale::of(most, whole);
            let near = scale
                .ticks
                .iter()
                .zip(&ticks)
                .all(|(a, b)| (a - b).abs() < 1e-9);
            assert!(
                near && scale.ticks.len() == ticks.len(),
                "{most}: {scale:?}"
            );
            assert!(scale.top >= most);
        }
        assert_eq!(Scale::of(0.0, true).ticks, [0.0]);
    }
}
