//! What the names in a template mean: paths from the open blocks, their parents and the root.

use std::collections::BTreeMap;

use handlebars::Path;
use handlebars::template::{
    BlockParam, DecoratorTemplate, HelperTemplate, Parameter, TemplateElement,
};
use serde_json::Value;

/// What a name means; `None` where the example cannot show it, so that everything is allowed.
type Meaning<'a> = Option<&'a Value>;

/// An unknown name, with the names there are instead, if that can be said.
pub(super) struct Unknown(pub(super) Option<String>);

/// What names mean at one point of a template.
#[derive(Clone)]
pub(super) struct Scope<'a> {
    root: &'a Value,
    /// The value of each open block, innermost last.
    blocks: Vec<Meaning<'a>>,
    /// `as |name|` and the hash of a partial.
    named: BTreeMap<String, Meaning<'a>>,
}

impl<'a> Scope<'a> {
    pub(super) fn of(view: &'a Value) -> Self {
        Self {
            root: view,
            blocks: vec![Some(view)],
            named: BTreeMap::new(),
        }
    }

    /// What names mean inside a block.
    pub(super) fn inside(&self, block: &'a HelperTemplate) -> Self {
        let value = block.params.first().and_then(|first| self.meaning(first));
        let entry = match block.name.as_name() {
            Some("each") => value.and_then(first_entry),
            Some("with") => value,
            _ => return self.clone(),
        };
        let mut inner = self.clone();
        inner.blocks.push(entry);
        for (index, name) in block_names(block).into_iter().enumerate() {
            inner.named.insert(name, entry.filter(|_| index == 0));
        }
        inner
    }

    /// What names mean inside an included template, and in what is handed to it as a block.
    pub(super) fn included(&self, partial: &'a DecoratorTemplate) -> Self {
        let mut inner = self.clone();
        // A block of its own even where nothing is handed over: `..` is what stood here before.
        let given = partial.params.first();
        let here = self.blocks.last().copied().flatten();
        let value = given.map_or(here, |parameter| self.meaning(parameter));
        inner.blocks.push(value);
        let given = partial.hash.iter();
        let given = given.map(|(key, parameter)| (key.clone(), self.meaning(parameter)));
        inner.named.extend(given);
        inner
    }

    fn meaning(&self, parameter: &'a Parameter) -> Meaning<'a> {
        self.value_of(parameter).unwrap_or(None)
    }

    pub(super) fn value_of(&self, parameter: &'a Parameter) -> Result<Meaning<'a>, Unknown> {
        match parameter {
            Parameter::Path(Path::Relative((_, raw))) | Parameter::Name(raw) => self.resolve(raw),
            Parameter::Literal(value) => Ok(Some(value)),
            Parameter::Subexpression(inner) => Ok(self.first_of(inner.as_element())),
            _ => Ok(None),
        }
    }

    /// What `(first rows)` means.
    fn first_of(&self, called: &'a TemplateElement) -> Meaning<'a> {
        let TemplateElement::Expression(call) = called else {
            return None;
        };
        let is_first = call.name.as_name() == Some("first");
        let rows = call.params.first().filter(|_| is_first)?;
        self.meaning(rows).and_then(first_entry)
    }

    fn resolve(&self, raw: &str) -> Result<Meaning<'a>, Unknown> {
        let steps = steps(raw);
        if let Some(("@root", rest)) = first(&steps) {
            return descend(Some(self.root), rest);
        }
        if let Some((name, rest)) = first(&steps)
            && let Some(named) = self.named.get(name)
        {
            return descend(*named, rest);
        }
        let up = steps.iter().take_while(|step| *step == "..").count();
        let innermost = self.blocks.iter().rev().nth(up).copied().flatten();
        descend(innermost, steps.get(up..).unwrap_or_default())
    }
}

fn first(steps: &[String]) -> Option<(&str, &[String])> {
    let (first, rest) = steps.split_first()?;
    Some((first, rest))
}

fn descend<'a>(start: Meaning<'a>, steps: &[String]) -> Result<Meaning<'a>, Unknown> {
    let mut value = start;
    for step in steps {
        value = match value {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Object(fields)) => match fields.get(step) {
                Some(field) => Some(field),
                None => return Err(Unknown(Some(names(fields)))),
            },
            Some(Value::Array(entries)) if step == "length" || entries.is_empty() => None,
            Some(Value::Array(entries)) if step.parse::<usize>().is_ok() => entries.first(),
            Some(_) => return Err(Unknown(None)),
        };
    }
    Ok(value)
}

/// The steps of a path: `../a.[b c]/d` is `..`, `a`, `b c`, `d`; `this` and `.` are no step.
fn steps(raw: &str) -> Vec<String> {
    let mut steps = Vec::new();
    let mut rest = raw;
    while !rest.is_empty() {
        let (step, after) = if let Some(inner) = rest.strip_prefix('[') {
            inner.split_once(']').unwrap_or((inner, ""))
        } else if let Some(after) = rest.strip_prefix("..") {
            ("..", after)
        } else {
            let end = rest.find(['.', '/']).unwrap_or(rest.len());
            rest.split_at(end)
        };
        if !step.is_empty() && step != "this" {
            steps.push(step.to_owned());
        }
        rest = after.strip_prefix(['.', '/']).unwrap_or(after);
    }
    steps
}

fn first_entry(value: &Value) -> Option<&Value> {
    match value {
        Value::Array(entries) => entries.first(),
        Value::Object(fields) => fields.values().next(),
        _ => None,
    }
}

fn block_names(block: &HelperTemplate) -> Vec<String> {
    let parameters = match &block.block_param {
        Some(BlockParam::Single(one)) => vec![one],
        Some(BlockParam::Pair((one, two))) => vec![one, two],
        _ => Vec::new(),
    };
    let names = parameters.into_iter().filter_map(Parameter::as_name);
    names.map(str::to_owned).collect()
}

fn names(fields: &serde_json::Map<String, Value>) -> String {
    let quoted: Vec<String> = fields.keys().map(|key| format!("`{key}`")).collect();
    quoted.join(", ")
}
