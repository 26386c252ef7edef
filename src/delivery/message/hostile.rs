//! Messages of texts that try to be more than text, and the headers of every message.

use jiff::civil::date;
use mail_parser::{Header, HeaderName, MessageParser, MimeHeaders};
use proptest::prelude::*;

use super::head::one_line;
use super::*;
use crate::report::Image;

/// In the words of the parser.
const HEADERS: [&str; 12] = [
    "From",
    "To",
    "Subject",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Date",
    "Auto-Submitted",
    "List-ID",
    "List-Unsubscribe",
    "MIME-Version",
    "Content-Type",
];

/// What each text of a message is.
#[derive(Debug, Clone)]
struct Texts {
    name: String,
    sender: String,
    subject: String,
    html: String,
    text: String,
    page: String,
}

fn recipient(address: &str, name: &str) -> Recipient {
    Recipient {
        address: address.to_owned(),
        name: Some(name.to_owned()),
    }
}

fn composed(texts: &Texts, report: &str, as_of: Date, to: &str, from: &str) -> Vec<u8> {
    let page = texts.page.clone().into_bytes();
    let rendered = Rendered {
        report: report.to_owned(),
        subject: texts.subject.clone(),
        page: texts.page.clone(),
        mail_html: texts.html.clone(),
        mail_text: texts.text.clone(),
        images: vec![Image {
            content_id: "funnel".to_owned(),
            png: vec![0x89, 0x50],
        }],
        told: Vec::new(),
        attached: vec![crate::report::Attachment::new(
            "html",
            "text/html; charset=utf-8",
            page,
        )],
    };
    let dated = "2026-11-20T05:00:00Z".parse().unwrap();
    let (to, from) = (recipient(to, &texts.name), recipient(from, &texts.sender));
    compose(&rendered, &to, &from, as_of, dated)
        .unwrap()
        .message
}

fn of(texts: &Texts) -> Vec<u8> {
    let day = date(2026, 11, 19);
    composed(
        texts,
        "daily",
        day,
        "dana@acme.example",
        "funnel@acme.example",
    )
}

/// Pieces of which hostile texts are made, in any order.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        proptest::sample::select(vec![
            "\r\n",
            "\r",
            "\n",
            "\0",
            "\u{85}",
            "\u{2028}",
            "\u{2029}",
            "\u{202e}",
            "\u{2066}",
            "\r\n\r\n",
            "\r\n.\r\n",
            "\nBcc: eve@evil.example\n",
            "Reply-To: eve@evil.example",
            "\r\n ",
            "<script>alert(1)</script>",
            "</body></html>",
            "{{from}}",
            "{{{secret}}}",
            "=?utf-8?Q?x=0D=0ABcc:_eve?=",
            "=?utf-8?B?QmNjOiBldmU=?=",
            "=0D=0A",
            "=\r\n",
            "--=_",
            "\r\n--=_dd8bcc17b520a49ffc7f28002baa9367--\r\n",
            "Content-Type: text/html",
            "\nFrom ",
            "=cmd|' /C calc'!A0",
            "<eve@evil.example>",
            "\"",
            "\\",
            ",",
            ";",
            ":",
            "(",
            ")",
            "@",
            " ",
            "\t",
            "ä",
            "田中",
            "𝄞",
            "👩‍💻",
            "a",
            "Dana",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(|c| c.to_string()),
        (1_usize..400).prop_map(|length| "x".repeat(length)),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn texts() -> impl Strategy<Value = Texts> {
    let [name, sender, subject, html, text, page] = std::array::from_fn(|_| hostile());
    (name, sender, subject, html, text, page).prop_map(
        |(name, sender, subject, html, text, page)| Texts {
            name,
            sender,
            subject,
            html,
            text,
            page,
        },
    )
}

/// What a header's text is as one reads it: blanks are where they are, however many.
fn read(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text part's lines, however they end; the encoding keeps a lone carriage return.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end_matches('\n').to_owned()
}

