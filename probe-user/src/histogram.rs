//! `HdrHistogram`'s V2 compressed form in base64, the way latency distributions travel in reports.
//!
//! Reports and recordings come from files that anyone may have written, so sizes and counts are checked
//! before the library sees them.

use std::io::Read as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::ZlibDecoder;
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer, Serializer as _, V2DeflateSerializer},
};

/// Longest base64 text that is decoded. A histogram with every bucket in use takes less than 100 KiB.
const MAX_TEXT_BYTES: usize = 512 << 10;
/// Longest V2 payload that is inflated.
const MAX_INFLATED_BYTES: u64 = 1 << 20;
/// More significant digits than rtprobe ever writes would only cost memory (5 digits: 50 MB).
const MAX_DIGITS: u32 = 3;
/// Largest trackable value that is accepted, 146 years of nanoseconds.
const MAX_VALUE: u64 = 1 << 62;
const COMPRESSED_COOKIE: u32 = 0x1c84_9314;
/// Bytes of the compressed form before its zlib stream: cookie and length.
const COMPRESSED_HEADER: usize = 8;
/// Bytes of the V2 form before its counts: cookie, payload length, normalizing offset, digits, lowest and
/// highest value, conversion ratio (`AbstractHistogram.java`, `encodeIntoByteBuffer`).
const V2_HEADER: usize = 40;

/// Why a text is not a histogram.
#[derive(Debug, thiserror::Error)]
pub enum HistogramError {
    #[error("histogram of {found} bytes is longer than {limit}")]
    TooLong { found: usize, limit: usize },
    #[error("histogram is not base64")]
    Base64(#[from] base64::DecodeError),
    #[error("histogram begins with {0:#x}, not with {COMPRESSED_COOKIE:#x}")]
    Cookie(u32),
    #[error("histogram ends after {0} bytes")]
    Truncated(usize),
    #[error("failed to inflate histogram")]
    Inflate(#[source] std::io::Error),
    #[error("histogram asks for {digits} digits up to {highest}")]
    Range { digits: u32, highest: u64 },
    #[error("histogram states a payload of {stated} bytes and has {found}")]
    PayloadLength { stated: u64, found: usize },
    #[error("histogram holds a run of {0} empty buckets")]
    Run(u64),
    #[error("failed to decode histogram: {0}")]
    Library(String),
}

/// Returns `histogram` in V2 compressed form and base64, readable by every `HdrHistogram` library.
///
/// Counts above `i64::MAX` have no V2 form; the text is empty then.
pub fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    match V2DeflateSerializer::new().serialize(histogram, &mut bytes) {
        Ok(_) => STANDARD.encode(bytes),
        Err(_) => String::new(),
    }
}

/// Returns the histogram that `text` holds.
///
/// # Errors
/// Everything that [`encode`] does not write, among it texts that would take much memory or time.
pub fn decode(text: &str) -> Result<Histogram<u64>, HistogramError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(HistogramError::TooLong {
            found: text.len(),
            limit: MAX_TEXT_BYTES,
        });
    }
    let inflated = inflate(&STANDARD.decode(text)?)?;
    check_header(&inflated)?;
    check_counts(inflated.get(V2_HEADER..).unwrap_or_default())?;
    Deserializer::new()
        .deserialize(&mut inflated.as_slice())
        .map_err(|error| HistogramError::Library(error.to_string()))
}

fn inflate(compressed: &[u8]) -> Result<Vec<u8>, HistogramError> {
    let cookie = be_u32(compressed, 0)?;
    if cookie != COMPRESSED_COOKIE {
        return Err(HistogramError::Cookie(cookie));
    }
    let stream = compressed.get(COMPRESSED_HEADER..).unwrap_or_default();
    let mut inflated = Vec::new();
    ZlibDecoder::new(stream)
        .take(MAX_INFLATED_BYTES + 1)
        .read_to_end(&mut inflated)
        .map_err(HistogramError::Inflate)?;
    if inflated.len() as u64 > MAX_INFLATED_BYTES {
        return Err(HistogramError::TooLong {
            found: inflated.len(),
            limit: MAX_INFLATED_BYTES as usize,
        });
    }
    Ok(inflated)
}

fn check_header(v2: &[u8]) -> Result<(), HistogramError> {
    let found = v2
        .len()
        .checked_sub(V2_HEADER)
        .ok_or(HistogramError::Truncated(v2.len()))?;
    let stated = u64::from(be_u32(v2, 4)?);
    if stated != found as u64 {
        return Err(HistogramError::PayloadLength { stated, found });
    }
    let digits = be_u32(v2, 12)?;
    let highest = u64::from(be_u32(v2, 24)?) << 32 | u64::from(be_u32(v2, 28)?);
    if digits > MAX_DIGITS || highest > MAX_VALUE {
        return Err(HistogramError::Range { digits, highest });
    }
    Ok(())
}

