//! Ids of versions and uploads, in the form of S3's own.

/// The letters of S3's own ids.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
/// How many letters the number of a version takes, at six bits per letter.
const NUMBER_LETTERS: usize = 11;
/// The length of a version id.
const VERSION_ID_LETTERS: usize = 32;

/// A random id in the form of S3's own: `[A-Za-z0-9._]`, with a letter or a digit first.
pub(super) fn random_id(length: usize) -> String {
    let first = fastrand::alphanumeric();
    let rest = (1..length).filter_map(|_| fastrand::choice(LETTERS)).map(|letter| char::from(*letter));
    std::iter::once(first).chain(rest).collect()
}

/// A random version id that ends with the version's number.
pub(super) fn numbered_id(number: u64) -> String {
    let digits = (0..NUMBER_LETTERS).rev().map(|index| (number >> (6 * index)) & 63);
    let letters = digits.filter_map(|digit| LETTERS.get(usize::try_from(digit).ok()?));
    let mut id = random_id(VERSION_ID_LETTERS - NUMBER_LETTERS);
    id.extend(letters.map(|letter| char::from(*letter)));
    id
}

/// The number that [`numbered_id`] wrote into an id, or `None` for any other text.
pub(super) fn number_of(version_id: &str) -> Option<u64> {
    let (random, digits) = version_id.split_at_checked(VERSION_ID_LETTERS - NUMBER_LETTERS)?;
    let digit = |letter| LETTERS.iter().position(|known| *known == letter);
    if digits.len() != NUMBER_LETTERS || random.bytes().any(|letter| digit(letter).is_none()) {
        return None;
    }
    digits.bytes().try_fold(0_u64, |number, letter| {
        number.checked_mul(64)?.checked_add(u64::try_from(digit(letter)?).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_versions_are_read_back_from_their_ids() {
        for number in [0, 1, 63, 64, 4095, 4096, u64::MAX] {
            let id = numbered_id(number);
            assert_eq!((id.len(), number_of(&id)), (32, Some(number)), "{id}");
        }
    }

    #[test]
    fn version_ids_look_like_those_of_s3() {
        let id = numbered_id(1);
        assert_eq!(id.len(), 32);
        assert!(
            id.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '.' || letter == '_'),
            "{id}"
        );
        assert_ne!(id, numbered_id(1));
    }
}
