//! The rules, but for colours.

use std::collections::BTreeSet;

use super::Mail;
use super::html::{Element, declarations};

/// Gmail shows no more of a mail than this.
const MOST_BYTES: usize = 102_400;

fn tags<'a>(mail: &'a Mail<'_>, tag: &'a str) -> impl Iterator<Item = &'a Element> {
    mail.elements.iter().filter(move |it| it.tag == tag)
}

/// The shown text in an element and in all that it holds.
fn words(mail: &Mail<'_>, at: usize) -> String {
    let within = |mut number: usize| loop {
        if number == at {
            return true;
        }
        match mail.elements[number].parent {
            Some(parent) => number = parent,
            None => return false,
        }
    };
    let inside = mail
        .elements
        .iter()
        .enumerate()
        .filter(|(number, _)| within(*number));
    inside.map(|(_, it)| it.text.as_str()).collect()
}

/// Screen readers take their voice from it.
pub(super) fn language(mail: &Mail<'_>) -> Vec<String> {
    let without = tags(mail, "html").filter(|it| it.attribute("lang").is_none_or(str::is_empty));
    without
        .map(|_| "`<html>` has no `lang`".to_owned())
        .collect()
}

pub(super) fn no_script(mail: &Mail<'_>) -> Vec<String> {
    let mut found: Vec<String> = tags(mail, "script")
        .map(|_| "`<script>`".to_owned())
        .collect();
    for it in &mail.elements {
        let handlers = it.attributes().filter(|name| name.starts_with("on"));
        found.extend(handlers.map(|name| format!("`<{}>` has `{name}`", it.tag)));
    }
    found
}

/// No mail program but Apple's shows it.
pub(super) fn no_svg(mail: &Mail<'_>) -> Vec<String> {
    tags(mail, "svg").map(|_| "`<svg>`".to_owned()).collect()
}

/// A style sheet is thrown away by some: only dark mode, which they lack, may rest on it.
pub(super) fn inline_style(mail: &Mail<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for sheet in tags(mail, "style") {
        let light = sheet
            .text
            .split("@media (prefers-color-scheme:dark)")
            .next();
        let rules = light.unwrap_or_default().split_inclusive('}');
        let other = rules
            .map(str::trim)
            .filter(|it| !it.is_empty() && !it.starts_with(":root"));
        found.extend(other.map(|rule| format!("`{rule}` is not for dark mode")));
    }
    let links = tags(mail, "link").map(|_| "`<link>` is fetched from elsewhere".to_owned());
    found.extend(links);
    found
}

/// Outlook lays out tables and nothing else, and puts gaps between cells unless told.
pub(super) fn tables(mail: &Mail<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (at, it) in mail.elements.iter().enumerate() {
        let style = it.attribute("style").unwrap_or_default();
        let layouts = ["flex", "grid", "float", "absolute", "fixed"];
        let layout = layouts.into_iter().find(|layout| {
            declarations(style).any(|(name, value)| name == *layout || value == *layout)
        });
        if let Some(layout) = layout {
            found.push(format!("`<{}>` is laid out by `{layout}`", it.tag));
        }
        let hidden = it.style("display") == Some("none");
        if it.tag == "div" && !hidden && !words(mail, at).trim().is_empty() {
            found.push("`<div>` holds what is shown".to_owned());
        }
        if it.tag == "table" {
            let missing = ["border", "cellpadding", "cellspacing"];
            let missing = missing
                .into_iter()
                .filter(|name| it.attribute(name).is_none());
            let missing: Vec<String> = missing.map(|name| format!("`{name}`")).collect();
            if !missing.is_empty() {
                found.push(format!("`<table>` without {}", missing.join(", ")));
            }
        }
    }
    found
}

/// With pictures off, the text in their place says what they show, and they keep their room.
pub(super) fn image_alt(mail: &Mail<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for image in tags(mail, "img") {
        if image.attribute("alt").is_none_or(|alt| alt.len() < 20) {
            found.push("`<img>` without a text of its own".to_owned());
        }
        if image.attribute("width").is_none() || image.attribute("height").is_none() {
            found.push("`<img>` without its size".to_owned());
        }
    }
    found
}

