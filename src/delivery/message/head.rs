//! The headers with which every mail begins: from whom, to whom, and of which series it is.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MessageBuilder};

use super::{AnyError, digest};
use crate::config::Recipient;

pub(super) struct Head<'a> {
    pub(super) report: &'a str,
    /// Without its domain.
    pub(super) message_id: &'a str,
    pub(super) from: &'a Recipient,
    pub(super) to: &'a Recipient,
    pub(super) subject: &'a str,
    pub(super) dated: Timestamp,
}

impl Head<'_> {
    /// All of one report to one recipient answer one message that never was, so that mail programs show
    /// them as one conversation.
    pub(super) fn begin(&self) -> Result<MessageBuilder, AnyError> {
        let sender = &self.from.address;
        let domain = sender.rsplit('@').next().unwrap_or("localhost");
        let series = format!("<{}@{domain}>", series(self.report, &self.to.address));
        let list = format!("<{}.leadgauge.{domain}>", self.report);
        let leave = format!(
            "<mailto:{}?subject={}>",
            escaped(sender),
            escaped(&format!("unsubscribe {}", self.report))
        );
        Ok(Message::builder()
            .from(mailbox(self.from)?)
            .to(mailbox(self.to)?)
            .subject(one_line(self.subject))
            .message_id(Some(format!("<{}@{domain}>", self.message_id)))
            .in_reply_to(series.clone())
            .references(series)
            .date(system_time(self.dated))
            .raw_header(raw("Auto-Submitted", "auto-generated"))
            .raw_header(raw("List-Id", &list))
            .raw_header(raw("List-Unsubscribe", &leave)))
    }
}

/// The same for the same report and recipient, on every day.
fn series(report: &str, address: &str) -> String {
    let of = format!("{report}\n{}", address.to_lowercase());
    format!("{report}-{}", digest(&of, 16))
}

fn mailbox(recipient: &Recipient) -> Result<Mailbox, AnyError> {
    let address: Address = recipient.address.parse()?;
    Ok(Mailbox::new(
        recipient.name.as_deref().map(one_line),
        address,
    ))
}

/// Text for a header: nothing in it ends a line or turns the reading direction, and nothing is what a
/// reader would decode into something else (RFC 2047). Cut, for a long word would not fit into a line.
pub(super) fn one_line(text: &str) -> String {
    const LONGEST: usize = 300;
    let spaced: String = text
        .chars()
        .map(|c| if c.is_control() || turns(c) { ' ' } else { c })
        .collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let line: String = words.join(" ").chars().take(LONGEST).collect();
    line.trim_end().replace("=?", "= ?")
}

/// Whether a character turns the reading direction.
pub(in crate::delivery) fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), one_line(value))
}

/// Text as a URL may hold it; an `@` is left, as addresses are written there.
fn escaped(text: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' | b'@' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escaped).collect()
}

fn system_time(instant: Timestamp) -> SystemTime {
    let seconds = u64::try_from(instant.as_second()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}
