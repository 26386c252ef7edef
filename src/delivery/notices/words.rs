//! What a notice says. Plain text: it must be readable wherever the owner is.

use super::{Findings, News, Open};

/// At most so many of a kind are spelt out.
const MOST: usize = 20;

/// Words without anybody's address: what a mail server says often repeats it.
pub(super) fn impersonal(text: &str) -> String {
    let word = |word: &str| {
        if word.contains('@') {
            "(an address)".to_owned()
        } else {
            word.to_owned()
        }
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

pub(super) fn subject(company: &str, findings: &Findings<'_>, news: &News) -> String {
    let said = if !news.new.is_empty() {
        counted(news.new.len())
    } else if !news.still.is_empty() {
        format!("still {}", counted(news.still.len()))
    } else {
        "recovered".to_owned()
    };
    format!("Leadgauge, {company}: {said}, {}", findings.as_of)
}

fn counted(troubles: usize) -> String {
    if troubles == 1 {
        "1 trouble".to_owned()
    } else {
        format!("{troubles} troubles")
    }
}

pub(super) fn text(findings: &Findings<'_>, news: &News) -> String {
    let since = |open: &Open| {
        let first = open.what.lines().next().unwrap_or_default();
        format!("since {}: {first}", open.since)
    };
    let still: Vec<String> = news.still.iter().map(since).collect();
    let over: Vec<String> = news.over.iter().map(since).collect();
    let mut text = format!("{}\n", impersonal(&findings.ended));
    for (title, items) in [("New", &news.new), ("Still so", &still), ("Over", &over)] {
        text.push_str(&section(title, items));
    }
    text.push_str(
        "\n`leadgauge runs` tells what each run did, `leadgauge deliver list` what became of each mail.\n\
         Each trouble is told once, and then once a day for as long as it lasts.\n",
    );
    text
}

fn section(title: &str, items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let shown = items.iter().take(MOST);
    let lines = shown.map(|item| format!("* {}\n", item.replace('\n', "\n  ")));
    let more = items.len().saturating_sub(MOST);
    let more = (more > 0).then(|| format!("* and {more} more\n"));
    format!("\n{title}\n") + &lines.chain(more).collect::<String>()
}
