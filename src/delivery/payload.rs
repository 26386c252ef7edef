//! What is posted to a channel, made of the same report as its mail. The same report, day and channel
//! give the same bytes.
//!
//! A webhook gets one JSON object:
//!
//! | key | value |
//! |---|---|
//! | `report` | its name |
//! | `as_of` | the day, `YYYY-MM-DD` |
//! | `message` | the message's id, the same however often it is posted |
//! | `subject`, `text` | what the mail's subject and plain-text part say |
//! | `page` | where the report's page is; null without `archive_url` |
//! | `figures` | what it tells, with the columns of `published_metric` from `measure` to `value` |

#[cfg(test)]
mod hostile;
mod slack;

use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::message::{message_id, not_ready_words};
use super::{DeliveryError, Envelope, Outgoing};
use crate::config::{Channel, ChannelKind, Recipient};
use crate::report::Rendered;

#[derive(Serialize)]
struct Post<'a> {
    report: &'a str,
    as_of: Date,
    message: &'a str,
    subject: &'a str,
    text: &'a str,
    page: Option<&'a str>,
    figures: Value,
}

/// The post that tells a channel of `rendered`. `page` is where its readers find the whole of it.
///
/// # Errors
///
/// When a figure cannot be written as JSON.
pub(crate) fn compose_post(
    rendered: &Rendered,
    to: &Channel,
    from: &Recipient,
    as_of: Date,
    page: Option<&Url>,
) -> Result<Outgoing, DeliveryError> {
    let id = message_id(&rendered.report, as_of, &to.name);
    let figures = serde_json::to_value(&rendered.told);
    let post = Post {
        report: &rendered.report,
        as_of,
        message: &id,
        subject: &rendered.subject,
        text: &rendered.mail_text,
        page: page.map(Url::as_str),
        figures: figures.map_err(|source| failed(&rendered.report, source))?,
    };
    let message = post.body(to.kind)?;
    let envelope = envelope(&id, &rendered.report, as_of, to, from);
    Ok(Outgoing { envelope, message })
}

/// The post in the place of a report whose data did not come in time.
pub(crate) fn post_not_ready(
    report: &str,
    missing: &[String],
    to: &Channel,
    from: &Recipient,
    as_of: Date,
) -> Result<Outgoing, DeliveryError> {
    let id = message_id(report, as_of, &to.name);
    let (subject, text) = not_ready_words(report, missing, as_of);
    let envelope = envelope(&id, report, as_of, to, from);
    plain_post(envelope, to.kind, &id, [&subject, &text])
}

/// A post of a subject and a text alone. `message_id` is what a webhook is told as the message's id.
pub(super) fn plain_post(
    envelope: Envelope,
    kind: ChannelKind,
    message_id: &str,
    [subject, text]: [&str; 2],
) -> Result<Outgoing, DeliveryError> {
    let post = Post {
        report: &envelope.report,
        as_of: envelope.as_of,
        message: message_id,
        subject,
        text,
        page: None,
        figures: Value::Array(Vec::new()),
    };
    let message = post.body(kind)?;
    Ok(Outgoing { envelope, message })
}

fn envelope(id: &str, report: &str, as_of: Date, to: &Channel, from: &Recipient) -> Envelope {
    Envelope {
        id: id.to_owned(),
        report: report.to_owned(),
        as_of,
        from: from.address.clone(),
        to: to.name.clone(),
        channel: Some(to.kind),
        page: None,
    }
}

impl Post<'_> {
    fn body(&self, kind: ChannelKind) -> Result<Vec<u8>, DeliveryError> {
        let body = match kind {
            ChannelKind::Slack => serde_json::to_vec(&slack::payload(self)),
            ChannelKind::Webhook => serde_json::to_vec(self),
        };
        body.map_err(|source| failed(self.report, source))
    }
}

fn failed(report: &str, source: serde_json::Error) -> DeliveryError {
    DeliveryError::Build {
        report: report.to_owned(),
        source: source.into(),
    }
}
