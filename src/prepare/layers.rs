//! Takes off what is wrapped around a text: compression, and an encoding other than UTF-8. Pure: it is given a reader.
//!
//! Layers may lie on top of each other, such as gzip over UTF-16. Each one is recognized from the bytes that the one
//! above it gives, and read in memory of a fixed size.

use std::io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::kind::Kind;
use crate::drop::diagnosis;

/// The most layers of one file. More than one or two are a mistake, or an attack.
const MAX_LAYERS: usize = 4;

/// How much is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// Bytes to be read once.
type Source = Box<dyn Read + Send>;

/// The first bytes, which were read already, and the others.
type Whole = Chain<Cursor<Vec<u8>>, Source>;

/// A text as UTF-8, to be read once.
pub(super) type Text = BufReader<Source>;

/// What was wrapped around a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// RFC 1952, one or several members.
    Gzip,
    /// RFC 8878, one or several frames.
    Zstandard,
    /// UTF-16 in either byte order.
    Utf16,
    /// UTF-32 in either byte order.
    Utf32,
}

impl Layer {
    /// Returns its name, as people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstandard => "Zstandard",
            Self::Utf16 => "UTF-16",
            Self::Utf32 => "UTF-32",
        }
    }

    /// Finds out whether these first bytes are wrapped in something.
    fn of(start: &[u8]) -> Option<Self> {
        match Kind::of(start)? {
            Kind::Gzip => Some(Self::Gzip),
            Kind::Zstandard => Some(Self::Zstandard),
            Kind::Utf16 => Some(Self::Utf16),
            Kind::Utf32 => Some(Self::Utf32),
            _ => None,
        }
    }
}

/// Takes off all layers. Returns the text, its first bytes, and the layers from the outside in. A byte order mark at
/// the start is taken off, too.
pub(super) fn unwrap(reader: Source) -> io::Result<(Text, Vec<u8>, Vec<Layer>)> {
    let mut layers = Vec::new();
    let mut reader = reader;
    loop {
        let (start, whole) = peek(reader)?;
        let layer = Layer::of(&start);
        if layer.is_some() && layers.len() == MAX_LAYERS {
            let what =
                format!("the file is wrapped more than {MAX_LAYERS} times in compression or encodings");
            return Err(io::Error::new(ErrorKind::InvalidData, what));
        }
        layers.extend(layer);
        let inner = BufReader::with_capacity(CHUNK_BYTES, whole);
        reader = match layer {
            Some(Layer::Gzip) => Box::new(Named("gzip", MultiGzDecoder::new(inner))),
            Some(Layer::Zstandard) => Box::new(Named("Zstandard", Frames::new(inner))),
            Some(Layer::Utf16) => Box::new(Decoder::new(inner, &start, 2)),
            Some(Layer::Utf32) => Box::new(Decoder::new(inner, &start, 4)),
            None => {
                let mut text: Text = BufReader::with_capacity(CHUNK_BYTES, Box::new(inner));
                let is_marked = start.starts_with("\u{feff}".as_bytes());
                if is_marked {
                    text.fill_buf()?;
                    text.consume(3);
                }
                return Ok((
                    text,
                    start.get(if is_marked { 3 } else { 0 }..).unwrap_or_default().into(),
                    layers,
                ));
            }
        };
    }
}

/// Reads the first bytes, and puts them back.
fn peek(mut reader: Source) -> io::Result<(Vec<u8>, Whole)> {
    let mut start = Vec::new();
    reader.by_ref().take(diagnosis::MAX_BYTES as u64).read_to_end(&mut start)?;
    Ok((start.clone(), Cursor::new(start).chain(reader)))
}

/// Says of an error which layer it is in.
struct Named<R>(&'static str, R);

impl<R: Read> Read for Named<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Self(name, reader) = self;
        reader.read(buffer).map_err(|error| match error.kind() {
            ErrorKind::Interrupted => error,
            ErrorKind::UnexpectedEof => {
                io::Error::new(error.kind(), format!("the {name} data ends too soon: the file was cut off"))
            }
            kind => io::Error::new(kind, format!("the {name} data is damaged: {error}")),
        })
    }
}

/// Reads the frames of a Zstandard file one after the other.
struct Frames<R> {
    source: R,
    decoder: FrameDecoder,
    is_inside: bool,
}

impl<R: BufRead> Frames<R> {
    fn new(source: R) -> Self {
        Self { source, decoder: FrameDecoder::new(), is_inside: false }
    }