/// Refuses runs of empty buckets that are longer than any histogram: hdrhistogram 7.6 negates them unchecked.
fn check_counts(mut counts: &[u8]) -> Result<(), HistogramError> {
    while !counts.is_empty() {
        let (zigzag, length) = varint(counts);
        let is_run = zigzag & 1 == 1;
        if is_run && zigzag >> 1 > u64::from(u32::MAX) {
            return Err(HistogramError::Run(zigzag >> 1));
        }
        counts = counts.get(length..).unwrap_or_default();
    }
    Ok(())
}

/// Reads a number in `HdrHistogram`'s LEB128-64b9B: seven bits a byte, and all eight of the ninth.
fn varint(bytes: &[u8]) -> (u64, usize) {
    let mut value = 0;
    for (index, &byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return (value, index + 1);
        }
    }
    let last = bytes.get(8).copied().unwrap_or_default();
    (value | u64::from(last) << 56, 9)
}

fn be_u32(bytes: &[u8], offset: usize) -> Result<u32, HistogramError> {
    bytes
        .get(offset..)
        .and_then(|rest| rest.first_chunk())
        .map(|field| u32::from_be_bytes(*field))
        .ok_or(HistogramError::Truncated(bytes.len()))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn histogram(values: &[u64]) -> Histogram<u64> {
        let mut histogram = Histogram::new(2).unwrap();
        for &value in values {
            histogram.record(value).unwrap();
        }
        histogram
    }

    fn packed(v2: &[u8]) -> String {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
        zlib.write_all(v2).unwrap();
        let stream = zlib.finish().unwrap();
        let mut bytes = COMPRESSED_COOKIE.to_be_bytes().to_vec();
        bytes.extend((stream.len() as u32).to_be_bytes());
        bytes.extend(stream);
        STANDARD.encode(bytes)
    }

    fn v2(digits: u32, highest: u64, payload_length: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = 0x1c84_9313_u32.to_be_bytes().to_vec();
        bytes.extend(payload_length.to_be_bytes());
        bytes.extend(0_u32.to_be_bytes());
        bytes.extend(digits.to_be_bytes());
        bytes.extend(1_u64.to_be_bytes());
        bytes.extend(highest.to_be_bytes());
        bytes.extend(1_f64.to_be_bytes());
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn the_hand_made_form_is_accepted_when_it_is_sound() {
        // Zigzag 4 is two operations of 0 ns.
        let decoded = decode(&packed(&v2(2, 1 << 40, 1, &[4]))).unwrap();
        assert_eq!((decoded.len(), decoded.count_at(0)), (2, 2));
    }

    #[test]
    fn a_payload_length_beyond_the_data_is_refused_before_memory_is_taken() {
        let error = decode(&packed(&v2(2, 1 << 40, u32::MAX, &[4]))).unwrap_err();
        assert!(matches!(
            error,
            HistogramError::PayloadLength {
                stated: 0xffff_ffff,
                found: 1
            }
        ));
    }

    #[test]
    fn five_digits_are_refused() {
        let error = decode(&packed(&v2(5, u64::MAX, 1, &[4]))).unwrap_err();
        assert!(matches!(error, HistogramError::Range { digits: 5, .. }));
    }

    #[test]
    fn a_run_that_cannot_be_negated_is_refused() {
        let error = decode(&packed(&v2(2, 1 << 40, 9, &[0xff; 9]))).unwrap_err();
        assert!(matches!(error, HistogramError::Run(_)), "{error}");
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = packed(&vec![0; 64 << 20]);
        assert!(bomb.len() < MAX_TEXT_BYTES);
        assert!(matches!(
            decode(&bomb).unwrap_err(),
            HistogramError::TooLong { .. }
        ));
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(values in prop::collection::vec(0..1_u64 << 43, 0..200)) {
            let original = histogram(&values);
            let decoded = decode(&encode(&original)).unwrap();
            prop_assert_eq!(decoded, original);
        }

        #[test]
        fn arbitrary_payloads_do_not_panic(
            digits in 0..7_u32, highest: u64, payload in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            if let Ok(histogram) = decode(&packed(&v2(digits, highest, payload.len() as u32, &payload))) {
                prop_assert!(histogram.value_at_quantile(0.99) <= histogram.max());
            }
        }

        #[test]
        fn mutated_texts_do_not_panic(at in 0..200_usize, byte in 32..127_u8) {
            let mut text = encode(&histogram(&[1, 50, 700, 90_000])).into_bytes();
            let index = at % text.len();
            text[index] = byte;
            drop(decode(std::str::from_utf8(&text).unwrap()));
        }
    }
}
