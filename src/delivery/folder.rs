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

    /// Writes `<message>.eml`. That it is there already means that an earlier attempt got this far.
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
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => Ok(Handed::Taken),
            Err(error) => Ok(Handed::Waits(told(&error))),
        }
    }
}
