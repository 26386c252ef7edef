//! The names of a Delta log's files.

use super::FOLDER;

const ENTRY: &str = ".json";
const CHECKPOINT: &str = ".checkpoint.parquet";
const HINT: &str = "_last_checkpoint";

/// A file of a Delta log: the entry or the checkpoint of a version, or what names the newest
/// checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Entry(u64),
    Checkpoint(u64),
    Hint,
}

impl Name {
    /// Where it lies, of a table in this folder.
    pub(super) fn path(self, table: &str) -> String {
        let name = match self {
            Self::Entry(version) => format!("{version:020}{ENTRY}"),
            Self::Checkpoint(version) => format!("{version:020}{CHECKPOINT}"),
            Self::Hint => HINT.to_owned(),
        };
        format!("{table}/{FOLDER}/{name}")
    }

    /// The folder of the table and the name, of a path in a Delta log; no name where it is none of
    /// ours.
    pub(super) fn split(path: &str) -> Option<(&str, Option<Self>)> {
        let (log, name) = path.rsplit_once('/')?;
        let table = log.strip_suffix(FOLDER)?.strip_suffix('/')?;
        Some((table, Self::of(name)))
    }

    fn of(name: &str) -> Option<Self> {
        if name == HINT {
            return Some(Self::Hint);
        }
        if let Some(digits) = name.strip_suffix(CHECKPOINT) {
            return version(digits).map(Self::Checkpoint);
        }
        version(name.strip_suffix(ENTRY)?).map(Self::Entry)
    }
}

fn version(digits: &str) -> Option<u64> {
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    // A path says which table's log it is of and what it is there; other names are told as such.
    #[test]
    fn names_go_there_and_back() {
        for name in [Name::Entry(7), Name::Checkpoint(64), Name::Hint] {
            let path = name.path("derived/metric");
            assert_eq!(Name::split(&path), Some(("derived/metric", Some(name))));
        }
        for name in [
            "1.json",
            "+0000000000000000001.json",
            "00000000000000000001.crc",
        ] {
            let path = format!("tables/x/_delta_log/{name}");
            assert_eq!(Name::split(&path), Some(("tables/x", None)), "{name}");
        }
        assert_eq!(Name::split("tables/x/00000000000000000001.json"), None);
        assert_eq!(
            Name::Checkpoint(32).path("tables/x"),
            "tables/x/_delta_log/00000000000000000032.checkpoint.parquet"
        );
    }
}
