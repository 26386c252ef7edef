//! Data nobody here made.

use std::path::Path;

use super::*;

// Olist's leads and closed deals come whole, with the types that their files show.
#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn olist() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/olist");
    if !folder.is_dir() {
        eprintln!("skipped: the Olist data is not at `{}`", folder.display());
        return;
    }
    let keyed = |path: &str, created: &str| {
        let mut stream = stream(path);
        stream.kind = StreamKind::Snapshot {
            key: "mql_id".to_owned(),
            created: Some(created.to_owned()),
            modified: None,
        };
        pull_from(&folder, &stream, None).unwrap()
    };
    let leads = keyed(
        "olist_marketing_qualified_leads_dataset.csv",
        "first_contact_date",
    );
    assert_eq!(rows(&leads), 8_000);
    assert_eq!(
        shown(&leads).lines().take(2).collect::<Vec<_>>(),
        [
            "mql_id Utf8 | first_contact_date Date32 | landing_page_id Utf8 | origin Utf8",
            "dac32acd4db4c29c230538b72f8dd87d | 2018-02-01 | 88740e65d5d6b056e0cda098e1ea6313 | social",
        ]
    );
    let deals = keyed("olist_closed_deals_dataset.csv", "won_date");
    assert_eq!(rows(&deals), 842);
    let types: Vec<String> = deals
        .schema
        .fields()
        .iter()
        .map(|field| field.data_type().to_string())
        .collect();
    insta::assert_snapshot!(types.join(", "), @r#"Utf8, Utf8, Utf8, Utf8, Timestamp(µs, "UTC"), Utf8, Utf8, Utf8, Boolean, Boolean, Utf8, Utf8, Float64, Float64"#);
}
