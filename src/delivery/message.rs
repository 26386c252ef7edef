//! Builds the MIME message of one report for one recipient. The same report, day and recipient give
//! the same bytes: boundaries, `Message-ID` and `Date` are derived, never drawn.

mod head;
#[cfg(test)]
mod hostile;

use jiff::Timestamp;
use jiff::civil::Date;
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Attachment, Body, MultiPart, SinglePart};
use sha2::{Digest, Sha256};

use super::{DeliveryError, Envelope, Outgoing};
use crate::config::Recipient;
use crate::report::Rendered;
use head::Head;
pub(super) use head::turns;

/// The message that carries `rendered` to `to`: a plain-text and an HTML part that say the same, the
/// charts by content id, and the report's files attached. `dated` is its `Date` header: an instant that
/// follows from the as-of date.
pub(crate) fn compose(
    rendered: &Rendered,
    to: &Recipient,
    from: &Recipient,
    as_of: Date,
    dated: Timestamp,
) -> Result<Outgoing, DeliveryError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| DeliveryError::Build {
        report: rendered.report.clone(),
        source,
    };
    let id = message_id(&rendered.report, as_of, &to.address);
    let head = Head {
        report: &rendered.report,
        message_id: &id,
        from,
        to,
        subject: &rendered.subject,
        dated,
    };
    let message = head
        .begin()
        .map_err(failed)?
        .multipart(body(rendered, &id, as_of).map_err(failed)?)
        .map_err(|error| failed(error.into()))?;
    let envelope = Envelope {
        id,
        report: rendered.report.clone(),
        as_of,
        from: from.address.clone(),
        to: to.address.clone(),
        channel: None,
        page: None,
    };
    Ok(Outgoing {
        envelope,
        message: message.formatted(),
    })
}

/// A mail of plain text alone.
pub(super) struct Plain<'a> {
    pub(super) envelope: Envelope,
    /// Without its domain.
    pub(super) message_id: &'a str,
    pub(super) from: &'a Recipient,
    pub(super) to: &'a Recipient,
    pub(super) subject: &'a str,
    pub(super) text: &'a str,
    pub(super) dated: Timestamp,
}

/// Builds a mail of plain text, of ASCII alone.
pub(super) fn plain_mail(plain: &Plain<'_>) -> Result<Outgoing, DeliveryError> {
    let failed = |source: AnyError| DeliveryError::Build {
        report: plain.envelope.report.clone(),
        source,
    };
    let head = Head {
        report: &plain.envelope.report,
        message_id: plain.message_id,
        from: plain.from,
        to: plain.to,
        subject: plain.subject,
        dated: plain.dated,
    };
    let message = head
        .begin()
        .map_err(failed)?
        .singlepart(part(ContentType::TEXT_PLAIN, plain.text))
        .map_err(|error| failed(error.into()))?;
    Ok(Outgoing {
        envelope: plain.envelope.clone(),
        message: message.formatted(),
    })
}

/// The mail that goes out in the place of a report whose data did not come in time, with the same id:
/// nobody gets both.
pub(crate) fn not_ready(
    report: &str,
    missing: &[String],
    to: &Recipient,
    from: &Recipient,
    as_of: Date,
    dated: Timestamp,
) -> Result<Outgoing, DeliveryError> {
    let id = message_id(report, as_of, &to.address);
    let (subject, text) = not_ready_words(report, missing, as_of);
    plain_mail(&Plain {
        envelope: Envelope {
            id: id.clone(),
            report: report.to_owned(),
            as_of,
            from: from.address.clone(),
            to: to.address.clone(),
            channel: None,
            page: None,
        },
        message_id: &id,
        from,
        to,
        subject: &subject,
        text: &text,
        dated,
    })
}

/// Subject and text of what goes out in the place of a report.
pub(super) fn not_ready_words(report: &str, missing: &[String], as_of: Date) -> (String, String) {
    let missing = missing.join("\n* ");
    let text = format!(
        "The report `{report}` for {as_of} is not ready, because\n\n* {missing}\n\n\
         It was held as long as was agreed, and will not come for this day: figures without this data \
         would mislead.\nThe next one comes when it is due. Whoever runs Leadgauge has been told.\n"
    );
    (format!("Not ready: {report}, {as_of}"), text)
}

/// The same for the same report, day and recipient; tells nobody who the recipient is.
pub(super) fn message_id(report: &str, as_of: Date, address: &str) -> String {
    let of = format!("{report}\n{as_of}\n{}", address.to_lowercase());
    format!("{as_of}-{report}-{}", digest(&of, 16))
}

/// The first hex digits of a text's hash.
pub(super) fn digest(text: &str, digits: usize) -> String {
    let hex = format!("{:x}", Sha256::digest(text));
    hex.chars().take(digits).collect()
}

pub(super) type AnyError = Box<dyn std::error::Error + Send + Sync>;

pub(super) fn body(rendered: &Rendered, id: &str, as_of: Date) -> Result<MultiPart, AnyError> {
    let html = part(ContentType::TEXT_HTML, &rendered.mail_html);
    let mut related = MultiPart::related()
        .boundary(boundary(id, "related"))
        .singlepart(html);
    for image in &rendered.images {
        let inline = Attachment::new_inline(image.content_id.clone());
        related = related.singlepart(inline.body(image.png.clone(), "image/png".parse()?));
    }
    let alternative = MultiPart::alternative()
        .boundary(boundary(id, "alternative"))
        .singlepart(part(ContentType::TEXT_PLAIN, &rendered.mail_text))
        .multipart(related);
    let mut mixed = MultiPart::mixed()
        .boundary(boundary(id, "mixed"))
        .multipart(alternative);
    for attached in &rendered.attached {
        let bytes = attached.bytes.to_vec();
        let bytes = Body::new_with_encoding(bytes, ContentTransferEncoding::Base64)
            .map_err(|_| "an attachment cannot be encoded")?;
        let file = Attachment::new(attached.file_name(&rendered.report, as_of));
        mixed = mixed.singlepart(file.body(bytes, attached.media_type.parse()?));
    }
    Ok(mixed)
}

