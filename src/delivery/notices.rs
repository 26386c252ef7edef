//! Notices to the job's owner: each trouble is told once, then once a day that it is still so, and at
//! last that it is over. They are `notices/<number>.json`, each created, none overwritten: what was
//! told, and the mail itself, which goes out by the same ledger as all mails. A notice needs no
//! published version, so it can say that there is none.

mod words;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::message::{Plain, plain_mail};
use super::payload::plain_post;
use super::{DeliveryError, Envelope, Ledger, Outgoing, SUPPRESSED, State};
use crate::clock::{self, RunId};
use crate::config::{Recipient, To};
use crate::fs::{Store, StoreError};

const FOLDER: &str = "notices";
/// The report that a notice's envelope names.
pub(super) const NOTICE: &str = "notice";

/// Something that is wrong until a run finds it right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What it is about: the same from run to run.
    pub(crate) key: String,
    pub(crate) what: String,
}

/// What a run found.
pub(crate) struct Findings<'a> {
    pub(crate) as_of: Date,
    /// Today, in the company's zone.
    pub(crate) today: Date,
    pub(crate) troubles: Vec<Trouble>,
    /// Whether the run could tell that the trouble of a key is over.
    pub(crate) judged: &'a (dyn Fn(&str) -> bool + Sync),
    /// What became of the run, in a sentence.
    pub(crate) ended: String,
}

/// From whom notices come and to whom they go.
pub(crate) struct Owner<'a> {
    pub(crate) company: &'a str,
    pub(crate) from: &'a Recipient,
    pub(crate) to: &'a To,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Notice {
    day: Date,
    /// What was wrong then and no run has found right since.
    open: BTreeMap<String, Open>,
    /// The ends of messages that were told by then: `<message>/<number of its record>`.
    told: BTreeSet<String>,
    envelope: Envelope,
    /// The mail, which holds nothing but ASCII, or the post's JSON.
    message: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    /// The as-of date of the run that found it.
    since: Date,
    what: String,
}

/// What a notice would say.
#[derive(Debug, Default, PartialEq, Eq)]
struct News {
    new: Vec<String>,
    still: Vec<Open>,
    over: Vec<Open>,
    open: BTreeMap<String, Open>,
    told: BTreeSet<String>,
}

