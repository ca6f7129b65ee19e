//! What a request promises about its body, and what the body is.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>

use aws_smithy_types::base64;
use hyper::HeaderMap;
use hyper::header::CONTENT_LENGTH;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::{S3Error, S3ErrorCode, S3Result, dto, s3_error};

/// An algorithm of `x-amz-checksum-*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// The name in `x-amz-checksum-algorithm`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    fn digest_bytes(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// Parses a name as it is spelled in `x-amz-checksum-algorithm` and `x-amz-sdk-checksum-algorithm`.
    ///
    /// # Errors
    /// `InvalidRequest` if S3 has no such algorithm.
    pub(super) fn parse(name: &str) -> S3Result<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or_else(|| s3_error!(InvalidRequest, "Checksum algorithm provided is unsupported: {name}"))
    }

    fn hasher(self) -> ChecksumHasher {
        let mut hasher = ChecksumHasher::default();
        match self {
            Self::Crc32 => hasher.crc32 = Some(Default::default()),
            Self::Crc32c => hasher.crc32c = Some(Default::default()),
            Self::Crc64Nvme => hasher.crc64nvme = Some(Default::default()),
            Self::Sha1 => hasher.sha1 = Some(Default::default()),
            Self::Sha256 => hasher.sha256 = Some(Default::default()),
        }
        hasher
    }

    /// The checksum of this algorithm in `checksums`.
    pub(super) fn of(self, checksums: &dto::Checksum) -> Option<&str> {
        match self {
            Self::Crc32 => checksums.checksum_crc32.as_deref(),
            Self::Crc32c => checksums.checksum_crc32c.as_deref(),
            Self::Crc64Nvme => checksums.checksum_crc64nvme.as_deref(),
            Self::Sha1 => checksums.checksum_sha1.as_deref(),
            Self::Sha256 => checksums.checksum_sha256.as_deref(),
        }
    }
}

/// The one checksum that S3 keeps with an object or a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checksum {
    pub(super) algorithm: Algorithm,
    /// In Base64. In a composite checksum, `-` and the number of parts follow.
    pub(super) value: String,
    /// Whether it is a checksum of the parts' checksums instead of the whole object.
    pub(super) composite: bool,
}

impl Checksum {
    /// The checksum of the checksums of `parts`, in order.
    ///
    /// # Errors
    /// `InternalError` if a part's checksum is not Base64, which does not happen here.
    pub(super) fn of_parts<'a>(
        algorithm: Algorithm,
        parts: impl Iterator<Item = &'a Checksum>,
    ) -> S3Result<Self> {
        let mut hasher = algorithm.hasher();
        let mut count = 0;
        for part in parts {
            hasher.update(&base64::decode(&part.value).map_err(S3Error::internal_error)?);
            count += 1;
        }
        let sums = hasher.finalize();
        Ok(Self {
            algorithm,
            value: format!("{}-{count}", algorithm.of(&sums).unwrap_or_default()),
            composite: true,
        })
    }

    pub(super) fn kind(&self) -> &'static str {
        if self.composite { dto::ChecksumType::COMPOSITE } else { dto::ChecksumType::FULL_OBJECT }
    }

    /// In the form that answers have.
    pub(super) fn to_dto(&self) -> dto::Checksum {
        let value = Some(self.value.clone());
        let mut sums = dto::Checksum {
            checksum_type: Some(dto::ChecksumType::from_static(self.kind())),
            ..dto::Checksum::default()
        };
        match self.algorithm {
            Algorithm::Crc32 => sums.checksum_crc32 = value,
            Algorithm::Crc32c => sums.checksum_crc32c = value,
            Algorithm::Crc64Nvme => sums.checksum_crc64nvme = value,
            Algorithm::Sha1 => sums.checksum_sha1 = value,
            Algorithm::Sha256 => sums.checksum_sha256 = value,
        }
        sums
    }
}

/// Computes checksums of a body as it streams through.
pub(super) struct Digests {
    algorithm: Algorithm,
    hasher: ChecksumHasher,
    md5: Md5,
    size: u64,
}