/// Quoted-printable whatever the text holds, so that no relay needs to fold or re-encode it.
fn part(kind: ContentType, text: &str) -> SinglePart {
    let encoding = ContentTransferEncoding::QuotedPrintable;
    let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
    match Body::new_with_encoding(text, encoding) {
        Ok(body) => SinglePart::builder().header(kind).body(body),
        Err(text) => SinglePart::builder().header(kind).body(text),
    }
}

fn boundary(id: &str, part: &str) -> String {
    format!("=_{}", digest(&format!("{id}\n{part}"), 32))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use lettre::message::Message;
    use mail_parser::{MessageParser, MimeHeaders};

    use super::*;
    use crate::report::Image;

    fn rendered(subject: &str) -> Rendered {
        Rendered {
            report: "daily".to_owned(),
            subject: subject.to_owned(),
            page: "<!doctype html><title>Seite</title>\n".to_owned(),
            mail_html: "<p>März, <img src=\"cid:funnel\"></p>".to_owned(),
            mail_text: "März\n".to_owned(),
            images: vec![Image {
                content_id: "funnel".to_owned(),
                png: vec![0x89, 0x50],
            }],
            told: Vec::new(),
            attached: vec![
                file("html", "text/html; charset=utf-8"),
                file("xlsx", "application/octet-stream"),
            ],
        }
    }

    fn file(suffix: &str, media_type: &'static str) -> crate::report::Attachment {
        crate::report::Attachment::new(suffix, media_type, &b"<title>Seite</title>"[..])
    }

    fn recipient(address: &str, name: &str) -> Recipient {
        Recipient {
            address: address.to_owned(),
            name: Some(name.to_owned()),
        }
    }

    fn composed(subject: &str, name: &str) -> Outgoing {
        compose(
            &rendered(subject),
            &recipient("dana@acme.example", name),
            &recipient("funnel@acme.example", "Acme funnel"),
            date(2026, 11, 19),
            "2026-11-20T05:00:00Z".parse().unwrap(),
        )
        .unwrap()
    }

    /// A file's name that is not ASCII arrives whole, as RFC 2231 writes it, in a header that is ASCII.
    #[test]
    fn names_of_files_arrive() {
        let name = "Übersicht \"Q4\" 报告 – und noch ein langer Name dahinter.xlsx";
        let file = Attachment::new(name.to_owned());
        let part = file.body(Vec::<u8>::new(), ContentType::TEXT_PLAIN);
        let bytes = Message::builder()
            .from("a@b.example".parse().unwrap())
            .to("c@d.example".parse().unwrap())
            .multipart(MultiPart::mixed().singlepart(part))
            .unwrap()
            .formatted();
        assert!(bytes.is_ascii());
        let parsed = MessageParser::default().parse(&bytes).unwrap();
        let names: Vec<_> = parsed
            .attachments()
            .map(MimeHeaders::attachment_name)
            .collect();
        assert_eq!(names, [Some(name)]);
    }

    /// Both bodies, the chart and the files arrive as they were given.
    #[test]
    fn every_part_arrives() {
        let mail = composed("31 MQLs", "Dana Lee");
        let parsed = MessageParser::default().parse(&mail.message).unwrap();
        assert_eq!(parsed.subject(), Some("31 MQLs"));
        assert_eq!(parsed.body_text(0).unwrap().trim_end(), "März");
        assert!(parsed.body_html(0).unwrap().contains("März"));
        assert_eq!(parsed.date().unwrap().to_rfc3339(), "2026-11-20T05:00:00Z");
        let names: Vec<_> = parsed
            .attachments()
            .filter_map(|a| a.attachment_name())
            .collect();
        assert_eq!(names, ["daily-2026-11-19.html", "daily-2026-11-19.xlsx"]);
        let files = parsed.attachments();
        for file in files.filter(|file| file.attachment_name().is_some()) {
            assert_eq!(file.contents(), b"<title>Seite</title>");
        }
        let image = parsed
            .parts
            .iter()
            .find(|part| part.content_id() == Some("funnel"))
            .unwrap();
        assert_eq!(image.contents(), [0x89, 0x50]);
    }

    /// The same mail is the same bytes, and another recipient's has another id.
    #[test]
    fn the_same_mail_is_the_same_bytes() {
        assert_eq!(composed("s", "D").message, composed("s", "D").message);
        let id = message_id("daily", date(2026, 11, 19), "a@b.example");
        assert_ne!(id, message_id("daily", date(2026, 11, 19), "c@b.example"));
        assert_eq!(id, message_id("daily", date(2026, 11, 19), "A@B.example"));
    }

    /// A line break in a subject or a name adds no header.
    #[test]
    fn headers_cannot_be_injected() {
        let mail = composed("x\r\nBcc: eve@evil.example", "D\r\nBcc: eve@evil.example");
        let parsed = MessageParser::default().parse(&mail.message).unwrap();
        assert!(parsed.bcc().is_none());
        assert_eq!(parsed.subject(), Some("x Bcc: eve@evil.example"));
        assert_eq!(
            parsed.to().unwrap().first().unwrap().address(),
            Some("dana@acme.example")
        );
    }
}
