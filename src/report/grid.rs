//! Tables, and reports that are made of them: a first sentence, four numbers, what needs someone,
//! charts and tables. One partial a form writes them all.

use std::borrow::Cow;

use jiff::civil::Date;
use serde::Serialize;

use super::view::{Cell, Drawing, Fault, Figure, Key, Signing, Wait};
use super::{Prepared, words};
use crate::metrics::MetricSet;

/// Tables of a mail end after so many rows, and say how many more there are.
const MOST: usize = 40;

/// A table: a name and some cells a row.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Grid {
    /// Of the section, unique in the page.
    pub(super) id: String,
    pub(super) title: String,
    pub(super) say: String,
    pub(super) heads: Vec<Head>,
    pub(super) rows: Vec<GridRow>,
    /// How many rows are left out, and in words, empty where none is.
    pub(super) left_out: i64,
    pub(super) more: String,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Head {
    pub(super) name: Cow<'static, str>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct GridRow {
    pub(super) name: String,
    /// What stands beside the name in small; empty where nothing does.
    pub(super) small: String,
    pub(super) cells: Vec<GridCell>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct GridCell {
    pub(super) head: Cow<'static, str>,
    #[serde(flatten)]
    pub(super) cell: Cell,
}

/// A chart with its heading.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Panel {
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) say: String,
    pub(super) figure: Figure,
}

/// What the templates of such a report see.
#[derive(Debug, Serialize)]
pub(super) struct Sheet {
    pub(super) title: &'static str,
    pub(super) company: String,
    pub(super) as_of: Date,
    pub(super) zone: String,
    #[serde(flatten)]
    pub(super) signing: Signing,
    pub(super) subject: String,
    pub(super) lede: String,
    pub(super) says: Vec<Say>,
    pub(super) faults: Vec<Fault>,
    /// What the faults do to the figures.
    pub(super) consequence: &'static str,
    pub(super) keys: Vec<Key>,
    pub(super) todo_title: &'static str,
    pub(super) todo: Vec<Wait>,
    pub(super) panels: Vec<Panel>,
    pub(super) grids: Vec<Grid>,
    /// What stands at the foot besides the definition; empty where nothing does.
    pub(super) foot: String,
}

/// A sentence below the first.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Say {
    pub(super) say: String,
}

impl Grid {
    /// `heads` are those of the name and of every cell; a row has one cell less.
    pub(super) fn new(
        id: impl Into<String>,
        title: impl Into<String>,
        say: impl Into<String>,
        heads: &[&'static str],
        rows: impl IntoIterator<Item = (String, String, Vec<Cell>)>,
    ) -> Self {
        let heads = heads.iter().map(|head| Cow::Borrowed(*head)).collect();
        Self::under(heads, id, title, say, rows)
    }

    /// The same under heads that are not known beforehand.
    pub(super) fn under(
        heads: Vec<Cow<'static, str>>,
        id: impl Into<String>,
        title: impl Into<String>,
        say: impl Into<String>,
        rows: impl IntoIterator<Item = (String, String, Vec<Cell>)>,
    ) -> Self {
        let mut rows = rows.into_iter();
        let row = |(name, small, cells): (String, String, Vec<Cell>)| GridRow {
            name,
            small,
            cells: heads.iter().skip(1).zip(cells).map(named).collect(),
        };
        let shown = rows.by_ref().take(MOST).map(row).collect();
        let left_out = i64::try_from(rows.count()).unwrap_or(i64::MAX);
        Self {
            id: id.into(),
            title: title.into(),
            say: say.into(),
            heads: heads.into_iter().map(|name| Head { name }).collect(),
            rows: shown,
            left_out,
            more: words::more(left_out),
        }
    }
}

fn named((head, cell): (&Cow<'static, str>, Cell)) -> GridCell {
    GridCell {
        head: head.clone(),
        cell,
    }
}

impl Sheet {
    /// Only its head; what it says follows.
    pub(super) fn new(title: &'static str, set: &MetricSet) -> Self {
        Self {
            title,
            company: words::clean(&set.company),
            as_of: set.as_of,
            zone: set.zone.clone(),
            signing: Signing::of(set),
            subject: String::new(),
            lede: String::new(),
            says: Vec::new(),
            faults: Vec::new(),
            consequence: "What depends on it is as of its last good day.",
            keys: Vec::new(),
            todo_title: "What needs someone",
            todo: Vec::new(),
            panels: Vec::new(),
            grids: Vec::new(),
            foot: String::new(),
        }
    }

    pub(super) fn say(&mut self, say: impl Into<String>) {
        self.says.push(Say { say: say.into() });
    }

    /// Tables without a row are left out.
    pub(super) fn prepared(mut self, drawings: Vec<Drawing>) -> Prepared {
        self.grids.retain(|grid| !grid.rows.is_empty());
        Prepared::new(&self, drawings)
    }
}