/// A picture from elsewhere is blocked, and tells who reads when.
pub(super) fn image_local(mail: &Mail<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for image in tags(mail, "img") {
        let source = image.attribute("src").unwrap_or_default();
        let own = |id: &str| mail.rendered.images.iter().any(|it| it.content_id == id);
        match source.strip_prefix("cid:") {
            None => found.push(format!("`{source}` is fetched from elsewhere")),
            Some(id) if !own(id) => found.push(format!("`{source}` is no picture of this mail")),
            Some(_) => {}
        }
    }
    if mail.rendered.mail_html.contains("url(") {
        found.push("a style fetches a picture from elsewhere".to_owned());
    }
    found
}

pub(super) fn links(mail: &Mail<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (at, it) in mail
        .elements
        .iter()
        .enumerate()
        .filter(|(_, it)| it.tag == "a")
    {
        if it
            .attribute("href")
            .is_none_or(|href| href.is_empty() || href == "#")
        {
            found.push("`<a>` leads nowhere".to_owned());
        }
        if words(mail, at).trim().is_empty() {
            found.push("`<a>` has no words".to_owned());
        }
    }
    found
}

pub(super) fn size(mail: &Mail<'_>) -> Vec<String> {
    let bytes = mail.rendered.mail_html.len();
    let over =
        (bytes > MOST_BYTES).then(|| format!("{bytes} bytes, of {MOST_BYTES} that are shown"));
    over.into_iter().collect()
}

/// Nothing that is read is smaller than 12 pixels.
pub(super) fn text_size(mail: &Mail<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (at, it) in mail.elements.iter().enumerate() {
        if it.is_blank() || hidden(mail, at) {
            continue;
        }
        let size = chain(mail, at).find_map(|it| it.style("font-size"));
        let pixels = size.and_then(|size| size.strip_suffix("px")?.parse::<f64>().ok());
        if let Some(pixels) = pixels.filter(|pixels| *pixels < 12.0) {
            found.push(format!("`{}` is {pixels} px high", it.text.trim()));
        }
    }
    found
}

/// Headings go down one step at a time, and the first is the mail's name.
pub(super) fn headings(mail: &Mail<'_>) -> Vec<String> {
    let levels = ["h1", "h2", "h3", "h4"];
    let all: Vec<&str> = mail.elements.iter().map(|it| it.tag.as_str()).collect();
    let shown: Vec<&str> = all.into_iter().filter(|tag| levels.contains(tag)).collect();
    let mut found = Vec::new();
    if shown.first() != Some(&"h1") || shown.iter().filter(|tag| **tag == "h1").count() != 1 {
        found.push("not exactly one `<h1>`, at the beginning".to_owned());
    }
    for pair in shown.windows(2) {
        let level = |tag: &str| levels.iter().position(|it| *it == tag);
        if level(pair[1]) > level(pair[0]).map(|it| it + 1) {
            found.push(format!("`<{}>` after `<{}>`", pair[1], pair[0]));
        }
    }
    found
}

/// Whoever reads plain text reads every figure.
pub(super) fn same_figures(mail: &Mail<'_>) -> Vec<String> {
    let plain = figures(&mail.rendered.mail_text);
    let mut shown = BTreeSet::new();
    for (at, it) in mail.elements.iter().enumerate() {
        let in_head = chain(mail, at).any(|it| it.tag == "head");
        // How many rows a shorter mail leaves out is news to the plain text, which has them all.
        let left_out = it.text.starts_with("and ") && it.text.ends_with(" more");
        if !in_head && !left_out {
            shown.extend(figures(&it.text));
        }
    }
    let missing = shown.difference(&plain);
    missing
        .map(|it| format!("`{it}` is not in the plain text"))
        .collect()
}

/// Whatever reads as a figure: digits with their signs.
fn figures(text: &str) -> BTreeSet<String> {
    let text = text
        .replace("&#x27;", "")
        .replace("&#x60;", "")
        .replace("&nbsp;", " ");
    let words = text.split(|c: char| !(c.is_ascii_digit() || ",.%−–+".contains(c)));
    let words = words.map(|word| word.trim_matches([',', '.', '–']));
    let words = words.filter(|word| word.contains(|c: char| c.is_ascii_digit()));
    words.map(str::to_owned).collect()
}

/// An element and those around it, from the inside out.
pub(super) fn chain<'a>(mail: &'a Mail<'_>, at: usize) -> impl Iterator<Item = &'a Element> {
    let first = Some(at);
    let numbers = std::iter::successors(first, |at| mail.elements[*at].parent);
    numbers.map(|at| &mail.elements[at])
}

/// Whether nobody sees an element.
pub(super) fn hidden(mail: &Mail<'_>, at: usize) -> bool {
    chain(mail, at).any(|it| it.tag == "head" || it.style("display") == Some("none"))
}
