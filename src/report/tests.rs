//! Tests of whole reports: what they say, and what may never be in them.

use std::path::Path;

use super::*;

fn shipped() -> Templates {
    Templates::load(Path::new("no/such/folder")).expect("the shipped templates parse")
}

/// Writes the example pages and mails to a folder, to be looked at in a browser.
#[test]
#[ignore = "for the eye: writes files to look at"]
fn look() {
    let folder = std::env::temp_dir().join("leadgauge-look");
    let templates = shipped();
    for report in REPORTS {
        for (kind, set) in [("full", example::full(report)), ("one", example::one_row(report)), ("empty", example::empty(report))] {
            let rendered = render(&set, &templates).expect("renders");
            let mut mail = rendered.mail_html.clone();
            for image in &rendered.images {
                let file = format!("{report}-{kind}-{}.png", image.content_id);
                crate::fs::write(&folder.join(&file), &image.png).expect("writes");
                mail = mail.replace(&format!("cid:{}", image.content_id), &file);
            }
            for (name, text) in [("page.html", &rendered.page), ("mail.html", &mail), ("mail.txt", &rendered.mail_text), ("subject.txt", &rendered.subject)] {
                crate::fs::write(&folder.join(format!("{report}-{kind}.{name}")), text.as_bytes()).expect("writes");
            }
        }
    }
}
