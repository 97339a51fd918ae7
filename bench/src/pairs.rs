//! Interleaved pairs: the two sides take turns, so that what disturbs the
//! machine disturbs both, and each ratio is of two neighbours in time.

use std::time::Duration;

use crate::stats::Spread;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Pairs of samples per line of the table.
    pub pairs: usize,
    /// How long one sample takes, about.
    pub sample: Duration,
    /// Whether threads are kept on their cores.
    pub pin: bool,
}

impl Plan {
    /// What the published tables are made with.
    pub const FULL: Plan = Plan { pairs: 31, sample: Duration::from_millis(80), pin: true };
    /// To see that it works.
    pub const QUICK: Plan = Plan { pairs: 5, sample: Duration::from_millis(20), pin: true };
}

/// Does a thing so many times and says how long it took.
pub type Sample<'a> = &'a mut dyn FnMut(u64) -> Duration;

/// The samples of one line.
#[derive(Clone, Debug)]
pub struct Paired {
    /// How many times the thing was done in each sample.
    pub work: u64,
    ours: Vec<f64>,
    peer: Vec<f64>,
}

impl Paired {
    /// Seconds per thing on our side.
    #[must_use]
    pub fn ours(&self) -> f64 {
        Spread::of(self.ours.iter().copied()).median / self.work as f64
    }

    /// Seconds per thing on the other side.
    #[must_use]
    pub fn peer(&self) -> f64 {
        Spread::of(self.peer.iter().copied()).median / self.work as f64
    }

    /// Our rate over the other's, pair by pair.
    #[must_use]
    pub fn rates(&self) -> Spread {
        Spread::of(self.ours.iter().zip(&self.peer).map(|(ours, peer)| peer / ours))
    }

    /// Our cost over the other's, pair by pair.
    #[must_use]
    pub fn costs(&self) -> Spread {
        Spread::of(self.ours.iter().zip(&self.peer).map(|(ours, peer)| ours / peer))
    }
}

/// Finds out how much work a sample is, warms up, and takes the pairs.
pub fn compare(plan: &Plan, ours: Sample<'_>, peer: Sample<'_>) -> Paired {
    let work = calibrate(plan.sample, peer);
    ours(work);
    peer(work);
    let mut paired = Paired { work, ours: Vec::new(), peer: Vec::new() };
    for pair in 0..plan.pairs {
        // Neither side always comes second.
        if pair % 2 == 0 {
            paired.ours.push(ours(work).as_secs_f64());
            paired.peer.push(peer(work).as_secs_f64());
        } else {
            paired.peer.push(peer(work).as_secs_f64());
            paired.ours.push(ours(work).as_secs_f64());
        }
    }
    paired
}

/// Doubles the work until it takes a good part of the time, then scales it.
fn calibrate(wanted: Duration, sample: Sample<'_>) -> u64 {
    let mut work = 16;
    loop {
        let took = sample(work).as_secs_f64();
        if took >= wanted.as_secs_f64() / 4.0 {
            let scaled = work as f64 * wanted.as_secs_f64() / took;
            // At most four times what was just done.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "bounded"
            )]
            return (scaled as u64).clamp(1, work * 4);
        }
        work *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_pairs_and_work_fits_the_sample() {
        let plan = Plan { pairs: 3, sample: Duration::from_millis(1), pin: false };
        let mut order = String::new();
        let log = std::cell::RefCell::new(&mut order);
        let mut ours = |work: u64| {
            log.borrow_mut().push('a');
            Duration::from_micros(work * 2)
        };
        let mut peer = |work: u64| {
            log.borrow_mut().push('b');
            Duration::from_micros(work)
        };
        let paired = compare(&plan, &mut ours, &mut peer);
        assert_eq!(paired.work, 1000);
        assert!((paired.rates().median - 0.5).abs() < 1e-9);
        assert!((paired.costs().median - 2.0).abs() < 1e-9);
        assert!((paired.ours() - 2e-6).abs() < 1e-12 && (paired.peer() - 1e-6).abs() < 1e-12);
        assert!(order.ends_with("ababbaab"), "{order}");
    }
}
