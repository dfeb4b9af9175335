//! How long answers took, in a bounded space: how many fell into each of the steps, which are a quarter of an octave
//! wide.

/// Steps. The last one takes all that is longer, half an hour or so.
const STEPS: usize = 84;

/// How many answers took how long.
#[derive(Clone, Debug)]
pub(crate) struct Times([u32; STEPS]);

impl Default for Times {
    fn default() -> Self {
        Self([0; STEPS])
    }
}

impl Times {
    pub(crate) fn add(&mut self, milliseconds: u64) {
        let step = (milliseconds.saturating_add(1) as f64).log2() * 4.0;
        if let Some(count) = self.0.get_mut((step as usize).min(STEPS - 1)) {
            *count = count.saturating_add(1);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count = count.saturating_add(more);
        }
    }

    /// The time that this part of the answers did not exceed, in milliseconds, to two digits.
    pub(crate) fn within(&self, part: f64) -> u64 {
        let all: u64 = self.0.iter().map(|count| u64::from(*count)).sum();
        let wanted = (all as f64 * part).ceil() as u64;
        let mut seen = 0;
        let step = self.0.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        });
        let middle = (step.unwrap_or(STEPS) as f64 + 0.5) / 4.0;
        two_digits(middle.exp2() - 1.0)
    }
}

fn two_digits(number: f64) -> u64 {
    let mut scale = 1.0;
    while number / scale >= 100.0 {
        scale *= 10.0;
    }
    ((number / scale).round() * scale) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_within_a_tenth_or_so() {
        let mut times = Times::default();
        (0..1_000).for_each(|number| times.add(number));
        for (part, expected) in [(0.5, 500.0), (0.95, 950.0)] {
            let told = times.within(part) as f64;
            assert!((told / expected - 1.0).abs() < 0.2, "{told}");
        }
        let mut odd = Times::default();
        odd.add(u64::MAX);
        assert!(odd.within(0.5) > 1_000_000, "the last step takes all that is longer");
        assert_eq!(Times::default().within(0.5), 0);
    }
}