/// The size and the checksums of a whole body.
#[derive(Debug)]
pub(super) struct Summary {
    /// In bytes.
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    pub(super) checksum: Checksum,
}

impl Digests {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, hasher: algorithm.hasher(), md5: Md5::new(), size: 0 }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.md5.update(bytes);
        self.size += bytes.len() as u64;
    }

    pub(super) fn finish(self) -> Summary {
        let sums = self.hasher.finalize();
        let value = self.algorithm.of(&sums).unwrap_or_default().to_owned();
        let checksum = Checksum { algorithm: self.algorithm, value, composite: false };
        Summary { size: self.size, md5: self.md5.finalize(), checksum }
    }
}

impl Summary {
    /// The `ETag` of an object that was written in one piece, without quotes.
    pub(super) fn etag(&self) -> String {
        hex(&self.md5)
    }
}

/// Lowercase hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a request's headers promise about its body.
#[derive(Debug)]
pub(super) struct Declared {
    /// The algorithm to compute: the promised one, or else CRC-64/NVME, as S3 does since December 2024.
    pub(super) algorithm: Algorithm,
    checksum: Option<String>,
    in_trailer: bool,
    md5: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Declared {
    /// Reads `Content-Length`, `Content-MD5`, `x-amz-checksum-*` and `x-amz-trailer`.
    ///
    /// # Errors
    /// `InvalidRequest` for more than one checksum or a malformed one, `InvalidDigest` for a malformed MD5.
    pub(super) fn from_headers(headers: &HeaderMap) -> S3Result<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let mut promised =
            Algorithm::ALL.into_iter().filter_map(|known| Some((known, text(known.header())?)));
        let first = promised.next();
        if promised.next().is_some() {
            return Err(s3_error!(
                InvalidRequest,
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
            ));
        }
        if let Some((algorithm, value)) = first {
            check_form(algorithm, value)?;
        }
        let trailer = text("x-amz-trailer").unwrap_or_default().to_ascii_lowercase();
        let in_trailer = Algorithm::ALL
            .into_iter()
            .find(|known| trailer.split(',').any(|name| name.trim() == known.header()));
        let md5 = text("content-md5")
            .map(|value| match base64::decode(value) {
                Ok(md5) if md5.len() == 16 => Ok(md5),
                Ok(_) | Err(_) => Err(s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid.")),
            })
            .transpose()?;
        Ok(Self {
            algorithm: in_trailer.or(first.map(|(algorithm, _)| algorithm)).unwrap_or(Algorithm::Crc64Nvme),
            checksum: first.map(|(_, value)| value.to_owned()),
            in_trailer: in_trailer.is_some(),
            md5,
            size: text(CONTENT_LENGTH.as_str()).and_then(|value| value.parse().ok()),
        })
    }

    /// Compares the body with the promises. `trailers` are those of an `aws-chunked` body.
    ///
    /// # Errors
    /// `BadDigest`, `IncompleteBody`, or `MalformedTrailerError` if the promised trailer is missing.
    pub(super) fn verify(&self, summary: &Summary, trailers: Option<&HeaderMap>) -> S3Result<()> {
        if self.size.is_some_and(|size| size != summary.size) {
            return Err(s3_error!(
                IncompleteBody,
                "You did not provide the number of bytes specified by the Content-Length HTTP header"
            ));
        }
        if self.md5.as_ref().is_some_and(|md5| *md5 != summary.md5) {
            return Err(s3_error!(
                BadDigest,
                "The Content-MD5 you specified did not match what we received."
            ));
        }
        let promised = if self.in_trailer {
            let trailer = trailers.and_then(|trailers| trailers.get(self.algorithm.header()));
            let value = trailer.and_then(|value| value.to_str().ok()).map(str::trim);
            Some(value.ok_or_else(|| {
                custom(
                    "MalformedTrailerError",
                    "The request contained trailing data that was not well-formed.",
                )
            })?)
        } else {
            self.checksum.as_deref()
        };
        if let Some(value) = promised {
            check_form(self.algorithm, value)?;
            if value != summary.checksum.value {
                let name = self.algorithm.name();
                return Err(s3_error!(
                    BadDigest,
                    "The {name} you specified did not match the calculated checksum."
                ));
            }
        }
        Ok(())
    }
}

fn check_form(algorithm: Algorithm, value: &str) -> S3Result<()> {
    match base64::decode(value) {
        Ok(digest) if digest.len() == algorithm.digest_bytes() => Ok(()),
        Ok(_) | Err(_) => {
            Err(s3_error!(InvalidRequest, "Value for {} header is invalid.", algorithm.header()))
        }
    }
}

/// An error with status 400 whose code the `s3s` crate does not know.
pub(super) fn custom(code: &'static str, message: &'static str) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
    error.set_status_code(hyper::StatusCode::BAD_REQUEST);
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(algorithm: Algorithm, body: &[u8]) -> Summary {
        let mut digests = Digests::new(algorithm);
        digests.update(body);
        digests.finish()
    }

