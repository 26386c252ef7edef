//! The SQL of `exclude`: who is left out of a trigger's signs.

use super::bare;
use crate::config::Exclusion;

/// The rules of a definition, over a person's versions; none if it excludes nobody.
pub(super) struct Excluded(Option<String>);

impl Excluded {
    pub(super) fn new(rules: &[Exclusion]) -> Self {
        if rules.is_empty() {
            return Self(None);
        }
        let met = |ever: bool| {
            let of = rules.iter().filter(|rule| rule.ever == ever);
            let of = of.map(|rule| format!("coalesce(({}), false)", bare(&rule.when.text, None).0));
            let of: Vec<String> = of.collect();
            match of.as_slice() {
                [] => "false".to_owned(),
                of => of.join(" or "),
            }
        };
        Self(Some(format!(
            "excluded as (
    select
        person_id, valid_from, valid_to, {} as then, {} as ever,
        row_number() over (partition by person_id order by valid_from) = 1 as first
    from person_version
)",
            met(false),
            met(true)
        )))
    }

    /// A further expression of a `with`, and what a `where` goes on with: whoever is excluded at the
    /// instant, or whose first version is where there is none by then, is left out.
    pub(super) fn beside(&self, person: &str, at: &str) -> (String, String) {
        let Some(step) = &self.0 else {
            return (String::new(), String::new());
        };
        let unless = format!(
            "
    and not exists (
        select 1
        from excluded x
        where x.person_id = {person} and (
            x.ever
            or x.then and (x.first or x.valid_from <= {at}) and (x.valid_to is null or x.valid_to > {at})
        )
    )"
        );
        (format!(",\n{step}"), unless)
    }

    /// The same for a query that has no `with` of its own.
    pub(super) fn alone(&self, person: &str, at: &str) -> (String, String) {
        let (_, unless) = self.beside(person, at);
        let with = self.0.as_ref().map(|step| format!("with {step}\n"));
        (with.unwrap_or_default(), unless)
    }
}
