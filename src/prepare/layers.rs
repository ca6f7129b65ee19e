//! Takes off what is wrapped around a text: compression, and an encoding other than UTF-8. Pure: it is given a reader.
//!
//! Layers may lie on top of each other, such as gzip over UTF-16. Each one is recognized from the bytes that the one
//! above it gives, and read in memory of a fixed size.

use std::io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use encoding_rs::DecoderResult;
use flate2::bufread::GzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::kind::Kind;
use crate::drop::diagnosis;

/// The most layers of one file. More than one or two are a mistake, or an attack.
const MAX_LAYERS: usize = 4;

/// How much is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// RFC 1952, 2.3.1.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

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
    /// An encoding that the user named.
    Named(Encoding),
}

/// An encoding of text, as browsers know it. <https://encoding.spec.whatwg.org>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl FromStr for Encoding {
    type Err = &'static str;

    /// Finds an encoding by one of its names, such as `windows-1252`, `latin1`, or `shift_jis`. As in browsers, `iso-8859-1` is
    /// another name of `windows-1252`, which has more characters.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let names = [
            ("cp1252", "windows-1252"),
            ("cp1250", "windows-1250"),
            ("cp1251", "windows-1251"),
            ("cp932", "shift_jis"),
        ];
        let other = names.iter().find(|(other, _)| name.eq_ignore_ascii_case(other)).map(|(_, name)| *name);
        let found = encoding_rs::Encoding::for_label(other.unwrap_or(name).as_bytes());
        // What it is for is to replace every text by one character.
        let found = found.filter(|encoding| *encoding != encoding_rs::REPLACEMENT);
        found.map(Self).ok_or("it is not known; common ones are windows-1252, iso-8859-15, windows-1250, shift_jis, gbk, and utf-16le")
    }
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
            Self::Named(Encoding(encoding)) => encoding.name(),
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

/// A text without its layers.
pub(super) struct Unwrapped {
    /// The text, without a byte order mark at its start.
    pub(super) text: Text,
    /// Its first bytes.
    pub(super) start: Vec<u8>,
    /// What was around it, from the outside in.
    pub(super) layers: Vec<Layer>,
    /// Whether bytes that are not gzip data were found after the data, as soon as the text was read to its end.
    pub(super) has_garbage: Arc<AtomicBool>,
}

/// Takes off all layers. The text has the named encoding, if there is one.
pub(super) fn unwrap(reader: Source, encoding: Option<Encoding>) -> io::Result<Unwrapped> {
    let mut layers = Vec::new();
    let mut reader = reader;
    let mut encoding = encoding;
    let has_garbage = Arc::new(AtomicBool::new(false));
    loop {
        let (start, whole) = peek(reader)?;
        let layer = match (Layer::of(&start), encoding) {
            (Some(layer @ (Layer::Gzip | Layer::Zstandard)), _) | (Some(layer), None) => Some(layer),
            (None, None) => None,
            (_, Some(named)) => {
                check_mark(&start, named)?;
                encoding = None;
                Some(Layer::Named(named))
            }
        };
        if layer.is_some() && layers.len() == MAX_LAYERS {
            let what =
                format!("the file is wrapped more than {MAX_LAYERS} times in compression or encodings");
            return Err(io::Error::new(ErrorKind::InvalidData, what));
        }
        layers.extend(layer);
        let inner = BufReader::with_capacity(CHUNK_BYTES, whole);
        reader = match layer {
            Some(Layer::Gzip) => Box::new(Named("gzip", Members::new(inner, Arc::clone(&has_garbage)))),
            Some(Layer::Zstandard) => Box::new(Named("Zstandard", Frames::new(inner))),
            Some(Layer::Utf16) => Box::new(Decoder::new(inner, &start, 2)),
            Some(Layer::Utf32) => Box::new(Decoder::new(inner, &start, 4)),
            Some(Layer::Named(encoding)) => Box::new(NamedDecoder::new(inner, encoding)),
            None => {
                let mut text: Text = BufReader::with_capacity(CHUNK_BYTES, Box::new(inner));
                let is_marked = start.starts_with("\u{feff}".as_bytes());
                if is_marked {
                    text.fill_buf()?;
                    text.consume(3);
                }
                let start = start.get(if is_marked { 3 } else { 0 }..).unwrap_or_default().into();
                return Ok(Unwrapped { text, start, layers, has_garbage });
            }
        };
    }
}

