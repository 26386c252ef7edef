//! Messages as they are stored: in the outbox of a version, or as a notice to the owner.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::summary::{OF_MAIL, RunSummary};
use super::{PipelineError, Version, Warehouse};
use crate::delivery::{self, DeliveryError, Envelope, Ledger, Outgoing};
use crate::warehouse::FileKind;

/// One message and where it lies.
pub(super) struct Stored {
    pub(super) id: String,
    /// The as-of date with which its id begins.
    pub(super) day: Option<Date>,
    place: Place,
}

enum Place {
    /// The path of its two files, without their endings.
    Outbox(String),
    Notice,
}

/// Every message of a version's outbox, whichever night queued it, by day; and the notices.
pub(super) async fn all(
    warehouse: &Warehouse,
    version: &Version,
) -> Result<Vec<Stored>, PipelineError> {
    let files = version.files_of(FileKind::Outbox);
    let stems = files.filter_map(|file| file.path.strip_suffix(".json"));
    let mut stored: Vec<Stored> = stems.map(Stored::at).collect();
    stored.sort_by(|left, right| left.id.cmp(&right.id));
    let notices = delivery::notices(warehouse.store()).await?;
    stored.extend(notices.into_iter().map(|id| Stored {
        id,
        day: None,
        place: Place::Notice,
    }));
    Ok(stored)
}

/// The mails of which something is left to do. Of several days of one report to one recipient, as after
/// an outage, only the last goes out: the ledger and the summary say so of the others.
pub(super) async fn due(
    warehouse: &Warehouse,
    version: &Version,
    summary: &mut RunSummary,
) -> Result<Vec<Outgoing>, PipelineError> {
    let ledger = Ledger::new(warehouse.store());
    let settled = ledger.settled().await?;
    let mut mails = Vec::new();
    for stored in all(warehouse, version).await? {
        if !settled.contains(&stored.id) {
            mails.push((stored.day.is_some(), stored.read(warehouse).await?));
        }
    }
    let mut newest: BTreeMap<(String, String), Date> = BTreeMap::new();
    for (_, Outgoing { envelope, .. }) in mails.iter().filter(|(is_report, _)| *is_report) {
        let day = newest.entry(whose(envelope)).or_insert(envelope.as_of);
        *day = envelope.as_of.max(*day);
    }
    let mut due = Vec::new();
    for (is_report, mail) in mails {
        let envelope = &mail.envelope;
        let last = newest.get(&whose(envelope)).filter(|_| is_report);
        let later = last.filter(|last| **last > envelope.as_of);
        let why = later.map(|later| format!("that of {later} goes out in its place"));
        match why {
            Some(why) if ledger.supersede(&envelope.id, &why).await? => {
                summary
                    .notes
                    .push(format!("{OF_MAIL} `{}` is not sent: {why}", envelope.id));
            }
            _ => due.push(mail),
        }
    }
    Ok(due)
}

/// A report and its recipient.
fn whose(envelope: &Envelope) -> (String, String) {
    (envelope.report.clone(), envelope.to.to_ascii_lowercase())
}

impl Stored {
    fn at(stem: &str) -> Self {
        let id = stem.rsplit('/').next().unwrap_or(stem);
        Self {
            id: id.to_owned(),
            day: id.get(..10).and_then(|day| day.parse().ok()),
            place: Place::Outbox(stem.to_owned()),
        }
    }

    /// From whom it comes and to whom it goes.
    pub(super) async fn envelope(&self, warehouse: &Warehouse) -> Result<Envelope, PipelineError> {
        let Place::Outbox(stem) = &self.place else {
            return Ok(self.read(warehouse).await?.envelope);
        };
        envelope(warehouse, stem, &self.id).await
    }

    /// The whole mail.
    pub(super) async fn read(&self, warehouse: &Warehouse) -> Result<Outgoing, PipelineError> {
        let Place::Outbox(stem) = &self.place else {
            return Ok(delivery::notice_mail(warehouse.store(), &self.id).await?);
        };
        let envelope = envelope(warehouse, stem, &self.id).await?;
        let file = format!("{stem}.{}", envelope.ending());
        let message = warehouse.store().get(&file).await?;
        Ok(Outgoing {
            envelope,
            message: message.to_vec(),
        })
    }
}

async fn envelope(warehouse: &Warehouse, stem: &str, id: &str) -> Result<Envelope, PipelineError> {
    let bytes = warehouse.store().get(&format!("{stem}.json")).await?;
    let read = serde_json::from_slice(&bytes).map_err(|source| DeliveryError::Envelope {
        id: id.to_owned(),
        source,
    });
    Ok(read?)
}