/// Every line is short, of ASCII, and ends as lines of mail do.
fn is_plain(message: &[u8]) -> bool {
    let text = String::from_utf8(message.to_vec()).unwrap();
    text.split("\r\n")
        .all(|line| line.len() <= 998 && line.is_ascii() && !line.contains(['\r', '\n', '\0']))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever names, subject and texts are, the message has the headers, recipients and parts it has
    /// of plain ones, and each text arrives.
    #[test]
    fn nothing_breaks_out(texts in texts()) {
        let message = of(&texts);
        prop_assert!(is_plain(&message));
        let parsed = MessageParser::default().parse(&message).unwrap();
        let headers: Vec<&str> = parsed.headers().iter().map(Header::name).collect();
        prop_assert_eq!(headers, HEADERS);
        let (to, from) = (parsed.to().unwrap(), parsed.from().unwrap());
        let (to, from): (Vec<_>, Vec<_>) = (to.iter().collect(), from.iter().collect());
        prop_assert_eq!((to.len(), from.len()), (1, 1));
        prop_assert_eq!(to[0].address(), Some("dana@acme.example"));
        prop_assert_eq!(from[0].address(), Some("funnel@acme.example"));
        for (shown, name) in [(to[0], &texts.name), (from[0], &texts.sender)] {
            prop_assert_eq!(read(shown.name().unwrap_or_default()), one_line(name));
        }
        prop_assert_eq!(read(parsed.subject().unwrap_or_default()), one_line(&texts.subject));
        prop_assert_eq!(parsed.parts.len(), 7);
        prop_assert_eq!((parsed.html_body.len(), parsed.text_body.len()), (1, 1));
        prop_assert_eq!(lines(&parsed.body_text(0).unwrap()), lines(&texts.text));
        prop_assert_eq!(lines(&parsed.body_html(0).unwrap()), lines(&texts.html));
        let files: Vec<_> = parsed.attachments().filter(|part| part.attachment_name().is_some()).collect();
        prop_assert_eq!(files.len(), 1);
        prop_assert_eq!(files[0].attachment_name(), Some("daily-2026-11-19.html"));
        prop_assert_eq!(files[0].contents(), texts.page.as_bytes());
    }
}

fn plain() -> Texts {
    let text = || "x".to_owned();
    Texts {
        name: "Dana Lee".to_owned(),
        sender: "Acme funnel".to_owned(),
        subject: text(),
        html: text(),
        text: text(),
        page: text(),
    }
}

/// A header as it stands in a message.
fn header(message: &[u8], name: &'static str) -> String {
    let parsed = MessageParser::default().parse(message).unwrap();
    let raw = parsed.header_raw(HeaderName::Other(name.into()));
    let raw = raw.or_else(|| parsed.header_raw(HeaderName::parse(name).unwrap()));
    raw.unwrap().trim().to_owned()
}

/// Nobody answers a machine's mail, lists can be sorted and left, by report.
#[test]
fn lists_can_be_told_apart() {
    let message = composed(
        &plain(),
        "sla-weekly",
        date(2026, 11, 19),
        "dana@acme.example",
        "a&b+c?d@acme.example",
    );
    assert_eq!(header(&message, "Auto-Submitted"), "auto-generated");
    let list = "<sla-weekly.leadgauge.acme.example>";
    assert_eq!(header(&message, "List-Id"), list);
    let leave = "<mailto:a%26b%2Bc%3Fd@acme.example?subject=unsubscribe%20sla-weekly>";
    assert_eq!(header(&message, "List-Unsubscribe"), leave);
}

/// The mails of one report to one recipient are one conversation, on whatever day; those of another
/// report or to another recipient are not in it.
#[test]
fn a_series_is_a_conversation() {
    let series = |report: &str, day: i8, to: &str| {
        let day = date(2026, 11, day);
        let message = composed(&plain(), report, day, to, "funnel@acme.example");
        let parsed = MessageParser::default().parse(&message).unwrap();
        let answered = parsed.in_reply_to().as_text().unwrap().to_owned();
        assert_eq!(parsed.references().as_text(), Some(answered.as_str()));
        assert_ne!(parsed.message_id(), Some(answered.as_str()));
        answered
    };
    let first = series("daily", 19, "dana@acme.example");
    assert_eq!(series("daily", 20, "Dana@acme.example"), first);
    assert_ne!(series("audit", 19, "dana@acme.example"), first);
    assert_ne!(series("daily", 19, "eve@acme.example"), first);
    assert!(first.ends_with("@acme.example"), "{first}");
}

/// The longest address there is stands in one piece.
#[test]
fn long_addresses_arrive() {
    let label = "x".repeat(60);
    let long = format!("{}@{label}.{label}.{label}.example", "a".repeat(64));
    let message = composed(&plain(), "daily", date(2026, 11, 19), &long, &long);
    assert!(is_plain(&message));
    let parsed = MessageParser::default().parse(&message).unwrap();
    let to = parsed.to().unwrap().first().unwrap();
    assert_eq!(to.address(), Some(long.as_str()));
    let leave = header(&message, "List-Unsubscribe");
    assert_eq!(
        leave,
        format!("<mailto:{long}?subject=unsubscribe%20daily>")
    );
}