/// Writes the notice that a run's findings call for, if they do. It is to be sent.
pub(crate) async fn notice(
    store: &Store,
    owner: &Owner<'_>,
    findings: &Findings<'_>,
) -> Result<Option<Outgoing>, DeliveryError> {
    // Another run may write the notice of this number meanwhile; what it told is told.
    loop {
        let (number, last) = newest(store).await?;
        let ends = ends(store, last.as_ref()).await?;
        let news = News::of(last.as_ref(), findings, ends);
        if news.is_empty() {
            return Ok(None);
        }
        let id = format!("{NOTICE}-{:06}", number + 1);
        let mail = mail(owner, findings, &id, &news)?;
        let notice = Notice {
            day: findings.today,
            open: news.open,
            told: news.told,
            envelope: mail.envelope.clone(),
            message: String::from_utf8_lossy(&mail.message).into_owned(),
        };
        let bytes = serde_json::to_vec(&notice).unwrap_or_default();
        match store.create(&path(&id), bytes.into()).await {
            Ok(()) => return Ok(Some(mail)),
            Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The ids of all notices, oldest first.
pub(crate) async fn notices(store: &Store) -> Result<Vec<String>, StoreError> {
    let files = store.list(FOLDER).await?.into_iter();
    let ids = files.filter_map(|file| {
        let name = file.path.strip_prefix(FOLDER)?.strip_prefix('/')?;
        let id = name.strip_suffix(".json")?;
        number(id).map(|_| id.to_owned())
    });
    Ok(ids.collect())
}

/// The mail of a notice.
pub(crate) async fn notice_mail(store: &Store, id: &str) -> Result<Outgoing, DeliveryError> {
    let notice = read(store, id).await?;
    Ok(Outgoing {
        envelope: notice.envelope,
        message: notice.message.into_bytes(),
    })
}

fn path(id: &str) -> String {
    format!("{FOLDER}/{id}.json")
}

fn number(id: &str) -> Option<u64> {
    id.strip_prefix(NOTICE)?.strip_prefix('-')?.parse().ok()
}

async fn read(store: &Store, id: &str) -> Result<Notice, DeliveryError> {
    let bytes = store.get(&path(id)).await?;
    serde_json::from_slice(&bytes).map_err(|source| DeliveryError::Envelope {
        id: id.to_owned(),
        source,
    })
}

async fn newest(store: &Store) -> Result<(u64, Option<Notice>), DeliveryError> {
    let Some(id) = notices(store).await?.pop() else {
        return Ok((0, None));
    };
    Ok((number(&id).unwrap_or(0), Some(read(store, &id).await?)))
}

/// Every message that ended badly, by `<message>/<number>`, with its words where it was not told. A
/// notice itself is not told of in a notice.
async fn ends(
    store: &Store,
    last: Option<&Notice>,
) -> Result<BTreeMap<String, Option<String>>, StoreError> {
    let ledger = Ledger::new(store);
    let mut ends = BTreeMap::new();
    for (message, standing) in ledger.states().await? {
        let what = match standing.state {
            State::Refused => "was refused",
            State::Unknown => "may or may not have arrived",
            State::Queued | State::Sending | State::Sent | State::Superseded => continue,
        };
        let key = format!("{message}/{}", standing.number);
        if number(&message).is_some() {
            continue;
        }
        let is_told = last.is_some_and(|last| last.told.contains(&key));
        let words = if is_told {
            None
        } else {
            let entry = ledger.newest(&message).await?;
            let why = entry.map_or_else(String::new, |entry| entry.reason);
            // That nobody may write to a recipient is as it should be.
            (why != SUPPRESSED).then(|| format!("The mail `{message}` {what}: {why}"))
        };
        ends.insert(key, words);
    }
    Ok(ends)
}

impl News {
    fn of(
        last: Option<&Notice>,
        findings: &Findings<'_>,
        ends: BTreeMap<String, Option<String>>,
    ) -> Self {
        let before = last.map(|last| last.open.clone()).unwrap_or_default();
        let mut news = Self::default();
        for Trouble { key, what } in &findings.troubles {
            let what = words::impersonal(what);
            let since = before.get(key).map(|open| open.since);
            if since.is_none() {
                news.new.push(what.clone());
            }
            let since = since.unwrap_or(findings.as_of);
            news.open.insert(key.clone(), Open { since, what });
        }
        for (key, open) in &before {
            if !news.open.contains_key(key) && (findings.judged)(key) {
                news.over.push(open.clone());
            } else if !news.open.contains_key(key) {
                news.open.insert(key.clone(), open.clone());
            }
        }
        for (key, words) in ends {
            news.new.extend(words.as_deref().map(words::impersonal));
            news.told.insert(key);
        }
        // What is still so is told with the first notice of a day.
        if last.is_some_and(|last| last.day < findings.today) {
            let open = news
                .open
                .iter()
                .filter(|(key, _)| before.contains_key(*key));
            news.still = open.map(|(_, open)| open.clone()).collect();
        }
        news
    }

    fn is_empty(&self) -> bool {
        self.new.is_empty() && self.still.is_empty() && self.over.is_empty()
    }
}

fn mail(
    owner: &Owner<'_>,
    findings: &Findings<'_>,
    id: &str,
    news: &News,
) -> Result<Outgoing, DeliveryError> {
    // Numbers begin at one in every warehouse; the Message-ID is its own everywhere.
    let message_id = format!("{}.{id}", RunId::new(findings.today));
    let (subject, text) = (
        words::subject(owner.company, findings, news),
        words::text(findings, news),
    );
    let mut envelope = Envelope {
        id: id.to_owned(),
        report: NOTICE.to_owned(),
        as_of: findings.as_of,
        from: owner.from.address.clone(),
        to: owner.to.address().to_owned(),
        channel: None,
        page: None,
    };
    match owner.to {
        To::Channel(channel) => {
            envelope.channel = Some(channel.kind);
            plain_post(envelope, channel.kind, &message_id, [&subject, &text])
        }
        To::Person(to) => plain_mail(&Plain {
            envelope,
            message_id: &message_id,
            from: owner.from,
            to,
            subject: &subject,
            text: &text,
            dated: clock::now(),
        }),
    }
}

#[cfg(test)]
mod tests;