    /// The check values of "123456789", from the CRC catalogue and FIPS 180.
    /// <https://reveng.sourceforge.io/crc-catalogue/all.htm>
    #[test]
    fn every_algorithm_gives_its_published_check_value() {
        let table = [
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Crc32c, "e3069283"),
            (Algorithm::Crc64Nvme, "ae8b14860a799888"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (Algorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
        ];
        for (algorithm, expected) in table {
            let value = summary(algorithm, b"123456789").checksum.value;
            assert_eq!(hex(&base64::decode(value).unwrap()), expected, "{}", algorithm.name());
        }
    }

    #[test]
    fn etag_of_a_single_put_is_the_md5() {
        assert_eq!(summary(Algorithm::Crc32, b"").etag(), "d41d8cd98f00b204e9800998ecf8427e");
    }

    #[test]
    fn composite_checksum_is_taken_over_the_digests_and_names_the_parts() {
        let parts =
            [summary(Algorithm::Crc32, b"1234").checksum, summary(Algorithm::Crc32, b"56789").checksum];
        let digests: Vec<u8> = parts.iter().flat_map(|part| base64::decode(&part.value).unwrap()).collect();
        let expected = format!("{}-2", summary(Algorithm::Crc32, &digests).checksum.value);
        assert_eq!(
            Checksum::of_parts(Algorithm::Crc32, parts.iter()).unwrap(),
            Checksum { algorithm: Algorithm::Crc32, value: expected, composite: true }
        );
    }

    #[test]
    fn two_checksum_headers_are_refused() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-checksum-crc32", "AAAAAA==".parse().unwrap());
        headers.insert("x-amz-checksum-crc32c", "AAAAAA==".parse().unwrap());
        assert_eq!(Declared::from_headers(&headers).unwrap_err().code(), &S3ErrorCode::InvalidRequest);
    }

    #[test]
    fn a_promised_trailer_must_come_and_be_right() {
        let promise = HeaderMap::from_iter([(
            "x-amz-trailer".parse::<hyper::header::HeaderName>().unwrap(),
            "x-amz-checksum-crc32".parse().unwrap(),
        )]);
        let declared = Declared::from_headers(&promise).unwrap();
        let summary = summary(declared.algorithm, b"123456789");
        let verdict = |trailer: Option<&'static str>| {
            let mut trailers = HeaderMap::new();
            if let Some(value) = trailer {
                trailers.insert("x-amz-checksum-crc32", value.parse().unwrap());
            }
            declared.verify(&summary, Some(&trailers)).map_err(|error| error.code().as_str().to_owned())
        };
        assert_eq!(verdict(Some("y/Q5Jg==")), Ok(()));
        assert_eq!(verdict(Some("AAAAAA==")), Err("BadDigest".to_owned()));
        assert_eq!(verdict(Some("AAAA")), Err("InvalidRequest".to_owned()));
        assert_eq!(verdict(None), Err("MalformedTrailerError".to_owned()));
    }

    #[test]
    fn a_body_of_another_length_is_incomplete() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, "10".parse().unwrap());
        let declared = Declared::from_headers(&headers).unwrap();
        let error = declared.verify(&summary(Algorithm::Crc64Nvme, b"123456789"), None).unwrap_err();
        assert_eq!(error.code(), &S3ErrorCode::IncompleteBody);
    }
}
