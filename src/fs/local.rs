//! Writing on local disk: whole or not at all, synced, never over a file that is there.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Writes beside the target, syncs, links to the target's name (which fails if it exists) and syncs
/// the folder. A crash leaves at most a `name#n` that listings hide.
pub(super) fn create(target: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut staged = Staged::new(target)?;
    staged.write(bytes)?;
    staged.finish()
}

/// The same over the file that is there: whoever reads it finds the one or the other whole.
pub(super) fn replace(target: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut staged = Staged::new(target)?;
    staged.write(bytes)?;
    staged.file.sync_all()?;
    std::fs::rename(&staged.staged, target)?;
    File::open(folder_of(target))?.sync_all()
}

/// A file on its way to its name. Dropped before it is finished, it is gone.
#[derive(Debug)]
pub(super) struct Staged {
    file: File,
    staged: PathBuf,
    target: PathBuf,
}

impl Staged {
    #[expect(
        clippy::disallowed_methods,
        reason = "this module is the one that writes"
    )]
    pub(super) fn new(target: &Path) -> std::io::Result<Self> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        create_folders_synced(folder_of(target))?;
        let serial = COUNTER.fetch_add(1, Ordering::Relaxed);
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!("#{}{serial}", std::process::id()));
        let staged = folder_of(target).join(name);
        Ok(Self {
            file: File::create(&staged)?,
            staged,
            target: target.to_owned(),
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Makes the file durable and gives it its name.
    pub(super) fn finish(self) -> std::io::Result<()> {
        self.file.sync_all()?;
        std::fs::hard_link(&self.staged, &self.target)?;
        File::open(folder_of(&self.target))?.sync_all()
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // A staged file that stays is litter that listings hide; it says nothing of the target.
        std::fs::remove_file(&self.staged).ok();
    }
}

fn folder_of(target: &Path) -> &Path {
    target.parent().unwrap_or(Path::new("."))
}

fn create_folders_synced(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        create_folders_synced(parent)?;
        match std::fs::create_dir(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
            _ => File::open(parent)?.sync_all()?,
        }
    }
    Ok(())
}
