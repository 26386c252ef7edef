//! The columns that a stream's kind names, and what is asked of each.

use crate::config::StreamKind;

pub(super) struct Role<'a> {
    /// As the configuration names it.
    pub(super) column: &'a str,
    pub(super) what: &'static str,
    /// Must be a date or a timestamp.
    pub(super) time: bool,
    /// Stays text unless declared: its values are of many columns, or name columns.
    pub(super) text: bool,
    /// No row may lack it.
    pub(super) filled: bool,
}

impl<'a> Role<'a> {
    fn new(column: &'a str, what: &'static str) -> Self {
        Self {
            column,
            what,
            time: false,
            text: false,
            filled: false,
        }
    }

    fn time(self) -> Self {
        Self { time: true, ..self }
    }

    fn text(self) -> Self {
        Self { text: true, ..self }
    }

    fn filled(self) -> Self {
        Self {
            filled: true,
            ..self
        }
    }
}

pub(super) fn roles(kind: &StreamKind) -> Vec<Role<'_>> {
    match kind {
        StreamKind::Snapshot {
            key,
            created,
            modified,
        }
        | StreamKind::Changes {
            key,
            created,
            modified,
            ..
        } => {
            let created = created.iter().map(|c| Role::new(c, "`created`").time());
            let modified = modified.iter().map(|c| Role::new(c, "`modified`").time());
            let key = Role::new(key, "`key`").filled();
            std::iter::once(key)
                .chain(created)
                .chain(modified)
                .collect()
        }
        StreamKind::Events { key, at } => {
            let at = at.iter().map(|c| Role::new(c, "`at`").time());
            let key = Role::new(key, "`key`").filled();
            std::iter::once(key).chain(at).collect()
        }
        StreamKind::FieldHistory {
            key,
            record,
            field,
            old,
            new,
            at,
            ..
        } => vec![
            Role::new(key, "`key`").filled(),
            Role::new(record, "`record`").filled(),
            Role::new(field, "`field`").text().filled(),
            Role::new(old, "`old`").text(),
            Role::new(new, "`new`").text(),
            Role::new(at, "`at`").time().filled(),
        ],
    }
}

/// The kind with every column under the name that `rename` gives it.
pub(super) fn translate(kind: &StreamKind, rename: impl Fn(&str) -> String) -> StreamKind {
    match kind {
        StreamKind::Snapshot {
            key,
            created,
            modified,
        } => StreamKind::Snapshot {
            key: rename(key),
            created: created.as_deref().map(&rename),
            modified: modified.as_deref().map(&rename),
        },
        StreamKind::Changes {
            key,
            created,
            modified,
            deleted,
        } => StreamKind::Changes {
            key: rename(key),
            created: created.as_deref().map(&rename),
            modified: modified.as_deref().map(&rename),
            deleted: deleted.as_deref().map(&rename),
        },
        StreamKind::Events { key, at } => StreamKind::Events {
            key: rename(key),
            at: at.as_deref().map(&rename),
        },
        StreamKind::FieldHistory {
            key,
            of,
            record,
            field,
            old,
            new,
            at,
        } => StreamKind::FieldHistory {
            key: rename(key),
            of: of.clone(),
            record: rename(record),
            field: rename(field),
            old: rename(old),
            new: rename(new),
            at: rename(at),
        },
    }
}
