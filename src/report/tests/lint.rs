//! A linter for mails: rules of our own over every template, for what mail programs break, cut or
//! cannot show. Each rule says what it found and where; each has a mail that it refuses.

mod colour;
mod html;
mod rules;

use self::html::Element;
use super::{all_sets, example, hostile};
use crate::report::Rendered;

/// A rule: what is wrong with a mail, one line each.
type Rule = fn(&Mail<'_>) -> Vec<String>;

/// Every rule, by the name under which it complains.
const RULES: [(&str, Rule); 13] = [
    ("language", rules::language),
    ("no-script", rules::no_script),
    ("no-svg", rules::no_svg),
    ("inline-style", rules::inline_style),
    ("tables", rules::tables),
    ("image-alt", rules::image_alt),
    ("image-local", rules::image_local),
    ("links", rules::links),
    ("size", rules::size),
    ("text-size", rules::text_size),
    ("contrast", colour::contrast),
    ("headings", rules::headings),
    ("same-figures", rules::same_figures),
];

/// A rendered mail and the elements of its HTML.
struct Mail<'a> {
    rendered: &'a Rendered,
    elements: Vec<Element>,
}

impl<'a> Mail<'a> {
    fn of(rendered: &'a Rendered) -> Self {
        Self {
            elements: html::elements(&rendered.mail_html),
            rendered,
        }
    }
}

/// What every rule finds, as `rule: what`.
pub(in crate::report) fn lint(rendered: &Rendered) -> Vec<String> {
    let mail = Mail::of(rendered);
    let found = RULES.iter().flat_map(|(name, rule)| {
        let found = rule(&mail).into_iter();
        found.map(move |what| format!("{name}: {what}"))
    });
    found.collect()
}

/// Every shipped mail passes every rule: empty, of one row, full, hostile, and with long lists.
#[test]
fn shipped_mails() {
    let long = super::REPORTS.map(|report| {
        let mut set = hostile(report);
        for rows in set.tables.values_mut() {
            let once = rows.clone();
            let repeats = if once.len() > 1 { 120 / once.len() } else { 0 };
            rows.extend((0..repeats).flat_map(|_| once.clone()));
        }
        set
    });
    for set in all_sets().into_iter().chain(long) {
        let mut rendered = super::written(&set);
        rendered.images = super::prepare(&set)
            .expect("rows")
            .drawings
            .iter()
            .map(|drawing| crate::report::Image {
                content_id: drawing.content_id.clone(),
                png: Vec::new(),
            })
            .collect();
        assert_eq!(lint(&rendered), Vec::<String>::new(), "{}", set.report);
    }
}

/// A small mail that passes, with something put into its body and its style.
fn mail(body: &str, style: &str, text: &str) -> Rendered {
    Rendered {
        report: "small".to_owned(),
        subject: "A mail".to_owned(),
        page: String::new(),
        mail_html: format!(
            "<!doctype html><html lang=\"en\"><head><style>{style}</style></head>\
             <body style=\"background-color:#ffffff;color:#16202a;font-size:16px\"><h1>A mail</h1>{body}</body></html>"
        ),
        mail_text: text.to_owned(),
        images: Vec::new(),
        told: Vec::new(),
        attached: Vec::new(),
    }
}

