//! One writer at a time, on local disk. Two writers would do no harm, since a commit is one create
//! that only one of them wins; the lock spares the loser its work.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use crate::clock::RunId;
use crate::fs::StoreError;
use crate::warehouse::error::WarehouseError;

const NAME: &str = "writer.lock";

/// Held until dropped, and gone with the process.
#[derive(Debug)]
pub(in crate::warehouse) struct Lock {
    /// Closing it lets the lock go.
    _file: File,
}

/// Takes the lock of the warehouse in `folder`; none where the file system has no locks.
pub(in crate::warehouse) fn take(
    folder: &Path,
    run_id: &RunId,
) -> Result<Option<Lock>, WarehouseError> {
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
    let holder = format!(
        "run `{run_id}`, process {} on {}",
        std::process::id(),
        host()
    );
    file.set_len(0)
        .and_then(|()| file.write_all(holder.as_bytes()))
        .map_err(failed)?;
    Ok(Some(Lock { _file: file }))
}

fn host() -> String {
    hostname::get().map_or_else(
        |_| "this machine".to_owned(),
        |name| format!("`{}`", name.to_string_lossy()),
    )
}
