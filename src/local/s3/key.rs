//! The key pair that a server accepts.

use std::fmt;
use std::io;

use aws_sdk_s3::config::Credentials;

/// The characters of an access key id.
const IN_ID: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The characters of a secret.
const IN_SECRET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// An access key id and its secret. Other users of the machine can also reach the ports on its loopback
/// address, so every server generates its own pair unless it is given one.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    access_key_id: String,
    secret_access_key: String,
}

impl KeyPair {
    /// Makes a pair that another program knows too.
    #[must_use]
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Self { access_key_id: access_key_id.into(), secret_access_key: secret_access_key.into() }
    }

    /// Generates a pair in the form of AWS's own, from the operating system's random numbers.
    ///
    /// # Errors
    /// If the system has none.
    pub fn random() -> io::Result<Self> {
        Ok(Self::new(format!("AKIA{}", letters::<16>(IN_ID)?), letters::<40>(IN_SECRET)?))
    }

    /// The access key id.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The secret access key.
    #[must_use]
    pub fn secret_access_key(&self) -> &str {
        &self.secret_access_key
    }

    /// The pair as the SDK's credentials.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        Credentials::new(&self.access_key_id, &self.secret_access_key, None, None, "local")
    }
}

/// Leaves the secret out.
impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// Picks characters at random. The length of the alphabet is a power of two, so all are equally likely.
fn letters<const COUNT: usize>(alphabet: &[u8]) -> io::Result<String> {
    let mut bytes = [0; COUNT];
    getrandom::fill(&mut bytes).map_err(io::Error::from)?;
    let letter = |byte: &u8| alphabet.get(usize::from(*byte) % alphabet.len()).copied().map(char::from);
    Ok(bytes.iter().filter_map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_pairs_have_the_form_of_aws_and_differ() {
        let [one, other] = [(); 2].map(|()| KeyPair::random().unwrap());
        assert_ne!(one, other);
        let id = one.access_key_id().strip_prefix("AKIA").unwrap().as_bytes();
        assert!(id.len() == 16 && id.iter().all(|byte| IN_ID.contains(byte)), "{one:?}");
        assert_eq!(one.secret_access_key().len(), 40);
        assert!(!format!("{one:?}").contains(one.secret_access_key()));
    }
}
