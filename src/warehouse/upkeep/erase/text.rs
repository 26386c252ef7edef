//! Pages and mails as text, and whether they name somebody.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{Cursor, Read};

use mail_parser::{Message, MessageParser, PartType};
use serde_json::Value;
use zip::ZipArchive;

use super::matcher::Matcher;

/// Whether a page, a mail or its envelope names who was erased. Their names are known only while they
/// are being erased.
pub(super) fn names(
    matcher: &Matcher,
    persons: &BTreeSet<String>,
    path: &str,
    bytes: &[u8],
) -> bool {
    texts(path, bytes).iter().any(|text| {
        let text = unescaped(text);
        matcher.names_in_text(&text) || has_name(persons, &text)
    })
}

/// Whether a file is, or a mail carries, what only a reader of PDF can look into. It says what the
/// page says that it was printed from.
pub(super) fn is_opaque(bytes: &[u8]) -> bool {
    const PDF: &[u8] = b"\r\nContent-Type: application/pdf\r\n";
    bytes.starts_with(b"%PDF") || bytes.windows(PDF.len()).any(|part| part == PDF)
}

/// The page that a PDF, or a mail that may carry one, was made from: `archive/<run>/<report>.html`.
pub(super) fn page_of(path: &str) -> Option<String> {
    let (folder, rest) = path.split_once('/')?;
    let (run, name) = rest.split_once('/')?;
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    let report = match folder {
        // `<as-of>-<report>-<hash>`.
        "outbox" => stem.get(11..)?.rsplit_once('-')?.0,
        _ => stem,
    };
    Some(format!("archive/{run}/{report}.html"))
}

/// What a reader sees of a file: of a mail also its parts, decoded, and of a workbook its cells.
fn texts<'a>(path: &str, bytes: &'a [u8]) -> Vec<Cow<'a, str>> {
    let mut texts = vec![String::from_utf8_lossy(bytes)];
    unpack(bytes, &mut texts);
    if path.strip_suffix(".eml").is_some()
        && let Some(message) = MessageParser::default().parse(bytes)
    {
        collect(&message, &mut texts);
    }
    if path.strip_suffix(".post").is_some()
        && let Ok(post) = serde_json::from_slice(bytes)
    {
        collect_words(&post, &mut texts);
    }
    texts
}

/// The texts of a post as they are read: in JSON a line break is written as a letter.
fn collect_words(value: &Value, texts: &mut Vec<Cow<'_, str>>) {
    match value {
        Value::String(text) => texts.push(Cow::Owned(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| collect_words(item, texts)),
        Value::Object(entries) => entries.values().for_each(|item| collect_words(item, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn collect(message: &Message<'_>, texts: &mut Vec<Cow<'_, str>>) {
    texts.extend(
        message
            .subject()
            .map(|subject| Cow::Owned(subject.to_owned())),
    );
    for part in &message.parts {
        match &part.body {
            PartType::Text(text) | PartType::Html(text) => {
                texts.push(Cow::Owned(text.clone().into_owned()));
            }
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
                texts.push(Cow::Owned(String::from_utf8_lossy(bytes).into_owned()));
                unpack(bytes, texts);
            }
            PartType::Message(inner) => collect(inner, texts),
            PartType::Multipart(_) => {}
        }
    }
}

/// The parts of a workbook, which are XML, without their tags.
fn unpack(bytes: &[u8], texts: &mut Vec<Cow<'_, str>>) {
    if !bytes.starts_with(b"PK") {
        return;
    }
    let Ok(mut packed) = ZipArchive::new(Cursor::new(bytes)) else {
        return;
    };
    for at in 0..packed.len() {
        let mut part = Vec::new();
        let read = packed
            .by_index(at)
            .map(|mut file| file.read_to_end(&mut part));
        if matches!(read, Ok(Ok(_))) {
            let xml = String::from_utf8_lossy(&part);
            texts.push(Cow::Owned(xml.replace(['<', '>'], " ")));
        }
    }
}

/// Whether a full name stands in a text, between what is no part of a word.
fn has_name(persons: &BTreeSet<String>, text: &str) -> bool {
    if persons.is_empty() {
        return false;
    }
    let words = |text: &str| {
        let words = text.split(|c: char| !c.is_alphanumeric());
        let words = words.filter(|word| !word.is_empty()).map(str::to_lowercase);
        words.fold(" ".to_owned(), |all, word| all + &word + " ")
    };
    let text = words(text);
    persons.iter().any(|name| text.contains(&words(name)))
}

/// Without what HTML writes otherwise.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let written = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#39;", "'"),
        ("&#x60;", "`"),
        ("&#x3D;", "="),
        ("&#64;", "@"),
        ("&amp;", "&"),
    ];
    let plain = written.iter().fold(text.to_owned(), |text, (one, other)| {
        text.replace(one, other)
    });
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    // In a post a name is found behind a line break, which JSON writes as a letter, and so are marks.
    #[test]
    fn posts_are_read_as_json() {
        let persons = BTreeSet::from(["Jane & Doe".to_owned()]);
        let post = br#"{"blocks":[{"text":{"text":"Needs someone\nJane &amp; Doe\tcalls"}}]}"#;
        let found = |path: &str| {
            let texts = texts(path, post);
            texts
                .iter()
                .any(|text| has_name(&persons, &unescaped(text)))
        };
        assert!(found("outbox/run/m.post"));
        assert!(!found("archive/run/m.html"));
    }

    // A full name is found whatever stands between its words, and not inside of others.
    #[test]
    fn full_names_are_found() {
        let persons = BTreeSet::from(["Jane O'Neil".to_owned()]);
        for text in ["<td>Jane O&#x27;Neil</td>", "JANE  O'NEIL", "(Jane O'Neil)"] {
            assert!(has_name(&persons, &unescaped(text)), "{text}");
        }
        for text in ["Mary-Jane Neil", "Jane O'Neill", "O'Neil, Jane"] {
            assert!(!has_name(&persons, &unescaped(text)), "{text}");
        }
    }
}
