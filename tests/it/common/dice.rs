//! Random numbers that a seed repeats, and all permutations of a few values.

/// A small generator of numbers (splitmix64): the same seed, the same numbers.
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `sides`.
    pub(crate) fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    pub(crate) fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            things.swap(last, other);
        }
    }
}

/// Shows `visit` the things in every order.
pub(crate) fn in_every_order<T>(things: &mut [T], visit: &mut impl FnMut(&[T])) {
    permute(things, 0, visit);
}

fn permute<T>(things: &mut [T], fixed: usize, visit: &mut impl FnMut(&[T])) {
    if fixed == things.len() {
        return visit(things);
    }
    for next in fixed..things.len() {
        things.swap(fixed, next);
        permute(things, fixed + 1, visit);
        things.swap(fixed, next);
    }
}
