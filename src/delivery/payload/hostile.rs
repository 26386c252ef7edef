//! Posts made of texts that try to be more than text.

use jiff::civil::date;
use proptest::prelude::*;

use super::slack::{HEADER, TEXT, fitted, length};
use super::*;
use crate::config::Secret;

/// Of all blocks together, as JSON: what Slack was seen to take.
const ALL: usize = 13_000;

fn rendered(subject: &str, text: &str) -> Rendered {
    Rendered {
        report: "daily".to_owned(),
        subject: subject.to_owned(),
        page: String::new(),
        mail_html: String::new(),
        mail_text: text.to_owned(),
        images: Vec::new(),
        told: Vec::new(),
        attached: Vec::new(),
    }
}

fn posted(kind: ChannelKind, subject: &str, text: &str) -> Outgoing {
    let channel = Channel::new("#funnel", kind, Secret::Env("NONE".to_owned()));
    let from = Recipient {
        address: "leadgauge@acme.example".to_owned(),
        name: None,
    };
    let page = Url::parse("https://reports.acme.example/2026-11-19/daily.html?a=1&b=<|>").unwrap();
    let day = date(2026, 11, 19);
    compose_post(&rendered(subject, text), &channel, &from, day, Some(&page)).unwrap()
}

fn slack(subject: &str, text: &str) -> Value {
    serde_json::from_slice(&posted(ChannelKind::Slack, subject, text).message).unwrap()
}

/// What each block shows.
fn shown(payload: &Value) -> Vec<String> {
    let blocks = payload["blocks"].as_array().unwrap().iter();
    let text = |block: &Value| {
        let text = block
            .pointer("/text/text")
            .or(block.pointer("/elements/0/text"));
        text.unwrap().as_str().unwrap().to_owned()
    };
    blocks.map(text).collect()
}

