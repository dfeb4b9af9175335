//! How many different visitors: exact while they are few, and then estimated (HyperLogLog; Flajolet, Fusy, Gandouet,
//! Meunier, 2007) in as much space as the few took.

/// So many are remembered one by one.
const FEW: usize = 128;
/// The estimate has so many registers, which makes its error about 3 %.
const REGISTERS: usize = 1024;
const INDEX_BITS: u32 = REGISTERS.trailing_zeros();
/// From an estimate it is believed that there are this part of it, which is three times its error less.
const BELIEVED: f64 = 0.9;

/// Different numbers that were drawn at random, as keyed hashes are.
#[derive(Clone, Debug)]
pub(super) enum Distinct {
    Few(Vec<u64>),
    Many(Box<[u8; REGISTERS]>),
}

impl Default for Distinct {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Distinct {
    pub(super) fn add(&mut self, number: u64) {
        match self {
            Self::Many(registers) => register(registers, number),
            Self::Few(few) if few.contains(&number) => {}
            Self::Few(few) if few.len() < FEW => few.push(number),
            Self::Few(few) => {
                let mut registers = Box::new([0; REGISTERS]);
                few.iter()
                    .chain([&number])
                    .for_each(|number| register(&mut registers, *number));
                *self = Self::Many(registers);
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (_, Self::Few(few)) => few.iter().for_each(|number| self.add(*number)),
            (Self::Many(registers), Self::Many(others)) => {
                for (register, other) in registers.iter_mut().zip(others.iter()) {
                    *register = (*register).max(*other);
                }
            }
            (Self::Few(_), Self::Many(_)) => {
                let few = std::mem::replace(self, other.clone());
                self.merge(&few);
            }
        }
    }

    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Few(few) => few.len() as u64,
            Self::Many(registers) => estimate(registers).round() as u64,
        }
    }

    /// Whether there are so many, for certain or as good as that.
    pub(super) fn are_at_least(&self, smallest: u32) -> bool {
        match self {
            Self::Few(few) => few.len() as u64 >= u64::from(smallest),
            // They were more than a few already.
            Self::Many(_) if smallest as usize <= FEW => true,
            Self::Many(registers) => estimate(registers) * BELIEVED >= f64::from(smallest),
        }
    }
}

fn register(registers: &mut [u8; REGISTERS], number: u64) {
    let index = (number >> (64 - INDEX_BITS)) as usize; // below REGISTERS
    let rank = (number << INDEX_BITS).leading_zeros().min(64 - INDEX_BITS) as u8 + 1;
    if let Some(register) = registers.get_mut(index) {
        *register = (*register).max(rank);
    }
}

fn estimate(registers: &[u8; REGISTERS]) -> f64 {
    const SIZE: f64 = REGISTERS as f64;
    let sum: f64 = registers.iter().map(|rank| 0.5_f64.powi(i32::from(*rank))).sum();
    let raw = 0.7213 / (1.0 + 1.079 / SIZE) * SIZE * SIZE / sum;
    let empty = registers.iter().filter(|rank| **rank == 0).count();
    if raw <= 2.5 * SIZE && empty > 0 {
        SIZE * (SIZE / empty as f64).ln()
    } else {
        raw
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;

    fn of(numbers: std::ops::Range<u64>, key: &RandomState) -> Distinct {
        let mut distinct = Distinct::default();
        numbers.for_each(|number| distinct.add(key.hash_one(number)));
        distinct
    }

    #[test]
    fn few_are_exact_and_many_are_about_right() {
        let key = RandomState::new();
        for count in [0, 1, 10, 127, 128] {
            let mut distinct = of(0..count, &key);
            distinct.merge(&of(0..count, &key));
            assert_eq!(distinct.count(), count);
        }
        for count in [129, 1_000, 2_500, 10_000, 1_000_000] {
            let estimate = of(0..count, &key).count() as f64;
            let error = (estimate / count as f64 - 1.0).abs();
            assert!(error < 0.2, "{estimate} for {count}: six times the usual error");
        }
    }

    #[test]
    fn what_two_have_seen_is_counted_once_in_either_order() {
        let key = RandomState::new();
        for (one, two, all) in [
            (0..50, 25..75, 75),
            (0..100, 50..400, 400),
            (0..3_000, 2_000..5_000, 5_000),
        ] {
            let (one, two) = (of(one, &key), of(two, &key));
            let (mut left, mut right) = (one.clone(), two.clone());
            left.merge(&two);
            right.merge(&one);
            assert_eq!(left.count(), right.count());
            assert!((left.count() as f64 / f64::from(all) - 1.0).abs() < 0.2);
        }
    }

    #[test]
    fn many_are_believed_only_with_a_margin() {
        let key = RandomState::new();
        assert!(of(0..10, &key).are_at_least(10) && !of(0..9, &key).are_at_least(10));
        assert!(of(0..200, &key).are_at_least(128));
        assert!(!of(0..1_000, &key).are_at_least(1_300) && of(0..2_000, &key).are_at_least(1_300));
    }
}
