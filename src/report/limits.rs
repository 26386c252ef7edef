//! What a reader does not see, said where they read: in the title and in sentences below it.

use serde_json::Value;

use super::words;
use crate::metrics::Limits;

/// Puts the scope behind the view's title, where subject, page and mail have it from, and the rest as
/// the sentences `limits`.
pub(super) fn tell(view: &mut Value, limits: &Limits) {
    let says: Vec<Value> = sentences(limits).into_iter().map(Value::String).collect();
    let Some(fields) = view.as_object_mut() else {
        return;
    };
    fields.insert("limits".to_owned(), Value::Array(says));
    if let (Some(scope), Some(Value::String(title))) = (&limits.scope, fields.get_mut("title")) {
        *title = format!("{title}, {}", words::clean(scope));
    }
}

fn sentences(limits: &Limits) -> Vec<String> {
    let mut says = Vec::new();
    if let Some(scope) = &limits.scope {
        says.push(format!("Only {} is counted here.", words::clean(scope)));
    }
    if limits.aggregate {
        says.push("Nobody\u{2019}s name and nobody\u{2019}s row stand here.".to_owned());
    }
    if let Some(few) = limits.few {
        says.push(format!("Fewer than {few} persons are no figure here."));
    }
    if !limits.left_out.is_empty() {
        let why = match (&limits.scope, limits.aggregate) {
            (Some(_), false) => ", because it cannot be limited to that",
            (Some(_), true) => ", because it cannot be limited to that or is of single persons",
            (None, _) => ", because it is of single persons",
        };
        let left_out: Vec<String> = limits.left_out.iter().map(|it| words::clean(it)).collect();
        says.push(format!("Left out{why}: {}.", left_out.join("; ")));
    }
    says
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The scope stands in the title; what is left out is named, with the reason.
    #[test]
    fn limits_are_said() {
        let mut view = json!({"title": "Funnel"});
        let limits = Limits {
            scope: Some("region EMEA".to_owned()),
            aggregate: true,
            few: Some(5),
            left_out: vec!["the weeks".to_owned(), "the months".to_owned()],
            ..Limits::default()
        };
        tell(&mut view, &limits);
        assert_eq!(view["title"], "Funnel, region EMEA");
        assert_eq!(
            view["limits"],
            json!([
                "Only region EMEA is counted here.",
                "Nobody\u{2019}s name and nobody\u{2019}s row stand here.",
                "Fewer than 5 persons are no figure here.",
                "Left out, because it cannot be limited to that or is of single persons: the weeks; the months."
            ])
        );
    }

    /// Who sees everything is told nothing.
    #[test]
    fn without_limits() {
        let mut view = json!({"title": "Funnel"});
        tell(&mut view, &Limits::default());
        assert_eq!(view, json!({"title": "Funnel", "limits": []}));
    }
}
