//! Medians and quartiles.

/// The middle half of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// A quarter of the values is below.
    pub low: f64,
    /// Half of them is.
    pub median: f64,
    /// Three quarters are.
    pub high: f64,
}

impl Spread {
    /// Of any number of values but none.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Self { low: quantile(&sorted, 1), median: quantile(&sorted, 2), high: quantile(&sorted, 3) }
    }
}

/// The value below which `quarters` quarters lie, between its two neighbours.
fn quantile(sorted: &[f64], quarters: usize) -> f64 {
    let last = sorted.len() - 1;
    let (whole, rest) = (last * quarters / 4, last * quarters % 4);
    let below = sorted[whole];
    let above = sorted[(whole + 1).min(last)];
    below + (above - below) * [0.0, 0.25, 0.5, 0.75][rest]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_neighbours() {
        let even = Spread::of([4.0, 1.0, 3.0, 2.0]);
        assert_eq!(even, Spread { low: 1.75, median: 2.5, high: 3.25 });
        let odd = Spread::of([5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!(odd, Spread { low: 2.0, median: 3.0, high: 4.0 });
        assert_eq!(Spread::of([7.0]).median, 7.0);
    }
}
