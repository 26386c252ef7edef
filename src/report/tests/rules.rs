//! What may never be in a page or a mail, over every example.

use super::*;

/// Text from the data stays text: no tag, no template, no header line and no turned writing.
#[test]
fn hostile_data_stays_text() {
    for report in REPORTS {
        let rendered = written(&hostile(report));
        for html in [&rendered.page, &rendered.mail_html] {
            assert!(!html.contains("<script"), "{report}");
            assert!(
                html.contains("&lt;script&gt;alert(1)&lt;/script&gt;{{lede}}"),
                "{report}"
            );
            assert!(
                !html.replace("<!--[if mso]>", "").contains("<!--"),
                "{report}"
            );
        }
        assert!(
            rendered.mail_text.contains("<script>"),
            "{report}: plain text is not escaped"
        );
        assert!(!rendered.subject.contains(['\r', '\n']));
        for part in [
            &rendered.subject,
            &rendered.page,
            &rendered.mail_html,
            &rendered.mail_text,
        ] {
            assert!(!part.contains(['\u{202e}', '\r']), "{report}");
        }
    }
}

/// Every picture of a mail is shown in it, and the dark of its style sheet is colours alone.
#[test]
fn pictures_and_dark() {
    for set in all_sets() {
        let prepared = prepare(&set).expect("rows");
        let mail = written(&set).mail_html;
        let named: BTreeSet<&str> = mail
            .split("\"cid:")
            .skip(1)
            .filter_map(|it| it.split('"').next())
            .collect();
        let drawn: BTreeSet<&str> = prepared
            .drawings
            .iter()
            .map(|it| it.content_id.as_str())
            .collect();
        assert_eq!(named, drawn, "{}", set.report);
        let style = mail
            .split("<style>")
            .nth(1)
            .and_then(|it| it.split("</style>").next());
        let rules = style.expect("one style").split([';', '{', '}']);
        for rule in rules.filter(|it| it.contains("!important")) {
            assert!(
                rule.contains("color"),
                "the style is for dark mode alone: {rule}"
            );
        }
    }
}

/// A page is one file without script, with unique ids, named charts, and a head for every column.
#[test]
fn page_rules() {
    for set in all_sets() {
        let page = written(&set).page;
        for never in [
            "<script", "<link", "<img", "http:", "https:", "url(", "@import",
        ] {
            assert!(!page.contains(never), "{}: {never}", set.report);
        }
        let ids: Vec<&str> = page
            .split(" id=\"")
            .skip(1)
            .filter_map(|it| it.split('"').next())
            .collect();
        assert_eq!(
            ids.iter().collect::<BTreeSet<_>>().len(),
            ids.len(),
            "ids are unique"
        );
        for chart in page.split("<svg ").skip(1) {
            assert!(
                chart.contains("role=\"img\"")
                    && chart.contains("<title ")
                    && chart.contains("<desc ")
            );
        }
        for head in page.split("<th ").skip(1) {
            assert!(
                head.starts_with("scope=\"col\"") || head.starts_with("scope=\"row\""),
                "{head}"
            );
        }
        // A condition that is quoted as code may say `null`.
        let quoted = |piece: &str| {
            piece
                .split_once("</code>")
                .map_or("", |(_, rest)| rest)
                .to_owned()
        };
        let mut pieces = page.split("<code>");
        let first = pieces.next().unwrap_or_default().to_owned();
        let page = pieces.fold(first, |all, piece| all + &quoted(piece));
        for never in ["NaN", "inf", "null"] {
            let mut words = page.split(['>', '<', ' ', '"']);
            assert!(!words.any(|word| word == never), "{}: {never}", set.report);
        }
    }
}

/// Same figures, same templates, same bytes; pictures have twice the pixels at which they are shown.
#[test]
fn same_bytes() {
    let set = example::full("sla-weekly");
    let one = render(&set, &shipped()).expect("renders");
    assert_eq!(one, render(&set, &shipped()).expect("renders"));
    let widths: Vec<u32> = one
        .images
        .iter()
        .map(|image| {
            assert!(image.png.starts_with(b"\x89PNG\r\n"));
            u32::from_be_bytes(image.png[16..20].try_into().expect("four bytes"))
        })
        .collect();
    assert_eq!(widths, [1040, 1040]);
    assert!(
        one.images
            .iter()
            .map(|image| image.png.len())
            .sum::<usize>()
            < 400_000
    );
}

/// Writes the example pages and mails to a folder, to be looked at in a browser.
#[test]
#[ignore = "for the eye: writes files to look at"]
fn look() {
    let folder = std::env::temp_dir().join("leadgauge-look");
    let put =
        |name: String, bytes: &[u8]| crate::fs::write(&folder.join(name), bytes).expect("writes");
    for report in REPORTS {
        let sets = [
            ("full", example::full(report)),
            ("one", example::one_row(report)),
            ("empty", example::empty(report)),
            ("hostile", hostile(report)),
        ];
        for (kind, set) in sets {
            let rendered = render(&set, &shipped()).expect("renders");
            let mut mail = rendered.mail_html.clone();
            for image in &rendered.images {
                let file = format!("{report}-{kind}-{}.png", image.content_id);
                mail = mail.replace(&format!("cid:{}", image.content_id), &file);
                put(file, &image.png);
            }
            put(
                format!("{report}-{kind}.page.html"),
                rendered.page.as_bytes(),
            );
            put(format!("{report}-{kind}.mail.html"), mail.as_bytes());
            put(
                format!("{report}-{kind}.mail.txt"),
                rendered.mail_text.as_bytes(),
            );
        }
    }
}
