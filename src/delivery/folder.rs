//! Mails as `.eml` files in a folder: what a deployment starts with, and what a preview is.

use super::{Claim, Handed, Outgoing};
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

    /// Writes `<message>.eml`. That it is there already means that an earlier attempt got this far.
    pub(super) async fn hand_over(
        &self,
        mail: &Outgoing,
        claim: Claim<'_>,
    ) -> Result<Option<Handed>, StoreError> {
        if !claim.take().await? {
            return Ok(None);
        }
        let path = format!("{}.eml", mail.envelope.id);
        match self.store.create(&path, mail.message.clone().into()).await {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => Ok(Some(Handed::Taken)),
            Err(error) => Ok(Some(Handed::Waits(error.to_string()))),
        }
    }
}
