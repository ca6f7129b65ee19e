//! Random numbers that a seed decides.

/// The random numbers for one decision. The same seed and number always give the same random numbers.
pub(super) fn seeded(seed: u64, number: u64) -> fastrand::Rng {
    // Neighboring seeds and numbers are far apart in the generator's state.
    fastrand::Rng::with_seed(seed.rotate_left(32) ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}