    /// Starts the next frame. Returns false at the end of the file.
    fn start(&mut self) -> io::Result<bool> {
        loop {
            if self.source.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.source) {
                Ok(()) => {
                    self.is_inside = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    let skipped = io::copy(&mut self.source.by_ref().take(length), &mut io::sink())?;
                    if skipped < length {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::new(ErrorKind::InvalidData, error.to_string())),
            }
        }
    }

    fn check_sum(&self) -> io::Result<()> {
        match self.decoder.get_checksum_from_data() {
            Some(sum) if self.decoder.get_calculated_checksum() != Some(sum) => {
                Err(io::Error::new(ErrorKind::InvalidData, "a checksum does not match"))
            }
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() {
            if !self.is_inside && !self.start()? {
                return Ok(0);
            }
            if self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let some = BlockDecodingStrategy::UptoBlocks(1);
                let decoded = self.decoder.decode_blocks(&mut self.source, some);
                decoded.map_err(|error| io::Error::new(ErrorKind::InvalidData, error.to_string()))?;
            }
            let length = self.decoder.read(buffer)?;
            if length > 0 {
                return Ok(length);
            }
            if self.decoder.is_finished() {
                self.check_sum()?;
                self.is_inside = false;
            }
        }
        Ok(0)
    }
}

/// Decodes UTF-16 or UTF-32.
struct Decoder<R> {
    source: R,
    width: usize,
    is_big_endian: bool,
    /// The first half of a surrogate pair.
    high: Option<u32>,
    /// Where the next unit starts, in bytes.
    at: u64,
    /// What was decoded and not read yet.
    text: Vec<u8>,
    taken: usize,
}

impl<R: BufRead> Decoder<R> {
    fn new(source: R, start: &[u8], width: usize) -> Self {
        // A mark says it. Without one, the zeros of the first character do, which is one of ASCII.
        let is_big_endian = start.starts_with(b"\xfe\xff") || start.first() == Some(&0);
        Self { source, width, is_big_endian, high: None, at: 0, text: Vec::new(), taken: 0 }
    }

