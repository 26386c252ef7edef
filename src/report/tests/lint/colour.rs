//! Text against its ground, in light and in dark: 4.5 to 1 at least, as WCAG 2 has it.

use super::Mail;
use super::html::{Element, declarations};
use super::rules::{chain, hidden};

const LEAST: f64 = 4.5;

pub(super) fn contrast(mail: &Mail<'_>) -> Vec<String> {
    let dark = dark(mail);
    let mut found = Vec::new();
    for (at, it) in mail.elements.iter().enumerate() {
        if it.is_blank() || hidden(mail, at) {
            continue;
        }
        for (mode, rules) in [("", &[][..]), (" in the dark", &dark[..])] {
            let of = |property| chain(mail, at).find_map(|it| colour(it, property, rules));
            let (Some(ink), Some(ground)) = (of("color"), of("background-color")) else {
                found.push(format!(
                    "`{}` has no colour or no ground{mode}",
                    it.text.trim()
                ));
                continue;
            };
            let ratio = ratio(&ink, &ground);
            if ratio < LEAST {
                let text = it.text.trim();
                found.push(format!(
                    "`{text}` is {ink} on {ground}{mode}, {ratio:.2} to 1"
                ));
            }
        }
    }
    found
}

/// A rule of the style sheet for the dark: class, property, colour.
type Dark = (String, String, String);

/// What the style sheet says for the dark, which goes over the inline style.
fn dark(mail: &Mail<'_>) -> Vec<Dark> {
    let sheet = mail.elements.iter().find(|it| it.tag == "style");
    let sheet = sheet.map_or("", |it| it.text.as_str());
    let media = sheet.split("@media (prefers-color-scheme:dark){").nth(1);
    let mut found = Vec::new();
    for rule in media.unwrap_or_default().split('}') {
        let Some((class, body)) = rule.split_once('{') else {
            continue;
        };
        for (property, value) in declarations(body) {
            let value = value
                .strip_suffix("!important")
                .expect("it goes over the inline style");
            let class = class.trim().trim_start_matches('.').to_owned();
            found.push((class, property.to_owned(), value.to_owned()));
        }
    }
    found
}

fn colour(it: &Element, property: &str, dark: &[Dark]) -> Option<String> {
    let over = dark
        .iter()
        .find(|(class, named, _)| named == property && it.classes().any(|it| it == class));
    over.map(|(_, _, value)| value.clone())
        .or_else(|| it.style(property).map(str::to_owned))
}

fn ratio(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Of `#rrggbb`, by WCAG 2.
fn luminance(colour: &str) -> f64 {
    let digits = colour.strip_prefix('#').expect("a colour is #rrggbb");
    let part = |from: usize| {
        let two = digits.get(from..from + 2).expect("a colour is #rrggbb");
        let byte = u8::from_str_radix(two, 16).expect("hex digits");
        let share = f64::from(byte) / 255.0;
        if share <= 0.04045 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
}
