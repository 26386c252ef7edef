//! Hands mails over, each exactly once, and records what became of it.
//!
//! Guarantees:
//! * A mail is part of the published version (its outbox) before any is sent, with a `Message-ID`
//!   that follows from report, day and recipient alone.
//! * One message has one recipient, so one refusal never costs another recipient their mail.
//! * Whoever creates a message's `sending` record sends it; whoever loses that race does not. The
//!   record is durable before the server is told to take the message.
//! * A `sending` record whose owner is gone, and to which no answer is known, is `unknown`: it is
//!   told to the job's owner and not sent again by itself.

mod folder;
mod ledger;
mod message;
mod smtp;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::config;
use crate::fs::{Store, StoreError};
use crate::problem::Problem;

pub(crate) use ledger::Ledger;
use ledger::State;
pub(crate) use message::compose;

#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryError {
    #[error("The mail of report `{report}` cannot be built")]
    Build {
        report: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("The mail server's password cannot be read\n{0}")]
    Secret(Problem),
    #[error("The envelope of message `{id}` cannot be read")]
    Envelope {
        id: String,
        #[source]
        source: serde_json::Error,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One mail to one recipient, as it stands in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) envelope: Envelope,
    /// The whole message: headers, an empty line, the body.
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
    pub(crate) to: String,
}

/// What became of one message in this round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) id: String,
    pub(crate) to: String,
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Handed over now.
    Sent,
    /// Settled earlier; nothing was done.
    Settled,
    /// Another run is handing it over.
    Elsewhere,
    /// Not taken now; the next run tries again.
    Waits(String),
    /// Refused for good.
    Refused(String),
    /// It may have arrived or not.
    Unknown(String),
}

/// What a transport says of one attempt.
enum Handed {
    Taken,
    Waits(String),
    Refused(String),
    Unclear(String),
}

/// The way out, opened once for a round of messages.
enum Carrier {
    Folder(folder::Folder),
    Smtp(smtp::Mailer),
}

impl Carrier {
    fn open(transport: &config::Transport) -> Result<Self, DeliveryError> {
        match transport {
            config::Transport::Folder(location) => {
                Ok(Self::Folder(folder::Folder::open(location)?))
            }
            config::Transport::Smtp(smtp) => Ok(Self::Smtp(smtp::Mailer::open(smtp)?)),
        }
    }

    /// Hands one message over. `claim` makes the `sending` record; it is called when the server has
    /// accepted the recipient and before it is told to take the message.
    async fn hand_over(
        &mut self,
        mail: &Outgoing,
        claim: Claim<'_>,
    ) -> Result<Option<Handed>, StoreError> {
        match self {
            Self::Folder(folder) => folder.hand_over(mail, claim).await,
            Self::Smtp(mailer) => mailer.hand_over(mail, claim).await,
        }
    }

    /// Whether handing the same message over twice leaves one message.
    fn is_idempotent(&self) -> bool {
        matches!(self, Self::Folder(_))
    }
}

/// The right to send one message, taken by creating its next `sending` record.
struct Claim<'a> {
    ledger: &'a Ledger,
    id: &'a str,
    after: usize,
}

impl Claim<'_> {
    /// False when somebody else was first.
    async fn take(self) -> Result<bool, StoreError> {
        self.ledger.claim(self.id, self.after).await
    }
}

/// Hands over every message that is not settled, one after the other, and records each outcome.
pub(crate) async fn send(
    store: &Store,
    transport: &config::Transport,
    mails: &[Outgoing],
) -> Result<Vec<Receipt>, DeliveryError> {
    let ledger = Ledger::new(store);
    let mut carrier = Carrier::open(transport)?;
    let mut receipts = Vec::with_capacity(mails.len());
    for mail in mails {
        let outcome = send_one(&ledger, &mut carrier, mail).await?;
        let Envelope { id, to, .. } = mail.envelope.clone();
        receipts.push(Receipt { id, to, outcome });
    }
    Ok(receipts)
}

async fn send_one(
    ledger: &Ledger,
    carrier: &mut Carrier,
    mail: &Outgoing,
) -> Result<Outcome, DeliveryError> {
    let id = mail.envelope.id.as_str();
    let entries = ledger.entries(id).await?;
    let after = entries.last().map_or(0, |entry| entry.number);
    match entries.last() {
        None => {}
        Some(last) => match last.state {
            State::Sent | State::Refused | State::Unknown => return Ok(Outcome::Settled),
            State::Queued => {}
            State::Sending if last.owner_is_alive() => return Ok(Outcome::Elsewhere),
            State::Sending if carrier.is_idempotent() => {}
            State::Sending => {
                let why =
                    "the run that was sending it ended before the server's answer was recorded";
                ledger.record(id, after, State::Unknown, why).await?;
                return Ok(Outcome::Unknown(why.to_owned()));
            }
        },
    }
    let claim = Claim { ledger, id, after };
    let Some(handed) = carrier.hand_over(mail, claim).await? else {
        return Ok(Outcome::Elsewhere);
    };
    settle(ledger, id, handed).await
}

/// Records what the transport said.
async fn settle(ledger: &Ledger, id: &str, handed: Handed) -> Result<Outcome, DeliveryError> {
    let entries = ledger.entries(id).await?;
    let claimed = entries
        .last()
        .is_some_and(|entry| entry.state == State::Sending);
    let after = entries.last().map_or(0, |entry| entry.number);
    let outcome = match handed {
        Handed::Taken => {
            ledger.record(id, after, State::Sent, "").await?;
            Outcome::Sent
        }
        Handed::Refused(why) => {
            ledger.record(id, after, State::Refused, &why).await?;
            Outcome::Refused(why)
        }
        Handed::Unclear(why) => {
            ledger.record(id, after, State::Unknown, &why).await?;
            Outcome::Unknown(why)
        }
        Handed::Waits(why) => {
            // Before the claim nothing is recorded: the message simply still stands in the outbox.
            if claimed {
                ledger.record(id, after, State::Queued, &why).await?;
            }
            Outcome::Waits(why)
        }
    };
    Ok(outcome)
}
