//! Rows of a recipients' query: what they mean, and what is refused without naming anybody.

use super::*;

fn row(cells: &[(&str, &str)], scope: &[&str]) -> Result<Listed, String> {
    let cells = cells
        .iter()
        .map(|(column, text)| ((*column).to_owned(), (*text).to_owned()));
    let scope: Vec<String> = scope.iter().map(|it| (*it).to_owned()).collect();
    Listed::of_row(&cells.collect(), &scope)
}

// A row is a recipient with all that it says.
#[test]
fn a_row_is_a_recipient() {
    let listed = row(
        &[
            ("email", "ann@acme.example"),
            ("name", "Ann Lee"),
            ("region", "EMEA"),
            ("locale", "de-DE"),
            ("time_zone", "Europe/Berlin"),
            ("detail", "aggregate"),
        ],
        &["region"],
    )
    .unwrap();
    assert_eq!(listed.recipient.person_name(), Some("Ann Lee"));
    assert_eq!(listed.sees.scope.words(), "region EMEA");
    assert_eq!(
        (listed.sees.locale, listed.sees.detail),
        (Locale::DeDe, Detail::Aggregate)
    );
    assert!(listed.sees.time_zone.is_some());
    assert!(
        row(&[("email", "a@b.example")], &[])
            .unwrap()
            .sees
            .scope
            .is_everything()
    );
}

// Whatever is missing or broken in a row is told, and no cell with it.
#[test]
fn broken_rows_are_refused() {
    let told = |cells: &[(&str, &str)]| row(cells, &["region"]).unwrap_err();
    let ann = ("email", "ann@acme.example");
    assert_eq!(told(&[("region", "EMEA")]), "it has no `email`");
    assert_eq!(told(&[ann]), "its scope names no value of `region`");
    assert_eq!(
        told(&[ann, ("region", " ")]),
        "its scope names no value of `region`"
    );
    let hostile = [
        ("email", "ann@acme.example\r\nBcc: eve@evil.example"),
        ("email", "ann@acme.example, eve@evil.example"),
        ("email", "Ann <ann@acme.example>"),
        ("name", "Ann\nBcc: eve@evil.example"),
        ("name", "eve@evil.example"),
        ("name", "Ann \u{202e}eel"),
        ("locale", "klingon"),
        ("detail", "all"),
        ("time_zone", "Mars/Olympus"),
        ("region", "EM\u{7}EA"),
    ];
    for (column, text) in hostile {
        let mut cells = vec![ann, ("region", "EMEA")];
        cells.retain(|(name, _)| *name != column);
        cells.push((column, text));
        let told = told(&cells);
        assert!(told.contains(&format!("`{column}`")), "{told}");
        assert!(
            !told.contains("eve") && !told.contains("klingon") && !told.contains("Mars"),
            "{told}"
        );
    }
}

// Rows of one address join their scopes, and nothing else may differ.
#[test]
fn rows_of_one_address() {
    let of = |region: &str, locale: &str| {
        row(
            &[
                ("email", "ann@acme.example"),
                ("region", region),
                ("locale", locale),
            ],
            &["region"],
        )
    };
    let joined = of("EMEA", "en-GB")
        .unwrap()
        .joined(of("APAC", "en-GB").unwrap())
        .unwrap();
    assert_eq!(joined.sees.scope.words(), "region APAC; region EMEA");
    let refused = of("EMEA", "en-GB")
        .unwrap()
        .joined(of("APAC", "de-DE").unwrap());
    assert!(
        refused
            .unwrap_err()
            .starts_with("its address is there twice")
    );
}
