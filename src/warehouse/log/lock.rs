//! One writer at a time: a file lock on local disk, a lease in an object store. Two writers would do
//! no harm, since a commit is one create that only one of them wins; the lock spares the loser its work.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use super::lease::{self, Lease, Terms};
use crate::clock::RunId;
use crate::fs::{Store, StoreError};
use crate::warehouse::error::WarehouseError;

const NAME: &str = "writer.lock";

/// Held until released or dropped.
#[derive(Debug)]
pub(in crate::warehouse) enum Lock {
    /// Closing the file lets the lock go, and so does the end of the process.
    File(File),
    Lease(Lease),
}

impl Lock {
    /// Lets it go, and has the store know before it returns.
    pub(in crate::warehouse) async fn release(self) {
        match self {
            Self::File(file) => drop(file),
            Self::Lease(lease) => lease.release().await,
        }
    }
}

/// Takes the lock of a warehouse; none where the file system has no locks.
pub(in crate::warehouse) async fn take(
    store: &Store,
    run_id: &RunId,
) -> Result<Option<Lock>, WarehouseError> {
    match store.folder() {
        Some(folder) => Ok(in_folder(folder, run_id)?.map(Lock::File)),
        None => {
            let lease = lease::take(store, run_id, Terms::USUAL).await?;
            Ok(Some(Lock::Lease(lease)))
        }
    }
}

fn in_folder(folder: &Path, run_id: &RunId) -> Result<Option<File>, WarehouseError> {
    let path = folder.join(NAME);
    let failed = |source: std::io::Error| StoreError::Io {
        path: path.display().to_string(),
        source: source.into(),
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut options = File::options();
    let options = options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Who holds it is a courtesy: that someone does is what matters.
            file.read_to_string(&mut holder).ok();
            return Err(WarehouseError::Locked { holder });
        }
        Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
            return Ok(None);
        }
        Err(TryLockError::Error(error)) => return Err(failed(error).into()),
    }
    let holder = holder(run_id, std::process::id(), &host());
    file.set_len(0)
        .and_then(|()| file.write_all(holder.as_bytes()))
        .map_err(failed)?;
    Ok(Some(file))
}

/// Who writes, in the words of the error that turns another away.
pub(super) fn holder(run_id: &RunId, process: u32, host: &str) -> String {
    format!("run `{run_id}`, process {process} on {host}")
}

/// This machine, in the same words.
pub(super) fn host() -> String {
    hostname::get().map_or_else(
        |_| "this machine".to_owned(),
        |name| format!("`{}`", name.to_string_lossy()),
    )
}