/// A rule that finds nothing wrong with anything is none: each refuses its mail, word for word.
#[test]
#[expect(clippy::too_many_lines, reason = "one list, a mail for each rule")]
fn each_rule_can_fail() {
    let dark = "@media (prefers-color-scheme:dark){.ink{color:#334455!important}.bg{background-color:#111111!important}}";
    let cases = [
        (
            "<p>1,200 MQLs</p>",
            "",
            "1,100 MQLs",
            "same-figures: `1,200` is not in the plain text",
        ),
        (
            "<p onclick=\"x()\">x</p>",
            "",
            "",
            "no-script: `<p>` has `onclick`",
        ),
        ("<script>x</script>", "", "", "no-script: `<script>`"),
        ("<svg></svg>", "", "", "no-svg: `<svg>`"),
        (
            "<p class=\"ink\">x</p>",
            ".ink{margin:0}",
            "",
            "inline-style: `.ink{margin:0}` is not for dark mode",
        ),
        (
            "<div style=\"display:flex\">x</div>",
            "",
            "",
            "tables: `<div>` is laid out by `flex`",
        ),
        (
            "<div>x</div>",
            "",
            "",
            "tables: `<div>` holds what is shown",
        ),
        (
            "<table width=\"100%\"><tr><td>x</td></tr></table>",
            "",
            "",
            "tables: `<table>` without `border`, `cellpadding`, `cellspacing`",
        ),
        (
            "<img src=\"cid:a\" width=\"1\" height=\"1\">",
            "",
            "",
            "image-alt: `<img>` without a text of its own",
        ),
        (
            "<img src=\"https://x.example/a.png\" alt=\"Entries by week and stage\" width=\"1\" height=\"1\">",
            "",
            "",
            "image-local: `https://x.example/a.png` is fetched from elsewhere",
        ),
        (
            "<img src=\"cid:a\" alt=\"Entries by week and stage\" width=\"1\" height=\"1\">",
            "",
            "",
            "image-local: `cid:a` is no picture of this mail",
        ),
        (
            "<a href=\"\">here</a>",
            "",
            "",
            "links: `<a>` leads nowhere",
        ),
        (
            "<a href=\"https://x.example\"></a>",
            "",
            "",
            "links: `<a>` has no words",
        ),
        (
            "<p style=\"font-size:11px\">x</p>",
            "",
            "",
            "text-size: `x` is 11 px high",
        ),
        (
            "<p style=\"color:#999999\">x</p>",
            "",
            "",
            "contrast: `x` is #999999 on #ffffff, 2.85 to 1",
        ),
        (
            "<table class=\"bg\" border=\"0\" cellpadding=\"0\" cellspacing=\"0\"><tr><td class=\"ink\">x</td></tr></table>",
            dark,
            "",
            "contrast: `x` is #334455 on #111111 in the dark, 1.89 to 1",
        ),
        ("<h3>x</h3>", "", "", "headings: `<h3>` after `<h1>`"),
    ];
    for (body, style, text, expected) in cases {
        let found = lint(&mail(body, style, text));
        assert!(
            found.iter().any(|it| it == expected),
            "{expected}\n{found:#?}"
        );
    }
    let mut other = mail("", "", "");
    assert_eq!(lint(&other), Vec::<String>::new());
    other.mail_html = other.mail_html.replace(" lang=\"en\"", "");
    assert_eq!(lint(&other), ["language: `<html>` has no `lang`"]);
    let long = mail(&"<p>x</p>".repeat(20_000), "", "");
    assert_eq!(
        lint(&long),
        ["size: 160156 bytes, of 102400 that are shown"]
    );
    let failing: std::collections::BTreeSet<&str> = cases
        .iter()
        .filter_map(|case| case.3.split(':').next())
        .chain(["language", "size"])
        .collect();
    assert_eq!(failing.len(), RULES.len(), "every rule has its mail");
}

/// A mail that would be cut has shorter tables and says how many rows are left out; one that is too long
/// all the same says where everything is. The plain text always says all.
#[test]
fn long_mails_are_made_shorter() {
    let with_rows = |rows: usize| {
        let mut set = example::full("baseline");
        let members = set.tables.get_mut("members").expect("there");
        let once = members.clone();
        *members = once.iter().cycle().take(rows).cloned().collect();
        for (number, row) in members.iter_mut().enumerate() {
            let dimension = format!("dimension {}", number / 40);
            row.insert("dimension".to_owned(), dimension.into());
        }
        super::written(&set)
    };
    let whole = with_rows(80);
    assert!(!whole.mail_html.contains(" more</td>"));
    let shorter = with_rows(240);
    assert!(
        shorter.mail_html.contains(">and 25 more</td>"),
        "{}",
        shorter.mail_html.len()
    );
    assert!(shorter.mail_html.len() <= 100_000);
    assert!(
        shorter.mail_html.contains("<b>and "),
        "what to do is cut too"
    );
    assert!(!shorter.mail_text.contains("and 25 more"));
    let notice = with_rows(2_600);
    assert!(
        notice
            .mail_html
            .contains("This report is longer than mail programs show.")
    );
    assert!(notice.mail_text.len() > 100_000);
    for rendered in [whole, shorter, notice] {
        let found = lint(&rendered)
            .into_iter()
            .filter(|it| !it.starts_with("image-local"));
        assert_eq!(found.collect::<Vec<_>>(), Vec::<String>::new());
    }
}

/// Every report is written whole from hundreds of rows a query, and its mail keeps the rules.
#[test]
fn huge_reports_are_written() {
    for report in super::REPORTS {
        let mut set = example::full(report);
        for rows in set.tables.values_mut().filter(|rows| rows.len() > 1) {
            *rows = rows.iter().cycle().take(250).cloned().collect();
        }
        let rendered = super::written(&set);
        assert!(rendered.page.len() > 60_000, "{report}");
        let found = lint(&rendered)
            .into_iter()
            .filter(|it| !it.starts_with("image-local"));
        assert_eq!(found.collect::<Vec<_>>(), Vec::<String>::new(), "{report}");
    }
}
