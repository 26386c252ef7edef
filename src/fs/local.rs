//! Writing on local disk: whole or not at all, synced, never over a file that is there.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// Writes beside the target, syncs, links to the target's name (which fails if it exists) and syncs
/// the folder. A crash leaves at most a `name#n` that listings hide.
pub(super) fn create(target: &Path, bytes: &[u8]) -> std::io::Result<()> {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let folder = target.parent().unwrap_or(Path::new("."));
    create_folders_synced(folder)?;
    let serial = COUNTER.fetch_add(1, Ordering::Relaxed);
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!("#{}{serial}", std::process::id()));
    let staged = folder.join(name);
    let linked = write_synced(&staged, bytes).and_then(|()| std::fs::hard_link(&staged, target));
    // A staged file that stays is litter that listings hide; it says nothing of the target.
    std::fs::remove_file(&staged).ok();
    linked.and_then(|()| File::open(folder)?.sync_all())
}

#[expect(
    clippy::disallowed_methods,
    reason = "this module is the one that writes"
)]
fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
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
