//! Mails as `.eml` files in a folder: what a deployment starts with, and what a preview is.

use super::{Claim, Handed, Outgoing, told};
use crate::fs::{Location, Store, StoreError};

pub(super) struct Folder {
    store: Store,
}

impl Folder {
    pub(super) fn open(location: &Location) -> Result<Self, StoreError> {
        Ok(Self {
            store: Store::open(location)?,
        })
    }

    /// Writes `<message>.eml`. That the same mail is there already means that an earlier attempt got
    /// this far; another mail of that name is none of ours to replace, nor this one's delivery.
    pub(super) async fn hand_over(
        &self,
        mail: &Outgoing,
        claim: &mut Claim<'_>,
    ) -> Result<Handed, StoreError> {
        if !claim.take().await? {
            return Ok(Handed::Elsewhere);
        }
        let path = format!("{}.eml", mail.envelope.id);
        match self.store.create(&path, mail.message.clone().into()).await {
            Ok(()) => Ok(Handed::Taken),
            Err(StoreError::AlreadyExists { .. }) => Ok(self.compare(&path, mail).await),
            Err(error) => Ok(Handed::Waits(told(&error))),
        }
    }

    async fn compare(&self, path: &str, mail: &Outgoing) -> Handed {
        match self.store.get(path).await {
            Ok(there) if there == mail.message => Handed::Taken,
            Ok(_) => Handed::Held(format!("another mail is at `{}`", self.store.shown(path))),
            Err(error) => Handed::Waits(told(&error)),
        }
    }
}
