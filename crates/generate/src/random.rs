//! Chance that is a function of a seed: the same seed and question give the same answer, in whatever order they are asked. Never
//! for secrets.

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Mixes all bits (the finalizer of SplitMix64).
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A seed for a part of what `seed` stands for.
pub(crate) fn part(seed: u64, which: u64) -> u64 {
    mix(seed.wrapping_add(GOLDEN.wrapping_mul(which.wrapping_add(1))))
}

/// A seed made of text.
pub(crate) fn part_of_text(seed: u64, text: &str) -> u64 {
    text.bytes().fold(part(seed, 0x7e47), |seed, byte| part(seed, u64::from(byte)))
}

/// A number below `limit` (0 if that is 0), each as likely as the others.
pub(crate) fn below(chance: u64, limit: u64) -> u64 {
    u64::try_from((u128::from(chance) * u128::from(limit)) >> 64).expect("the product of two u64 has 128 bits")
}

/// An index below `len`.
pub(crate) fn index(chance: u64, len: usize) -> usize {
    usize::try_from(below(chance, wide(len))).expect("it is below a usize")
}

/// An index below `len`, the first ones much more likely: half of all choices fall into the first eighth.
pub(crate) fn skewed(chance: u64, len: usize) -> usize {
    let cube = below(below(chance, chance), chance);
    index(cube, len)
}

/// A length as a number.
pub(crate) fn wide(len: usize) -> u64 {
    u64::try_from(len).expect("a usize has at most 64 bits")
}

/// A sequence of numbers.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        below(self.next(), limit)
    }

    pub(crate) fn index(&mut self, len: usize) -> usize {
        index(self.next(), len)
    }

    /// True this many times in a million.
    pub(crate) fn per_million(&mut self, times: u64) -> bool {
        self.below(1_000_000) < times
    }
}

/// Deals `total` out by weights, so that nothing is lost: the share of the `at`-th, when those before weigh `before` of `all`.
pub(crate) fn share(total: u64, before: u64, weight: u64, all: u64) -> u64 {
    let upto = |weights: u64| u128::from(total) * u128::from(weights) / u128::from(all.max(1));
    u64::try_from(upto(before + weight) - upto(before)).expect("it is at most the total")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        let weights = [3_u64, 0, 7, 1, 11];
        let all = weights.iter().sum();
        for total in [0, 1, 21, 22, 1_000_003] {
            let mut before = 0;
            let dealt: u64 = weights
                .iter()
                .map(|weight| {
                    let dealt = share(total, before, *weight, all);
                    before += weight;
                    dealt
                })
                .sum();
            assert_eq!(dealt, total);
        }
    }

    #[test]
    fn numbers_stay_below_and_skew_to_the_front() {
        let mut dice = Dice::new(1);
        let mut front = 0;
        for _ in 0..10_000 {
            assert!(dice.below(7) < 7);
            assert!(dice.index(3) < 3);
            front += usize::from(skewed(dice.next(), 80) < 10);
        }
        assert!((4_500..5_500).contains(&front), "{front}");
        assert_eq!(below(u64::MAX, 0), 0);
    }
}
