//! A scope: which rows a recipient may see. It cannot be made empty by accident: whoever sees all
//! has `Scope::everything`, and a part without a value is refused.

use std::collections::{BTreeMap, BTreeSet};

use super::Config;

/// One way of being in a scope: every column holds one of its values.
type Part = BTreeMap<String, BTreeSet<String>>;

/// Rows that fit any one of the parts; without a part, every row.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scope {
    parts: BTreeSet<Part>,
}

impl Scope {
    /// Every row.
    pub(crate) fn everything() -> Self {
        Self::default()
    }

    /// The rows whose columns hold one of the values named for each. Values are trimmed, and a blank
    /// one is refused, as is a column without any: nobody may see all because something was missing.
    ///
    /// # Errors
    ///
    /// What is missing, in words.
    pub(crate) fn part(
        columns: impl IntoIterator<Item = (String, Vec<String>)>,
    ) -> Result<Self, String> {
        let mut part = Part::new();
        for (column, values) in columns {
            let values: BTreeSet<String> = values.iter().map(|it| it.trim().to_owned()).collect();
            if values.is_empty() || values.contains("") {
                return Err(format!("its scope names no value of `{column}`"));
            }
            if values.iter().any(|it| it.chars().any(char::is_control)) {
                return Err(format!(
                    "a value of `{column}` holds a line break or a control character"
                ));
            }
            part.insert(column, values);
        }
        if part.is_empty() {
            return Err("its scope names no column".to_owned());
        }
        Ok(Self {
            parts: BTreeSet::from([part]),
        })
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.parts.is_empty()
    }

    /// What either shows. Everything and a part do not join: one of them was not meant.
    pub(crate) fn joined(mut self, other: Self) -> Option<Self> {
        if self.is_everything() != other.is_everything() {
            return None;
        }
        self.parts.extend(other.parts);
        Some(self)
    }

    /// Every column that the scope names.
    pub(crate) fn columns(&self) -> BTreeSet<&str> {
        let parts = self.parts.iter().flat_map(BTreeMap::keys);
        parts.map(String::as_str).collect()
    }

    /// Whether a row is in the scope. A blank cell is the member `blank`, as in every measure.
    pub(crate) fn admits<'a>(&self, cell: impl Fn(&str) -> Option<&'a str>) -> bool {
        let member = |column: &str| {
            let text = cell(column).map(str::trim).filter(|it| !it.is_empty());
            text.unwrap_or("blank")
        };
        let fits = |part: &Part| {
            let mut columns = part.iter();
            columns.all(|(column, values)| values.contains(member(column)))
        };
        self.is_everything() || self.parts.iter().any(fits)
    }

    /// Every column with each of its values.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        let columns = self.parts.iter().flatten();
        columns.flat_map(|(column, values)| values.iter().map(|it| (column.as_str(), it.as_str())))
    }

    /// The one column that all parts name and nothing else, with all its values.
    pub(crate) fn single(&self) -> Option<(&str, BTreeSet<&str>)> {
        let columns = self.columns();
        let only = self.parts.iter().all(|part| part.len() == 1);
        let column = columns.first().filter(|_| only && columns.len() == 1)?;
        let values = self.parts.iter().flat_map(BTreeMap::values).flatten();
        Some((column, values.map(String::as_str).collect()))
    }

    /// In words: `region EMEA`, `region APAC or EMEA, segment SMB`. The same scope says the same.
    pub(crate) fn words(&self) -> String {
        let part = |part: &Part| {
            let columns = part.iter().map(|(column, values)| {
                let values: Vec<&str> = values.iter().map(String::as_str).collect();
                format!("{} {}", column.replace('_', " "), values.join(" or "))
            });
            columns.collect::<Vec<_>>().join(", ")
        };
        let parts: Vec<String> = self.parts.iter().map(part).collect();
        parts.join("; ")
    }
}

impl Config {
    /// Every column that the scope of some recipient names, in every report.
    pub(crate) fn scope_columns(&self) -> BTreeSet<String> {
        let listed = self.reports.iter().flat_map(|report| &report.recipients);
        let queries = self
            .reports
            .iter()
            .flat_map(|report| &report.recipient_queries);
        let named = listed.flat_map(|it| it.sees.scope.columns());
        let said = queries.flat_map(|query| query.scope.iter().map(String::as_str));
        named.chain(said).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(columns: &[(&str, &[&str])]) -> Result<Scope, String> {
        let columns = columns.iter().map(|(column, values)| {
            let values = values.iter().map(|it| (*it).to_owned()).collect();
            ((*column).to_owned(), values)
        });
        Scope::part(columns)
    }

    // A row must fit every column of one part; a blank cell is the member `blank`.
    #[test]
    fn rows_are_admitted_by_every_column() {
        let emea = part(&[("region", &["EMEA"]), ("segment", &["SMB", "blank"])]).unwrap();
        let admits = |region, segment: Option<&'static str>| {
            emea.admits(|column| {
                if column == "region" {
                    Some(region)
                } else {
                    segment
                }
            })
        };
        assert!(admits("EMEA", Some("SMB")) && admits(" EMEA ", None));
        assert!(!admits("APAC", Some("SMB")) && !admits("EMEA", Some("Enterprise")));
        assert!(Scope::everything().admits(|_| None));
        let both = emea
            .joined(part(&[("region", &["APAC"])]).unwrap())
            .unwrap();
        assert!(both.admits(|column| (column == "region").then_some("APAC")));
        assert_eq!(
            both.words(),
            "region APAC; region EMEA, segment SMB or blank"
        );
        assert!(both.joined(Scope::everything()).is_none());
    }

    // What is missing never means all.
    #[test]
    fn an_empty_scope_is_refused() {
        assert_eq!(part(&[]), Err("its scope names no column".to_owned()));
        for values in [&[][..], &["  "], &["EMEA", ""]] {
            let refused = part(&[("region", values)]);
            assert_eq!(
                refused,
                Err("its scope names no value of `region`".to_owned())
            );
        }
        assert!(part(&[("region", &["E\nMEA"])]).is_err());
    }

    // A scope of one column can be set beside what is kept by its members.
    #[test]
    fn one_column_alone() {
        let emea = part(&[("region", &["EMEA", "APAC"])]).unwrap();
        assert_eq!(
            emea.single(),
            Some(("region", BTreeSet::from(["APAC", "EMEA"])))
        );
        assert_eq!(
            part(&[("region", &["EMEA"]), ("segment", &["SMB"])])
                .unwrap()
                .single(),
            None
        );
        assert_eq!(Scope::everything().single(), None);
    }
}