/// Checks that a text does not say itself that it has another encoding.
fn check_mark(start: &[u8], Encoding(named): Encoding) -> io::Result<()> {
    match encoding_rs::Encoding::for_bom(start) {
        Some((marked, _)) if marked != named => {
            let what = format!(
                "--encoding: the file starts with the mark of {}: leave the option out",
                marked.name()
            );
            Err(io::Error::new(ErrorKind::InvalidInput, what))
        }
        _ => Ok(()),
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

/// Reads the members of a gzip file one after the other. What follows the last one and is not the start of another is left
/// alone, as gzip(1) does.
struct Members<R> {
    /// The member that is being read, with the bytes of its start that were read before.
    inside: Option<GzDecoder<Chain<Cursor<Vec<u8>>, R>>>,
    /// The rest of the file, between two members.
    rest: Option<R>,
    is_first: bool,
    has_garbage: Arc<AtomicBool>,
}

impl<R: BufRead> Members<R> {
    fn new(source: R, has_garbage: Arc<AtomicBool>) -> Self {
        Self { inside: None, rest: Some(source), is_first: true, has_garbage }
    }

    /// Starts the next member, if there is one.
    fn start(&mut self) -> io::Result<()> {
        let Some(mut rest) = self.rest.take() else { return Ok(()) };
        let mut magic = Vec::new();
        rest.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut magic)?;
        if magic == GZIP_MAGIC || self.is_first {
            self.is_first = false;
            self.inside = Some(GzDecoder::new(Cursor::new(magic).chain(rest)));
            return Ok(());
        }
        // Padding with NUL bytes is common, and nothing to talk about.
        let has_garbage = magic.iter().any(|byte| *byte != 0) || has_other_than_nul(&mut rest)?;
        self.has_garbage.store(has_garbage, Ordering::Relaxed);
        Ok(())
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.inside.is_none() {
                self.start()?;
            }
            let Some(inside) = &mut self.inside else { return Ok(0) };
            let length = inside.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            self.rest = self.inside.take().map(|member| member.into_inner().into_inner().1);
        }
    }
}