fn hostile() -> impl Strategy<Value = String> {
    let pieces = vec![
        "<!channel>",
        "<!here>",
        "<@U012AB3CD>",
        "<#C024BE7LR>",
        "<!subteam^SAZ94GDB8>",
        "<https://evil.example|The whole report>",
        "&lt;!channel&gt;",
        "&",
        "<",
        ">",
        "&amp;",
        "@here",
        "\n\n",
        "\n",
        "\r\n",
        "\n--\n",
        "--",
        "* ",
        "*",
        "_",
        "~",
        "`",
        "```",
        "> ",
        "\0",
        "\u{202e}",
        "\u{2028}",
        "\"",
        "\\",
        "{\"blocks\":[]}",
        "HEADING",
        "\n\nHEADING\n\n",
        "田中",
        "👩\u{200d}💻",
        "ä",
        " ",
        "a",
    ];
    let piece = prop_oneof![
        proptest::sample::select(pieces).prop_map(str::to_owned),
        any::<char>().prop_map(|c| c.to_string()),
        (1_usize..4_000).prop_map(|length| "&".repeat(length)),
        (1_usize..4_000).prop_map(|length| "x\"".repeat(length)),
        (1_usize..80).prop_map(|count| "\n\nHEADING\n\na line".repeat(count)),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

/// The marks of one text that Slack would read as more than text.
fn is_text(text: &str) -> bool {
    let mut rest = text.split('&').skip(1);
    let escaped = rest.all(|it| {
        ["amp;", "lt;", "gt;"]
            .iter()
            .any(|name| it.starts_with(name))
    });
    escaped && !text.contains(['<', '>'])
}

proptest! {
    /// Whatever a report holds: nothing in a post is a mention or a link but the one to its page, every
    /// limit of Slack's holds, and no block is empty.
    #[test]
    fn a_post_is_text_within_limits(subject in hostile(), text in hostile()) {
        let payload = slack(&subject, &text);
        let shown = shown(&payload);
        let link = "<https://reports.acme.example/2026-11-19/daily.html?a=1&amp;b=%3C%7C%3E|The whole report>";
        let links = shown.iter().filter(|text| !is_text(text));
        prop_assert_eq!(links.collect::<Vec<_>>(), vec![link]);
        prop_assert!(is_text(payload["text"].as_str().unwrap()));
        prop_assert!(shown.len() <= 50);
        prop_assert!(shown.iter().all(|text| !text.trim().is_empty() && length(text) <= TEXT));
        prop_assert!(length(&shown[0]) <= HEADER);
        prop_assert!(length(&payload["blocks"].to_string()) <= ALL);
        let blocks = payload["blocks"].as_array().unwrap();
        let marked = blocks.iter().skip(1).all(|block| {
            let object = block.get("text").or(block.pointer("/elements/0")).unwrap();
            object["type"] == "mrkdwn" && object["verbatim"] == true
        });
        prop_assert!(marked && blocks[0]["text"]["type"] == "plain_text");
    }

    /// A webhook gets the texts as they are, whatever is in them.
    #[test]
    fn a_document_holds_its_texts(subject in hostile(), text in hostile()) {
        let post = posted(ChannelKind::Webhook, &subject, &text);
        let document: Value = serde_json::from_slice(&post.message).unwrap();
        prop_assert_eq!(document["subject"].as_str(), Some(subject.as_str()));
        prop_assert_eq!(document["text"].as_str(), Some(text.as_str()));
        prop_assert_eq!(document["message"].as_str(), Some(post.envelope.id.as_str()));
    }

    /// A cut text is the beginning of the whole one, and no mark of Slack's is cut in two.
    #[test]
    fn a_cut_is_between_characters(text in hostile(), most in 8_usize..300) {
        let cut = fitted(&text, most);
        prop_assert!(length(&cut) <= most && is_text(&cut));
        let whole = fitted(&text, usize::MAX);
        let kept = cut.strip_suffix('…').filter(|_| cut != whole).unwrap_or(&cut);
        prop_assert!(whole.starts_with(kept));
    }
}

/// A report's parts stand below their headings, lists have bullets, and what signs it is context.
#[test]
fn a_report_is_sections() {
    let text = "Acme · Daily · Thursday\n\n31 MQLs & more.\n\nKEY FIGURES\n\n* MQLs: 31\n  In 28 days: 400\n\n\
                WHAT NEEDS SOMEONE TODAY\n\nNothing waits.\n\nBy the way.\n\n--\nSigned by CMO.\n";
    let payload = slack("31 MQLs", text);
    let expected = [
        "31 MQLs",
        "Acme · Daily · Thursday",
        "31 MQLs &amp; more.",
        "*KEY FIGURES*\n• MQLs: 31\n  In 28 days: 400",
        "*WHAT NEEDS SOMEONE TODAY*\nNothing waits.\nBy the way.",
        "<https://reports.acme.example/2026-11-19/daily.html?a=1&amp;b=%3C%7C%3E|The whole report>",
        "Signed by CMO.",
    ];
    assert_eq!(shown(&payload), expected);
    assert_eq!(payload["text"], "31 MQLs");
}

/// What does not fit is left out, and the post says so.
#[test]
fn a_long_report_says_that_it_is_cut() {
    let line = "* A source of leads: 31 against 24 expected\n";
    let shown = shown(&slack("Long", &line.repeat(1_000)));
    assert_eq!(shown[shown.len() - 2], "_There is more than fits here._");
    let told: usize = shown
        .iter()
        .map(|text| text.matches("A source of leads").count())
        .sum();
    assert!((150..1_000).contains(&told), "{told}");
    let short = slack("Short", &line.repeat(20));
    assert!(!short.to_string().contains("more than fits"));
}

/// The same post is the same bytes, and another channel's has another id.
#[test]
fn the_same_post_is_the_same_bytes() {
    let post = || posted(ChannelKind::Webhook, "31 MQLs", "März");
    assert_eq!(post().message, post().message);
    let id = "2026-11-19-daily-";
    assert!(post().envelope.id.starts_with(id), "{}", post().envelope.id);
    let document = String::from_utf8(post().message).unwrap();
    let told = format!(
        "{{\"report\":\"daily\",\"as_of\":\"2026-11-19\",\"message\":\"{}\",\"subject\":\"31 MQLs\",\
         \"text\":\"März\",\"page\":\"https://reports.acme.example/2026-11-19/daily.html?a=1&b=%3C|%3E\",\
         \"figures\":[]}}",
        post().envelope.id
    );
    assert_eq!(document, told);
}
