//! What a report that is written once may hold outside its blocks: nothing that one form would show
//! otherwise than another.

use handlebars::Template;
use handlebars::template::TemplateElement;

use super::super::templates::{Form, Templates};
use crate::problem::Problem;

/// The blocks that hold text.
const TEXT: [&str; 2] = ["lede", "say"];

/// The places in the template `name` where HTML stands, or text outside a block.
pub(in crate::report) fn not_plain(templates: &Templates, name: &str) -> Vec<Problem> {
    let mut found = Vec::new();
    if let Some(template) = templates.parsed(Form::Text, name) {
        look(template, false, &mut found);
    }
    let problem = |stray: Stray| {
        let mut problem = Problem::new(stray.what)
            .why("it is written into the page, the mail and the plain text")
            .fix(stray.fix);
        problem.place = templates.place_of(name, &stray.text).map(Box::new);
        problem
    };
    found.into_iter().map(problem).collect()
}

struct Stray {
    /// What stands there, up to the line's end: the parser tells no place of it.
    text: String,
    what: &'static str,
    fix: &'static str,
}

fn look(template: &Template, in_text: bool, found: &mut Vec<Stray>) {
    for element in &template.elements {
        match element {
            TemplateElement::RawString(text) => found.extend(stray(text, in_text)),
            TemplateElement::HelperBlock(block) => {
                let inner = block.template.iter().chain(&block.inverse);
                inner.for_each(|inner| look(inner, in_text, found));
            }
            TemplateElement::PartialBlock(block) => {
                let name = block.name.as_name().unwrap_or_default();
                let in_text = in_text || TEXT.contains(&name);
                let inner = block.template.iter();
                inner.for_each(|inner| look(inner, in_text, found));
            }
            _ => {}
        }
    }
}

/// The first thing in a text that may not be there.
fn stray(text: &str, in_text: bool) -> Option<Stray> {
    let from = |at: usize| {
        let rest = text.get(at..)?;
        rest.lines().next().map(str::to_owned)
    };
    let tag = text.match_indices('<').map(|(at, _)| at).find(|at| {
        let next = text.get(at + 1..).and_then(|rest| rest.chars().next());
        next.is_some_and(|next| next.is_ascii_alphabetic() || "/!".contains(next))
    });
    if let Some(at) = tag {
        return Some(Stray {
            text: from(at)?,
            what: "HTML stands in a report's template",
            fix: "use the blocks, or write the page in a template of its own, `.page.html.hbs`",
        });
    }
    let at = text.find(|letter: char| !letter.is_whitespace())?;
    if in_text {
        return None;
    }
    Some(Stray {
        text: from(at)?,
        what: "Text stands outside a block",
        fix: "put it into `{{#> say}}…{{/say}}`",
    })
}
