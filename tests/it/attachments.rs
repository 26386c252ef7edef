//! The files that go with a report's mails, what is said of those that do not, and the archive that
//! keeps them.

use std::collections::BTreeMap;
use std::fs;

use mail_parser::{MessageParser, MimeHeaders};

use crate::small::{FIRST, SECOND, fresh, night};
use crate::support::Project;

const BEN: &str = "ben@kunde.example";

/// The small deployment with these files in its daily mails and with a query of its own, whose rows
/// stand in no page.
fn attaching(attach: &str, delivery: &str) -> Project {
    let project = fresh();
    let to = "to: [Ann Lee <ann@small.example>, bob@small.example]";
    let file = "config/leadgauge.yaml";
    project.replace(file, to, &format!("{to}\n    attach: {attach}"));
    project.replace(
        file,
        "{ folder: ../mail }",
        &format!("{{ folder: ../mail }}\n{delivery}"),
    );
    project.write(
        "queries/reports/daily/people.sql",
        "-- people: everybody.\nselect person_id, name, email from person order by person_id\n",
    );
    project
}

/// The files of a mail, by name, its plain text and its HTML.
fn opened(message: &[u8]) -> (BTreeMap<String, Vec<u8>>, String, String) {
    let mail = MessageParser::default().parse(message).unwrap();
    let named = mail.attachments().filter_map(|file| {
        let name = file.attachment_name()?.to_owned();
        Some((name, file.contents().to_vec()))
    });
    let text = mail.body_text(0).unwrap().into_owned();
    (
        named.collect(),
        text,
        mail.body_html(0).unwrap().into_owned(),
    )
}

fn mails(project: &Project) -> Vec<Vec<u8>> {
    let paths = project.files("mail").into_iter();
    paths
        .map(|path| fs::read(project.path(&path)).unwrap())
        .collect()
}

/// Each mail has the files that are asked for; the archive has the same bytes, its index links them,
/// and the same night makes the same mails.
#[test]
fn files_go_with_every_mail() {
    let project = attaching("[xlsx, csv]", "");
    assert_eq!(night(&project, FIRST).code, 0);
    let sent = mails(&project);
    let (files, text, _) = opened(&sent[0]);
    assert_eq!(files, opened(&sent[1]).0);
    assert!(!text.contains("NOT ATTACHED"));
    assert!(files.contains_key("daily-2025-03-06.xlsx"));
    assert!(!files.contains_key("daily-2025-03-06.html"));
    let people = &files["daily-2025-03-06.people.csv"];
    assert!(String::from_utf8_lossy(people).contains("\"Ben Okoro\",\"ben@kunde.example\"\r\n"));
    let index = project.read("warehouse/archive/index.html");
    let archived = project.files("warehouse/archive");
    // The index and the page.
    assert_eq!(archived.len(), files.len() + 2);
    for (name, bytes) in &files {
        let ending = name.replace("daily-2025-03-06.", "/daily.");
        let path = archived
            .iter()
            .find(|path| path.ends_with(&ending))
            .unwrap();
        assert_eq!(&fs::read(project.path(path)).unwrap(), bytes);
        let link = path.trim_start_matches("warehouse/archive/");
        assert!(index.contains(&format!("href=\"{link}\"")), "{link}");
    }
    let twin = attaching("[xlsx, csv]", "");
    assert_eq!(night(&twin, FIRST).code, 0);
    assert_eq!(mails(&twin), sent);
    assert_eq!(night(&project, SECOND).code, 0);
    let index = project.read("warehouse/archive/index.html");
    assert!(index.find("Fri 7 Mar 2025") < index.find("Thu 6 Mar 2025"));
    assert_eq!(project.ok(&["warehouse", "vacuum", "--dry-run"]).stdout, "");
    project.ok(&["warehouse", "verify"]);
}

/// What a mail has no room for is linked from both its parts, and a PDF that cannot be made is told,
/// in the mail and to who runs the job; the mail goes.
#[test]
fn what_is_missing_is_said() {
    let delivery = "  max_size: 200 kB\n  archive_url: https://reports.small.example/archive\n  \
                    pdf: { chromium: /nowhere/chromium }";
    let project = attaching("[xlsx, page, pdf]", delivery);
    let ran = night(&project, FIRST);
    assert_eq!(ran.code, 1);
    let problem =
        "problem: The PDF of report `daily` is missing: `/nowhere/chromium` does not start";
    assert!(ran.stderr.contains(problem), "{}", ran.stderr);
    let archived = project.files("warehouse/archive");
    let page = archived
        .iter()
        .find(|path| path.ends_with("/daily.html"))
        .unwrap();
    let place = page.trim_start_matches("warehouse/archive/");
    let url = format!("https://reports.small.example/archive/{place}");
    for message in mails(&project) {
        assert!(message.len() < 200_000, "{}", message.len());
        let (files, text, html) = opened(&message);
        assert!(!files.contains_key("daily-2025-03-06.html"));
        for part in [text, html] {
            let words = part.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(
                words.contains("The PDF of this report could not be made"),
                "{words}"
            );
            assert!(words.contains("daily-2025-03-06.html ("), "{words}");
            assert!(words.contains(&url), "{words}");
        }
    }
}

/// A person whom only an attachment names is erased from it: the page and every file beside it go, the
/// mails too, and the index says so.
#[test]
fn attachments_forget_a_person() {
    for attach in ["[xlsx]", "[csv]"] {
        let project = attaching(attach, "");
        assert_eq!(night(&project, FIRST).code, 0);
        let outbox = project.files("warehouse/outbox").len();
        project.ok(&["warehouse", "erase", "--email", BEN]);
        let left = project.files("warehouse/archive");
        let (stubs, left): (Vec<_>, Vec<_>) =
            left.iter().partition(|path| path.ends_with(".erased.json"));
        assert_eq!(left, ["warehouse/archive/index.html"], "{attach}");
        assert!(stubs.len() > outbox);
        assert!(project.files("warehouse/outbox").is_empty());
        let index = project.read("warehouse/archive/index.html");
        assert!(index.contains("Erased, since it named a person"), "{index}");
        assert!(!index.contains("href=\"2025"), "{index}");
        project.ok(&["warehouse", "erased"]);
    }
}
