//! The checks of the fuzz targets, with the oracles that they share with the tests.

mod checks;
#[path = "../proofs/strictness"]
mod strictness {
    pub(crate) mod disagreement;
    pub(crate) mod oracle;
}

/// Runs the check of a target.
///
/// # Panics
/// If the code under test breaks a promise, or if there is no target with this name.
pub fn check(target: &str, data: &[u8]) {
    let (_, check) = checks::TARGETS.iter().find(|(name, _)| *name == target).expect("the target exists");
    check(data);
}