/// Reads on until a byte is not NUL. Returns whether there is one.
fn has_other_than_nul(source: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let chunk = match source.fill_buf() {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            chunk => chunk?,
        };
        if chunk.is_empty() {
            return Ok(false);
        }
        if chunk.iter().any(|byte| *byte != 0) {
            return Ok(true);
        }
        let length = chunk.len();
        source.consume(length);
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

/// Decodes a text whose encoding the user named.
struct NamedDecoder<R> {
    source: R,
    encoding: Encoding,
    decoder: encoding_rs::Decoder,
    /// How many bytes were decoded.
    at: u64,
    /// What was decoded and not read yet.
    text: Vec<u8>,
    taken: usize,
    is_at_end: bool,
}

impl<R: BufRead> NamedDecoder<R> {
    fn new(source: R, encoding: Encoding) -> Self {
        let decoder = encoding.0.new_decoder_with_bom_removal();
        Self { source, encoding, decoder, at: 0, text: Vec::new(), taken: 0, is_at_end: false }
    }

    /// Decodes what is at hand into `text`. Nothing is added at the end of the file.
    fn fill(&mut self) -> io::Result<()> {
        let chunk = self.source.fill_buf()?;
        self.is_at_end = chunk.is_empty();
        self.text.resize(CHUNK_BYTES, 0);
        let (result, read, written) =
            self.decoder.decode_to_utf8_without_replacement(chunk, &mut self.text, self.is_at_end);
        self.source.consume(read);
        self.text.truncate(written);
        self.taken = 0;
        self.at += read as u64;
        if let DecoderResult::Malformed(length, after) = result {
            let at = self.at.saturating_sub(u64::from(length) + u64::from(after));
            let what = format!(
                "byte {at} is not part of {} text: is it another --encoding?",
                self.encoding.0.name()
            );
            return Err(io::Error::new(ErrorKind::InvalidData, what));
        }
        // If the output was full, there is more of the same chunk.
        self.is_at_end &= result == DecoderResult::InputEmpty;
        Ok(())
    }
}

impl<R: BufRead> Read for NamedDecoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.text.len() && !self.is_at_end {
            self.fill()?;
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
        read_as(bytes, None).map(|(text, layers, _)| (text, layers))
    }

    fn read_as(bytes: &[u8], encoding: Option<&str>) -> io::Result<(String, Vec<Layer>, bool)> {
        let encoding = encoding.map(|name| name.parse().unwrap());
        let read = |reader| {
            let Unwrapped { mut text, layers, has_garbage, .. } = unwrap(reader, encoding)?;
            let mut all = String::new();
            text.read_to_string(&mut all)?;
            Ok((all, layers, has_garbage.load(Ordering::Relaxed)))
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
        let table: [(Vec<u8>, &str); 9] = [
            (gzip(&text).split_last().unwrap().1.to_vec(), "cut off"),
            ([gzip(&text), gzip(&text)[..7].to_vec()].concat(), "cut off"),
            ([gzip(&text), b"\x1f\x8bgarbage".repeat(9)].concat(), "gzip data is damaged"),
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
    fn what_follows_gzip_data_is_left_alone_and_told_unless_it_is_padding() {
        for (after, is_garbage) in [
            (&b""[..], false),
            (b"\0", false),
            (&[0; 1_000], false),
            (b"\0\0\0x", true),
            (b"g", true),
            (b"garbage", true),
            (b"\x1f", true),
        ] {
            let bytes = [gzip(b"{\"a\":"), gzip(b"1}\n"), after.to_vec()].concat();
            let (text, layers, has_garbage) = read_as(&bytes, None).unwrap();
            assert_eq!(
                (text.as_str(), layers, has_garbage),
                ("{\"a\":1}\n", vec![Layer::Gzip], is_garbage),
                "{after:?}"
            );
        }
    }

    #[test]
    fn named_encodings_are_decoded() {
        let latin = b"caf\xe9 \x80\n".repeat(20_000);
        let text = "café €\n".repeat(20_000);
        for name in ["windows-1252", "ISO-8859-1", "latin1", "cp1252"] {
            assert_eq!(read_as(&latin, Some(name)).unwrap().0, text, "{name}");
            assert_eq!(read_as(&gzip(&latin), Some(name)).unwrap().0, text, "{name}");
        }
        assert_eq!(read_as(b"\x82\xa0", Some("shift_jis")).unwrap().0, "あ");
        assert_eq!(read_as(&utf16("{é", u16::to_be_bytes), Some("utf-16be")).unwrap().0, "{é");
        assert_eq!(read_as("\u{feff}é".as_bytes(), Some("utf-8")).unwrap().0, "é");
        for (bytes, name, expected) in [
            (&b"ab\x82"[..], "shift_jis", "byte 2 is not part of Shift_JIS text"),
            (b"\xff\xfea\0", "windows-1252", "the file starts with the mark of UTF-16LE"),
            (b"\xef\xbb\xbfa", "windows-1252", "the file starts with the mark of UTF-8"),
            (b"caf\xe9", "utf-8", "byte 3 is not part of UTF-8 text"),
        ] {
            let error = read_as(bytes, Some(name)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        for name in ["nope", "", "iso-2022-kr"] {
            assert!(name.parse::<Encoding>().is_err(), "{name}");
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
