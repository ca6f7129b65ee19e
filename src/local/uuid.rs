//! Ids of events and requests.

/// Generates an id in the form that AWS gives to events and requests.
pub(super) fn uuid() -> String {
    let number = fastrand::u128(..);
    let hex = format!("{number:032x}");
    let mut digits = hex.chars();
    let groups: Vec<String> = [8, 4, 4, 4, 12].map(|length| digits.by_ref().take(length).collect()).to_vec();
    groups.join("-")
}
