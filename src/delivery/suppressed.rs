//! Mails to whom nobody may write: settled before any is sent.

use super::{DeliveryError, Ledger, Outgoing, State};
use crate::config::Suppressed;
use crate::fs::Store;

/// Why such a mail is refused.
pub(crate) const SUPPRESSED: &str = "suppressed";

/// Records the mails to suppressed addresses as refused. Gives the others, and the ids of those that it
/// settled. One that another run is handing over is left to it and to `send`.
pub(crate) async fn without_suppressed(
    store: &Store,
    list: &Suppressed,
    mails: Vec<Outgoing>,
) -> Result<(Vec<Outgoing>, Vec<String>), DeliveryError> {
    let ledger = Ledger::new(store);
    let (mut rest, mut settled) = (Vec::new(), Vec::new());
    for mail in mails {
        if !list.has(&mail.envelope.to) {
            rest.push(mail);
            continue;
        }
        let id = mail.envelope.id.clone();
        let newest = ledger.newest(&id).await?;
        let number = newest.as_ref().map_or(0, |entry| entry.number);
        match newest.map_or(State::Queued, |entry| entry.state) {
            State::Sending => rest.push(mail),
            State::Queued => {
                let refused = ledger.record(&id, number, State::Refused, SUPPRESSED);
                if refused.await? {
                    settled.push(id);
                }
            }
            State::Superseded | State::Sent | State::Refused | State::Unknown => {}
        }
    }
    Ok((rest, settled))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::delivery::Envelope;
    use crate::fs::{self, Location};

    fn mail(id: &str, to: &str) -> Outgoing {
        Outgoing {
            envelope: Envelope {
                id: id.to_owned(),
                report: "daily".to_owned(),
                as_of: date(2026, 11, 19),
                from: "leadgauge@acme.example".to_owned(),
                to: to.to_owned(),
                channel: None,
                page: None,
            },
            message: Vec::new(),
        }
    }

    /// Who is on the list is refused once, with the reason; others stay, and so does what is being
    /// handed over or was settled.
    #[tokio::test]
    async fn the_suppressed_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Location::folder(folder.path()).unwrap()).unwrap();
        let file = folder.path().join("suppress.txt");
        fs::write(&file, b"ann@acme.example").unwrap();
        let list = Suppressed::read(&file).unwrap();
        let ledger = Ledger::new(&store);
        for (id, state) in [
            ("going", State::Sending),
            ("gone", State::Sent),
            ("late", State::Queued),
        ] {
            assert!(ledger.record(id, 0, state, "").await.unwrap());
        }
        let ids = ["new", "late", "going", "gone"];
        let mut mails: Vec<_> = ids.iter().map(|id| mail(id, "Ann@acme.example")).collect();
        mails.push(mail("other", "bob@acme.example"));
        let (rest, settled) = without_suppressed(&store, &list, mails.clone())
            .await
            .unwrap();
        let rest: Vec<_> = rest.iter().map(|mail| mail.envelope.id.as_str()).collect();
        assert_eq!(
            (rest, settled),
            (
                vec!["going", "other"],
                vec!["new".to_owned(), "late".to_owned()]
            )
        );
        let (_, again) = without_suppressed(&store, &list, mails).await.unwrap();
        assert_eq!(again, [""; 0]);
        let late = ledger.newest("late").await.unwrap().unwrap();
        assert_eq!(
            (late.number, late.state, late.reason.as_str()),
            (2, State::Refused, "suppressed")
        );
    }
}
