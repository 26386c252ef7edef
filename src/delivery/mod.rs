//! Hands mails over, each exactly once, and records what became of it.
//!
//! Guarantees:
//! * A mail is part of the published version (its outbox) before any is sent, with a `Message-ID`
//!   that follows from report, day and recipient alone.
//! * One message has one recipient, so one refusal never costs another recipient their mail.
//! * Whoever creates a message's `sending` record sends it; whoever loses that race does not. The
//!   record is durable before the server is told to take the message.
//! * A `sending` record whose owner is gone, and to which no answer is known, is `unknown`: it is
//!   told, and not sent again by itself.
//! * Trouble with one message, its ledger's included, never keeps another from being sent.
//! * What the server puts off is tried again behind all others, in growing pauses for some minutes,
//!   and then by the next run. Why it waits is kept.

mod backoff;
mod folder;
mod heartbeat;
mod ledger;
mod message;
mod notices;
mod oauth;
mod payload;
mod post;
mod size;
mod smtp;
mod suppressed;
mod tries;

use std::time::{Duration, Instant};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::config;
use crate::fs::{Store, StoreError};
use crate::problem::{Problem, Problems};

use backoff::Backoff;
pub(crate) use heartbeat::{Beat, beat};
pub(crate) use ledger::{Entry, Ledger, State};
pub(crate) use message::{compose, not_ready};
pub(crate) use notices::{Findings, Owner, Trouble, notice, notice_mail, notices};
pub(crate) use payload::{compose_post, post_not_ready};
pub(crate) use size::{fit, shown};
pub(crate) use suppressed::{SUPPRESSED, without_suppressed};
pub(crate) use tries::{Tried, tries};

#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryError {
    #[error("The mail of report `{report}` cannot be built")]
    Build {
        report: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("A secret of the mail server cannot be read\n{0}")]
    Secret(Problem),
    #[error(transparent)]
    Suppressed(Problems),
    #[error("The envelope of message `{id}` cannot be read")]
    Envelope {
        id: String,
        #[source]
        source: serde_json::Error,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One mail to one recipient, or one post to one channel, as it stands in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) envelope: Envelope,
    /// Of a mail headers, an empty line and the body; of a post the JSON that is its body.
    pub(crate) message: Vec<u8>,
}

/// Who gets which message from whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Envelope {
    /// `<as-of>-<report>-<16 hex digits of the recipient's hash>`; also names the files.
    pub(crate) id: String,
    pub(crate) report: String,
    pub(crate) as_of: Date,
    pub(crate) from: String,
    /// An address, or a channel's name.
    pub(crate) to: String,
    /// What is posted to; none: it is a mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<config::ChannelKind>,
    /// Where the archive has the recipient's page; who sees otherwise has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<String>,
}

impl Envelope {
    /// How the name of the message's own file ends, behind the id.
    pub(crate) fn ending(&self) -> &'static str {
        match self.channel {
            None => "eml",
            Some(_) => "post",
        }
    }
}

/// What became of one message in this round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) id: String,
    pub(crate) to: String,
    /// How often it was tried now.
    pub(crate) attempts: u32,
    pub(crate) outcome: Outcome,
    /// Before that the server will not be asked again.
    not_before: Option<Instant>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Handed over now.
    Sent,
    /// Settled earlier; nothing was done.
    Settled,
    /// Another run is handing it over.
    Elsewhere,
    /// Not taken now; the next run tries again, which may be enough.
    Waits(String),
    /// Not taken until somebody mends something; each run tries again.
    Held(String),
    /// Refused for good.
    Refused(String),
    /// It may have arrived or not.
    Unknown(String),
}

/// What a transport says of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Handed {
    Taken,
    Waits(String),
    Held(String),
    Refused(String),
    Unclear(String),
    /// Another sender was first.
    Elsewhere,
}

