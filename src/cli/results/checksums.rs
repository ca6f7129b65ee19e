//! The checksum that S3 has of an object, and that of a file.
//!
//! An object that was put in one piece has the checksum that the SDK sent with it. One of several parts has the CRC-64/NVME
//! that S3 computes if no other one is asked for, which is of the whole object.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html> (read 2026-11)

use std::fs::File;
use std::io::{self, Read};

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumType;
use s3s::checksum::ChecksumHasher;

const CHUNK_BYTES: usize = 256 << 10;

/// A checksum of a whole object, in Base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checksum {
    algorithm: Algorithm,
    value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Checksum {
    /// Returns the checksum of the whole object that an answer has; `None` if there is none, or only one of its parts.
    pub(super) fn of(head: &HeadObjectOutput) -> Option<Self> {
        if head.checksum_type == Some(ChecksumType::Composite) {
            return None;
        }
        let known = [
            (Algorithm::Crc64Nvme, &head.checksum_crc64_nvme),
            (Algorithm::Crc32, &head.checksum_crc32),
            (Algorithm::Crc32c, &head.checksum_crc32_c),
            (Algorithm::Sha1, &head.checksum_sha1),
            (Algorithm::Sha256, &head.checksum_sha256),
        ];
        known.into_iter().find_map(|(algorithm, value)| {
            let value = value.clone().filter(|value| !value.contains('-'))?;
            Some(Self { algorithm, value })
        })
    }

    /// Starts to compute the checksum of other bytes.
    pub(super) fn digest(&self) -> Digest {
        let mut hasher = ChecksumHasher::default();
        match self.algorithm {
            Algorithm::Crc32 => hasher.crc32 = Some(Default::default()),
            Algorithm::Crc32c => hasher.crc32c = Some(Default::default()),
            Algorithm::Crc64Nvme => hasher.crc64nvme = Some(Default::default()),
            Algorithm::Sha1 => hasher.sha1 = Some(Default::default()),
            Algorithm::Sha256 => hasher.sha256 = Some(Default::default()),
        }
        Digest { expected: self.clone(), hasher }
    }
}

/// Computes a checksum of bytes that stream through.
pub(super) struct Digest {
    expected: Checksum,
    hasher: ChecksumHasher,
}

impl Digest {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// Adds what is left of a file.
    pub(super) fn update_from(&mut self, file: &mut File) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match file.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(length) => self.update(chunk.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns whether the bytes have the expected checksum.
    pub(super) fn matches(self) -> bool {
        let sums = self.hasher.finalize();
        let found = match self.expected.algorithm {
            Algorithm::Crc32 => sums.checksum_crc32,
            Algorithm::Crc32c => sums.checksum_crc32c,
            Algorithm::Crc64Nvme => sums.checksum_crc64nvme,
            Algorithm::Sha1 => sums.checksum_sha1,
            Algorithm::Sha256 => sums.checksum_sha256,
        };
        found.as_deref() == Some(self.expected.value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of "123456789". <https://reveng.sourceforge.io/crc-catalogue/all.htm>
    #[test]
    fn checksum_of_the_whole_object_is_compared() {
        let head = HeadObjectOutput::builder;
        let crc32 = Checksum::of(&head().checksum_crc32("y/Q5Jg==").build()).unwrap();
        let crc64 = Checksum::of(&head().checksum_crc64_nvme("rosUhgp5mIg=").build()).unwrap();
        for checksum in [crc32, crc64] {
            for (bytes, expected) in [(b"123456789", true), (b"123456788", false)] {
                let mut digest = checksum.digest();
                digest.update(bytes);
                assert_eq!(digest.matches(), expected, "{checksum:?}");
            }
        }
        assert_eq!(Checksum::of(&head().build()), None);
        assert_eq!(Checksum::of(&head().checksum_crc32("y/Q5Jg==-2").build()), None);
        let composite = head().checksum_crc32("y/Q5Jg==").checksum_type(ChecksumType::Composite).build();
        assert_eq!(Checksum::of(&composite), None);
    }
}