    /// Decodes what is at hand into `text`. Nothing is added at the end of the file.
    fn fill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.taken = 0;
        let chunk = self.source.fill_buf()?;
        let whole = chunk.len() / self.width * self.width;
        if whole > 0 {
            let chunk: Vec<u8> = chunk.get(..whole).unwrap_or_default().into();
            self.source.consume(whole);
            return chunk.chunks_exact(self.width).try_for_each(|unit| self.push(unit));
        }
        // A unit lies across two chunks, or the file ends.
        let mut unit = Vec::new();
        self.source.by_ref().take(self.width as u64).read_to_end(&mut unit)?;
        match unit.len() {
            0 if self.high.is_some() => Err(self.invalid()),
            0 => Ok(()),
            length if length == self.width => self.push(&unit),
            _ => Err(self.invalid()),
        }
    }

    fn push(&mut self, unit: &[u8]) -> io::Result<()> {
        let digits = |value: u32, byte: &u8| value << 8 | u32::from(*byte);
        let value =
            if self.is_big_endian { unit.iter().fold(0, digits) } else { unit.iter().rev().fold(0, digits) };
        let value = match (self.high.take(), value) {
            (None, 0xd800..=0xdbff) if self.width == 2 => {
                self.high = Some(value);
                None
            }
            (None, value) => Some(value),
            (Some(high), 0xdc00..=0xdfff) => Some(0x10000 + ((high - 0xd800) << 10) + (value - 0xdc00)),
            (Some(_), _) => return Err(self.invalid()),
        };
        if let Some(value) = value {
            let character = char::from_u32(value).ok_or_else(|| self.invalid())?;
            self.text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        self.at += self.width as u64;
        Ok(())
    }

    fn invalid(&self) -> io::Error {
        let what = format!("byte {} is not part of UTF-{} text", self.at, self.width * 8);
        io::Error::new(ErrorKind::InvalidData, what)
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A chunk may be half of a surrogate pair, and nothing else.
        while self.taken == self.text.len() {
            let before = self.at;
            self.fill()?;
            if self.at == before {
                return Ok(0);
            }
        }
        let length = self.text.get(self.taken..).unwrap_or_default().read(buffer)?;
        self.taken += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    /// Gives its bytes one by one.
    struct Trickle(Cursor<Vec<u8>>);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(1);
            self.0.read(&mut buffer[..length])
        }
    }

    fn read(bytes: &[u8]) -> io::Result<(String, Vec<Layer>)> {
        let read = |reader| {
            let (mut text, _, layers) = unwrap(reader)?;
            let mut all = String::new();
            text.read_to_string(&mut all)?;
            Ok((all, layers))
        };
        let slow: io::Result<_> = read(Box::new(Trickle(Cursor::new(bytes.to_vec()))));
        let fast = read(Box::new(Cursor::new(bytes.to_vec())));
        assert_eq!(fast.as_ref().ok(), slow.as_ref().ok(), "chunks make no difference");
        fast
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    fn utf32(text: &str, to_bytes: fn(u32) -> [u8; 4]) -> Vec<u8> {
        text.chars().flat_map(|c| to_bytes(c.into())).collect()
    }

    #[test]
    fn every_layer_is_taken_off() {
        use Layer::{Gzip, Utf16, Utf32, Zstandard};
        let text = "{\"a\":\"café 😀\"}\n{}\n";
        let marked = format!("\u{feff}{text}");
        let halves = text.as_bytes().split_at(7);
        // RFC 8878, 3.1.2: a skippable frame has a magic number, a length, and that many bytes.
        let skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc";
        let table: Vec<(Vec<u8>, Vec<Layer>)> = vec![
            (text.into(), vec![]),
            (marked.clone().into(), vec![]),
            (gzip(text.as_bytes()), vec![Gzip]),
            ([gzip(halves.0), gzip(b""), gzip(halves.1)].concat(), vec![Gzip]),
            (zstd(text.as_bytes()), vec![Zstandard]),
            ([zstd(halves.0), skippable.to_vec(), zstd(halves.1)].concat(), vec![Zstandard]),
            (utf16(text, u16::to_le_bytes), vec![Utf16]),
            (utf16(text, u16::to_be_bytes), vec![Utf16]),
            (utf16(&marked, u16::to_le_bytes), vec![Utf16]),
            (utf16(&marked, u16::to_be_bytes), vec![Utf16]),
            (utf32(text, u32::to_le_bytes), vec![Utf32]),
            (utf32(text, u32::to_be_bytes), vec![Utf32]),
            (utf32(&marked, u32::to_le_bytes), vec![Utf32]),
            (utf32(&marked, u32::to_be_bytes), vec![Utf32]),
            (gzip(&zstd(&utf16(&marked, u16::to_le_bytes))), vec![Gzip, Zstandard, Utf16]),
        ];
        for (bytes, layers) in table {
            assert_eq!(read(&bytes).unwrap(), (text.to_owned(), layers.clone()), "{layers:?}");
        }
    }

    #[test]
    fn damage_is_an_error_and_not_an_end() {
        let text = b"{\"recordId\":\"1\",\"modelInput\":{}}\n".repeat(100);
        let table: [(Vec<u8>, &str); 8] = [
            (gzip(&text).split_last().unwrap().1.to_vec(), "cut off"),
            ([gzip(&text), b"garbage".repeat(9)].concat(), "gzip data is damaged"),
            (zstd(&text)[..20].to_vec(), "Zstandard data"),
            ([zstd(&text), b"garbage".to_vec()].concat(), "Zstandard data is damaged"),
            (b"\xff\xfe{\0}".to_vec(), "byte 4 is not part of UTF-16"),
            (b"\xff\xfe{\0\x00\xd8}\0".to_vec(), "is not part of UTF-16"),
            (b"\xff\xfe{\0\x00\xd8".to_vec(), "is not part of UTF-16"),
            (b"{\0\0\0\xff\xff\xff\xff".to_vec(), "byte 4 is not part of UTF-32"),
        ];
        for (bytes, expected) in table {
            let error = read(&bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    #[test]
    fn layers_without_end_are_refused() {
        let many = (0..=MAX_LAYERS).fold(b"{}".to_vec(), |bytes, _| gzip(&bytes));
        assert!(read(&many).unwrap_err().to_string().contains("more than 4 times"));
        let most = (0..MAX_LAYERS).fold(b"{}".to_vec(), |bytes, _| gzip(&bytes));
        assert_eq!(read(&most).unwrap().0, "{}");
    }

    proptest! {
        #[test]
        fn any_text_survives_any_encoding(text in "[ -~]\\PC{0,200}") {
            for bytes in [utf16(&text, u16::to_le_bytes), utf16(&text, u16::to_be_bytes)] {
                let marked = if bytes[0] == 0 { b"\xfe\xff" } else { b"\xff\xfe" };
                prop_assert_eq!(&read(&[marked.to_vec(), bytes].concat()).unwrap().0, &text);
            }
            prop_assert_eq!(&read(&gzip(text.as_bytes())).unwrap().0, &text);
            prop_assert_eq!(&read(&zstd(text.as_bytes())).unwrap().0, &text);
        }
    }
}