/// By which way messages go.
#[derive(Clone, Copy)]
enum Way<'a> {
    Mail(&'a config::Transport),
    Post(&'a [config::Channel]),
}

/// The way out, opened once for a round of messages.
enum Carrier<'a> {
    Folder(folder::Folder),
    Smtp(Box<smtp::Mailer>),
    Post(post::Poster<'a>),
}

impl<'a> Carrier<'a> {
    fn open(way: Way<'a>) -> Result<Self, DeliveryError> {
        Ok(match way {
            Way::Mail(config::Transport::Folder(location)) => {
                Self::Folder(folder::Folder::open(location)?)
            }
            Way::Mail(config::Transport::Smtp(smtp)) => {
                Self::Smtp(Box::new(smtp::Mailer::open(smtp)?))
            }
            Way::Post(channels) => Self::Post(post::Poster::new(channels)),
        })
    }

    /// Hands one message over. The claim is taken when the server has accepted the recipient and
    /// before it is told to take the message; an error means that it could not be taken.
    async fn hand_over(
        &mut self,
        mail: &Outgoing,
        claim: &mut Claim<'_>,
    ) -> Result<Handed, StoreError> {
        match self {
            Self::Folder(folder) => folder.hand_over(mail, claim).await,
            Self::Smtp(mailer) => mailer.hand_over(mail, claim).await,
            Self::Post(poster) => poster.hand_over(mail, claim).await,
        }
    }

    /// Whether handing the same message over twice leaves one message.
    fn is_idempotent(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    async fn close(self) {
        if let Self::Smtp(mailer) = self {
            mailer.close().await;
        }
    }
}

/// One message's place in the ledger, and the right to send it once that is taken.
struct Claim<'a> {
    ledger: &'a Ledger,
    id: &'a str,
    /// The number of the newest record that this sender knows.
    last: usize,
    held: bool,
    /// Before that the server asks not to be tried again.
    not_before: Option<Instant>,
}

impl<'a> Claim<'a> {
    fn after(newest: Option<&Entry>, ledger: &'a Ledger, id: &'a str) -> Self {
        Self {
            ledger,
            id,
            last: newest.map_or(0, |entry| entry.number),
            held: false,
            not_before: None,
        }
    }

    /// Creates the `sending` record. False when somebody else was first.
    async fn take(&mut self) -> Result<bool, StoreError> {
        self.held = self.record(State::Sending, "").await?;
        Ok(self.held)
    }

    async fn record(&mut self, state: State, reason: &str) -> Result<bool, StoreError> {
        let created = self.ledger.record(self.id, self.last, state, reason);
        let created = created.await?;
        self.last += 1;
        Ok(created)
    }
}

/// Hands over every message that is not settled, and records each outcome. What the server puts off
/// comes up again behind all others, as long as `keep_trying` lasts.
pub(crate) async fn send(
    store: &Store,
    transport: &config::Transport,
    keep_trying: Duration,
    mails: &[Outgoing],
) -> Result<Vec<Receipt>, DeliveryError> {
    let mails: Vec<&Outgoing> = mails.iter().collect();
    let pauses = Backoff::within(keep_trying);
    send_patiently(store, Way::Mail(transport), pauses, &mails).await
}

/// The same for messages to channels, each of which has a way of its own.
pub(crate) async fn post(
    store: &Store,
    channels: &[config::Channel],
    keep_trying: Duration,
    posts: &[Outgoing],
) -> Result<Vec<Receipt>, DeliveryError> {
    let posts: Vec<&Outgoing> = posts.iter().collect();
    let pauses = Backoff::within(keep_trying);
    send_patiently(store, Way::Post(channels), pauses, &posts).await
}

async fn send_patiently(
    store: &Store,
    way: Way<'_>,
    mut pauses: Backoff,
    mails: &[&Outgoing],
) -> Result<Vec<Receipt>, DeliveryError> {
    let mut receipts = round(store, way, mails).await?;
    loop {
        let late = late(&receipts);
        let Some(pause) = pauses.next().filter(|_| !late.is_empty()) else {
            break;
        };
        tokio::time::sleep(pause).await;
        let late = ready(late, &receipts);
        let again: Vec<&Outgoing> = late
            .iter()
            .filter_map(|at| mails.get(*at).copied())
            .collect();
        let Ok(tried) = round(store, way, &again).await else {
            break;
        };
        for (at, now) in late.into_iter().zip(tried) {
            if let Some(receipt) = receipts.get_mut(at) {
                receipt.attempts += now.attempts;
                receipt.outcome = now.outcome;
                receipt.not_before = now.not_before;
            }
        }
    }
    tries::note(store, &receipts).await;
    Ok(receipts)
}

/// The places of what was put off.
fn late(receipts: &[Receipt]) -> Vec<usize> {
    let places = receipts.iter().enumerate();
    let late = places.filter(|(_, receipt)| matches!(receipt.outcome, Outcome::Waits(_)));
    late.map(|(at, _)| at).collect()
}

/// Of these places those whose server may be asked again by now. The others come up after a later pause.
fn ready(mut late: Vec<usize>, receipts: &[Receipt]) -> Vec<usize> {
    let now = Instant::now();
    let not_before = |at: usize| receipts.get(at).and_then(|receipt| receipt.not_before);
    late.retain(|at| not_before(*at).is_none_or(|begin| begin <= now));
    late
}

/// One attempt at each message, one after the other.
async fn round(
    store: &Store,
    way: Way<'_>,
    mails: &[&Outgoing],
) -> Result<Vec<Receipt>, DeliveryError> {
    let mut receipts = Vec::with_capacity(mails.len());
    // With nothing to send, no password need be there.
    if mails.is_empty() {
        return Ok(receipts);
    }
    let ledger = Ledger::new(store);
    let mut carrier = Carrier::open(way)?;
    for mail in mails {
        let (outcome, not_before) = send_one(&ledger, &mut carrier, mail).await;
        let Envelope { id, to, .. } = mail.envelope.clone();
        receipts.push(Receipt {
            id,
            to,
            attempts: 1,
            outcome,
            not_before,
        });
    }
    carrier.close().await;
    Ok(receipts)
}

/// What became of one message, and before what instant its server will not be asked again.
async fn send_one(
    ledger: &Ledger,
    carrier: &mut Carrier<'_>,
    mail: &Outgoing,
) -> (Outcome, Option<Instant>) {
    let id = mail.envelope.id.as_str();
    let newest = match ledger.newest(id).await {
        Ok(newest) => newest,
        Err(error) => {
            let why = format!("its ledger fails: {}", told(&error));
            return (Outcome::Held(why), None);
        }
    };
    let mut claim = Claim::after(newest.as_ref(), ledger, id);
    let handed = match newest {
        Some(last) if last.state.is_final() => return (Outcome::Settled, None),
        Some(last) if last.state == State::Sending && last.owner_is_alive() => Handed::Elsewhere,
        Some(last) if last.state == State::Sending && !carrier.is_idempotent() => Handed::Unclear(
            "the run that was sending it ended before the server's answer was recorded".to_owned(),
        ),
        _ => match carrier.hand_over(mail, &mut claim).await {
            Ok(handed) => handed,
            Err(error) => Handed::Waits(format!("its ledger fails: {}", told(&error))),
        },
    };
    let outcome = settle(&mut claim, handed).await;
    (outcome, claim.not_before)
}

/// Records what became of a message.
async fn settle(claim: &mut Claim<'_>, handed: Handed) -> Outcome {
    let (state, outcome) = match handed {
        Handed::Taken => (State::Sent, Outcome::Sent),
        Handed::Refused(why) => (State::Refused, Outcome::Refused(why)),
        Handed::Unclear(why) => (State::Unknown, Outcome::Unknown(why)),
        // The right to send is given back.
        Handed::Waits(why) if claim.held => (State::Queued, Outcome::Waits(why)),
        Handed::Held(why) if claim.held => (State::Queued, Outcome::Held(why)),
        // Nothing happened: the message still stands in the outbox.
        Handed::Waits(why) => return Outcome::Waits(why),
        Handed::Held(why) => return Outcome::Held(why),
        Handed::Elsewhere => return Outcome::Elsewhere,
    };
    let reason = match &outcome {
        Outcome::Sent | Outcome::Settled | Outcome::Elsewhere => "",
        Outcome::Waits(why)
        | Outcome::Held(why)
        | Outcome::Refused(why)
        | Outcome::Unknown(why) => why,
    };
    match claim.record(state, reason).await {
        Ok(_) => outcome,
        Err(error) => Outcome::Unknown(format!(
            "that it is {} cannot be recorded: {}",
            state.as_str(),
            told(&error)
        )),
    }
}

/// An error with what lies below it, on one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(source) = below {
        let part = source.to_string();
        if !text.contains(&part) {
            text = format!("{text}: {part}");
        }
        below = source.source();
    }
    plain(&text)
}

/// Words from elsewhere, fit for a log: one line, no control characters, not without end.
fn plain(text: &str) -> String {
    const LONGEST: usize = 500;
    let spaced: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
