//! Just enough of an HTML reader for our own mails: every element with its attributes, its own text and
//! where it stands.

/// An element of a mail.
#[derive(Debug, Clone, Default)]
pub(super) struct Element {
    pub(super) tag: String,
    attributes: Vec<(String, String)>,
    /// The text directly in it, without that of the elements in it.
    pub(super) text: String,
    /// The element around it, by its number.
    pub(super) parent: Option<usize>,
}

/// Elements without an end.
const VOID: [&str; 5] = ["meta", "br", "img", "link", "hr"];

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(|(name, _)| name.as_str())
    }

    /// The value of a property of its inline style.
    pub(super) fn style(&self, property: &str) -> Option<&str> {
        declarations(self.attribute("style")?)
            .filter(|(name, _)| *name == property)
            .last()
            .map(|(_, value)| value)
    }

    /// Whether nothing of its own is read in it.
    pub(super) fn is_blank(&self) -> bool {
        self.text.replace("&nbsp;", " ").trim().is_empty()
    }

    pub(super) fn classes(&self) -> impl Iterator<Item = &str> {
        self.attribute("class")
            .unwrap_or_default()
            .split_whitespace()
    }
}

/// `name: value` pairs of a style.
pub(super) fn declarations(style: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = style.split(';').filter_map(|pair| pair.split_once(':'));
    pairs.map(|(name, value)| (name.trim(), value.trim()))
}

/// The elements of `html` in the order of their beginning. Comments and the doctype are none.
pub(super) fn elements(html: &str) -> Vec<Element> {
    let mut all: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut rest = html;
    while let Some((text, tail)) = rest.split_once('<') {
        if let Some(at) = open.last() {
            all[*at].text.push_str(text);
        }
        if let Some(comment) = tail.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let (inside, after) = tail.split_once('>').unwrap_or((tail, ""));
        rest = after;
        if let Some(end) = inside.strip_prefix('/') {
            assert_eq!(
                open.pop().map(|at| all[at].tag.clone()).as_deref(),
                Some(end),
                "tags nest"
            );
        } else if !inside.starts_with('!') {
            let mut element = element(inside);
            element.parent = open.last().copied();
            if !VOID.contains(&element.tag.as_str()) {
                open.push(all.len());
            }
            all.push(element);
        }
    }
    assert!(open.is_empty(), "every element ends");
    all
}

fn element(inside: &str) -> Element {
    let (tag, mut rest) = inside.split_once(' ').unwrap_or((inside, ""));
    let mut attributes = Vec::new();
    while let Some((name, tail)) = rest.split_once("=\"") {
        let (value, after) = tail.split_once('"').expect("an attribute is quoted");
        attributes.push((name.trim().to_owned(), value.to_owned()));
        rest = after;
    }
    Element {
        tag: tag.trim_end_matches('/').to_lowercase(),
        attributes,
        ..Element::default()
    }
}
