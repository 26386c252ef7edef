//! From the bytes as stored to text: gzip or zstd undone, the encoding undone, nothing replaced.

use std::borrow::Cow;
use std::io::{ErrorKind, Read};

use ::bytes::Bytes;
use encoding_rs::{DecoderResult, Encoding, UTF_8};

use super::{Input, SourceError};
use crate::config::Compression;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Undoes the stream's compression; a file of several members is read to its end.
pub(super) fn decompress(stored: Bytes, input: &Input<'_>) -> Result<Bytes, SourceError> {
    let compression = input.stream.compression;
    let found = recognise(&stored);
    if found != compression {
        return Err(mismatch(found, compression, input));
    }
    let mut plain = Vec::new();
    let read = match compression {
        Compression::None => return Ok(stored),
        Compression::Gzip => flate2::read::MultiGzDecoder::new(&stored[..]).read_to_end(&mut plain),
        Compression::Zstd => zstd::stream::read::Decoder::new(&stored[..])
            .and_then(|mut decoder| decoder.read_to_end(&mut plain)),
    };
    let name = label(compression);
    match read {
        Ok(_) => Ok(plain.into()),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Err(input.truncated(None, format!("its {name} data ends early")))
        }
        Err(_) => Err(input
            .malformed(None, format!("its {name} data is corrupt"))
            .with_fix("Export or copy it again")),
    }
}

fn recognise(stored: &[u8]) -> Compression {
    if stored.starts_with(GZIP) {
        Compression::Gzip
    } else if stored.starts_with(ZSTD) {
        Compression::Zstd
    } else {
        Compression::None
    }
}

fn mismatch(found: Compression, stated: Compression, input: &Input<'_>) -> SourceError {
    let (found, stated) = (label(found), label(stated));
    input
        .malformed(
            None,
            format!("its compression is {found}, the stream's is {stated}"),
        )
        .with_fix(format!(
            "Write `compression: {found}` for stream `{}`",
            input.name
        ))
}

fn label(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    }
}

/// Decodes to UTF-8. A byte order mark outranks the stream's encoding and is dropped.
pub(super) fn decode<'a>(bytes: &'a [u8], input: &Input<'_>) -> Result<Cow<'a, str>, SourceError> {
    let stated = &input.stream.encoding;
    let (encoding, skip) = match Encoding::for_bom(bytes) {
        Some(found) => found,
        None => (
            Encoding::for_label(stated.as_bytes()).expect("config checks the label"),
            0,
        ),
    };
    let bytes = &bytes[skip..];
    if encoding == UTF_8 {
        return utf8(bytes, input).map(Cow::Borrowed);
    }
    match encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) => Ok(text),
        None => Err(undecodable(encoding, bytes, input)),
    }
}

fn utf8<'a>(bytes: &'a [u8], input: &Input<'_>) -> Result<&'a str, SourceError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = Some(lines(before) + 1);
        match error.error_len() {
            None => input.truncated(line, "its last character is incomplete"),
            Some(_) => input
                .malformed(
                    line,
                    format!("byte 0x{:02X} is no UTF-8", bytes[before.len()]),
                )
                .with_fix(format!(
                    "State the encoding of stream `{}`, as `encoding: windows-1252`",
                    input.name
                )),
        }
    })
}

/// Decodes once more, in pieces, to find the line where decoding fails.
fn undecodable(encoding: &'static Encoding, bytes: &[u8], input: &Input<'_>) -> SourceError {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut piece = String::with_capacity(64 * 1024);
    let (mut at, mut line) = (0, 1);
    loop {
        piece.clear();
        let (result, read) =
            decoder.decode_to_string_without_replacement(&bytes[at..], &mut piece, true);
        at += read;
        line += lines(piece.as_bytes());
        match result {
            DecoderResult::OutputFull => {}
            _ if at == bytes.len() => {
                return input.truncated(Some(line), "its last character is incomplete");
            }
            _ => {
                let what = format!("its bytes are no {}", encoding.name());
                return input
                    .malformed(Some(line), what)
                    .with_fix(format!("Correct `encoding` of stream `{}`", input.name));
            }
        }
    }
}

fn lines(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}
