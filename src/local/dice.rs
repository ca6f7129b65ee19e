//! Random numbers that a seed decides.

/// The dice for one decision: those of the same seed and number always fall alike.
pub(super) fn dice(seed: u64, number: u64) -> fastrand::Rng {
    // Neighbouring seeds and numbers are far apart in the generator's state.
    fastrand::Rng::with_seed(seed.rotate_left(32) ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}
