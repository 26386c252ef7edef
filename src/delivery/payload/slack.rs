//! A report as Slack shows it: a header, the plain-text mail's parts as sections, and a line of context.
//!
//! What Slack takes, as its reference says: of a text its `&`, `<` and `>` escaped, since `<…>` is how
//! links and mentions are written (docs.slack.dev/messaging/formatting-message-text); 50 blocks a message,
//! 150 characters of a header, 3,000 of a section (docs.slack.dev/reference/block-kit/blocks). All blocks
//! of a message together were refused as `msg_blocks_too_long` from about 13,200 characters on, which the
//! reference does not tell (github.com/slackapi/bolt-js/issues/2509).

use serde_json::{Value, json};

use super::Post;
use crate::delivery::message::turns;

pub(super) const HEADER: usize = 150;
pub(super) const TEXT: usize = 3_000;
/// Of all sections together, as JSON, and what one costs besides its text. Header and context have room
/// beside them.
const OF_SECTIONS: usize = 10_000;
const SECTION: usize = 80;
const FOOTER: usize = 600;
/// With the header, the two lines of context and what tells of a cut.
const SECTIONS: usize = 46;

/// The payload for an incoming webhook. `text` is what notifications and screen readers get.
pub(super) fn payload(post: &Post<'_>) -> Value {
    let subject = seen(post.subject).replace('\n', " ");
    let subject = Some(subject.trim()).filter(|subject| !subject.is_empty());
    let header = fitted(subject.unwrap_or(post.report), HEADER);
    let (body, footer) = parted(&seen(post.text));
    let (sections, is_cut) = sections(&body);
    let mut blocks = vec![json!({
        "type": "header", "text": {"type": "plain_text", "text": &header, "emoji": false}
    })];
    let section = |text: String| json!({"type": "section", "text": mrkdwn(&text)});
    blocks.extend(sections.into_iter().map(section));
    if is_cut {
        blocks.push(context("_There is more than fits here._"));
    }
    if let Some(page) = post.page {
        blocks.push(context(&format!("<{}|The whole report>", address(page))));
    }
    let footer = fitted(footer.trim(), FOOTER);
    if !footer.is_empty() {
        blocks.push(context(&footer));
    }
    json!({"text": header, "blocks": blocks, "unfurl_links": false, "unfurl_media": false})
}

/// The text with blanks for what is not seen: Slack takes no block without anything to see.
fn seen(text: &str) -> String {
    let is_unseen = |c: char| c != '\n' && (c.is_control() || turns(c));
    text.replace(is_unseen, " ")
}

/// With `verbatim`, Slack makes no link of what looks like an address or a channel.
fn mrkdwn(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

fn context(text: &str) -> Value {
    json!({"type": "context", "elements": [mrkdwn(text)]})
}

/// The text before the line `--` and behind it.
fn parted(text: &str) -> (String, String) {
    let lines: Vec<&str> = text.lines().collect();
    let end = lines.iter().rposition(|line| line.trim_end() == "--");
    let (body, footer) = lines.split_at(end.unwrap_or(lines.len()));
    let footer = footer.get(1..).unwrap_or_default();
    (body.join("\n"), footer.join("\n"))
}

/// The sections of a text, each below its heading and none too long; and whether some is left out.
fn sections(body: &str) -> (Vec<String>, bool) {
    let mut made = Sections::default();
    let mut is_below = false;
    for paragraph in paragraphs(body) {
        let is_heading = is_heading(&paragraph);
        // Prose stands in sections of its own; what is below a heading stays there.
        let mut begins = is_heading || !is_below;
        is_below |= is_heading;
        for line in paragraph.lines() {
            if !made.add(shown(line, is_heading), begins) {
                return (made.sections, true);
            }
            begins = false;
        }
    }
    (made.sections, false)
}

#[derive(Default)]
struct Sections {
    sections: Vec<String>,
    all: usize,
}

impl Sections {
    /// Adds a line to the last section, or where it `begins` one, or does not fit, to a new one. False
    /// when the message has no room for it.
    fn add(&mut self, line: String, begins: bool) -> bool {
        let added = length(&line) + 1;
        // A quotation mark or a line break is two characters of JSON.
        self.all += length(&Value::from(line.as_str()).to_string());
        if let Some(last) = self.sections.last_mut()
            && !begins
            && length(last) + added <= TEXT
            && self.all <= OF_SECTIONS
        {
            last.push('\n');
            last.push_str(&line);
            return true;
        }
        self.all += SECTION;
        let has_room = self.sections.len() < SECTIONS && self.all <= OF_SECTIONS;
        if has_room {
            self.sections.push(line);
        }
        has_room
    }
}

fn paragraphs(body: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in body.lines() {
        let is_blank = line.trim().is_empty();
        match paragraphs.last_mut() {
            Some(last) if !is_blank => {
                last.push_str(line);
                last.push('\n');
            }
            _ => paragraphs.push(String::new()),
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

/// The plain-text mail writes its headings in capitals, each in a line of its own.
fn is_heading(paragraph: &str) -> bool {
    let is_one = paragraph.trim_end().lines().count() == 1;
    is_one
        && paragraph.chars().any(char::is_uppercase)
        && !paragraph.chars().any(char::is_lowercase)
}

/// One line in Slack's marks.
fn shown(line: &str, is_heading: bool) -> String {
    if is_heading {
        return format!("*{}*", fitted(line.trim(), HEADER));
    }
    match line.strip_prefix("* ") {
        Some(item) => format!("• {}", fitted(item.trim_end(), TEXT - 3)),
        None => fitted(line.trim_end(), TEXT - 1),
    }
}

/// A text that is text to Slack and nothing else, with at most so many characters after escaping.
pub(super) fn fitted(text: &str, most: usize) -> String {
    let mut fitted = String::new();
    let mut length = 0;
    for c in text.chars() {
        let mut buffer = [0; 4];
        let escaped = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            _ => c.encode_utf8(&mut buffer),
        };
        length += self::length(escaped);
        // One place is kept for the mark of a cut.
        if length >= most {
            fitted.push('…');
            return fitted;
        }
        fitted.push_str(escaped);
    }
    fitted
}

/// A URL as a link holds it.
fn address(url: &str) -> String {
    let text = url.replace('|', "%7C");
    text.replace('&', "&amp;")
        .replace('<', "%3C")
        .replace('>', "%3E")
}

/// As JavaScript counts characters, which is at least as many as there are.
pub(super) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}
