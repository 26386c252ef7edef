//! Finds the variables that a template names and its view does not have, also where rendering
//! never comes by: strict mode says nothing of `{{#if mistyped}}`, nor of a branch not taken.
//!
//! The parsed template is walked beside the JSON of an example view in which every list has an
//! entry and every option is there.

use std::collections::BTreeMap;

use handlebars::template::{
    BlockParam, DecoratorTemplate, HelperTemplate, Parameter, TemplateElement,
};
use handlebars::{Path, Template};
use serde_json::Value;

use super::helpers;
use super::templates::Templates;
use crate::problem::Problem;

/// No template includes another more often than this below itself.
const DEEPEST: usize = 16;

/// What template `name` and all it includes name that `view` does not have.
pub(super) fn unknown_variables(templates: &Templates, name: &str, view: &Value) -> Vec<Problem> {
    let view = &shape(view);
    let mut walk = Walk {
        templates,
        found: Vec::new(),
    };
    let scope = Scope {
        root: view,
        blocks: vec![Some(view)],
        named: BTreeMap::new(),
    };
    walk.named(name, &scope, 0);
    walk.found
}

/// `view` with every list cut to one entry that has whatever any of its entries has.
fn shape(view: &Value) -> Value {
    match view {
        Value::Array(entries) => {
            let merged = entries.iter().map(shape).reduce(merge);
            Value::Array(merged.into_iter().collect())
        }
        Value::Object(fields) => {
            let shaped = fields.iter().map(|(key, field)| (key.clone(), shape(field)));
            Value::Object(shaped.collect())
        }
        other => other.clone(),
    }
}

fn merge(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Null, some) | (some, Value::Null) => some,
        (Value::Object(mut one), Value::Object(other)) => {
            for (key, field) in other {
                let known = one.remove(&key).unwrap_or(Value::Null);
                one.insert(key, merge(known, field));
            }
            Value::Object(one)
        }
        (one, _) => one,
    }
}

struct Walk<'a> {
    templates: &'a Templates,
    found: Vec<Problem>,
}

/// What names mean at one point of a template. `None` stands for a value that the example cannot
/// show, in which everything is allowed.
#[derive(Clone)]
struct Scope<'a> {
    root: &'a Value,
    /// The value of each open block, innermost last.
    blocks: Vec<Option<&'a Value>>,
    /// `as |name|` and the hash of a partial.
    named: BTreeMap<String, Option<&'a Value>>,
}

/// Where an expression stands.
#[derive(Clone, Copy)]
struct At<'a> {
    template: &'a str,
    line: usize,
    column: usize,
    depth: usize,
}

impl<'a> Walk<'a> {
    fn named(&mut self, name: &str, scope: &Scope<'a>, depth: usize) -> bool {
        let Some(template) = self.templates.parsed(name) else {
            return false;
        };
        if depth < DEEPEST {
            self.template(template, name, scope, depth);
        }
        true
    }

    fn template(&mut self, template: &'a Template, name: &str, scope: &Scope<'a>, depth: usize) {
        for (element, mapping) in template.elements.iter().zip(&template.mapping) {
            let at = At {
                template: name,
                line: mapping.0,
                column: mapping.1,
                depth,
            };
            self.element(element, scope, at);
        }
    }

    fn element(&mut self, element: &'a TemplateElement, scope: &Scope<'a>, at: At<'_>) {
        match element {
            TemplateElement::Expression(call) | TemplateElement::HtmlExpression(call) => {
                self.call(call, scope, at);
            }
            TemplateElement::HelperBlock(block) => self.block(block, scope, at),
            TemplateElement::PartialExpression(partial)
            | TemplateElement::PartialBlock(partial) => self.partial(partial, scope, at),
            _ => {}
        }
    }

    /// `{{name}}` or `{{helper name …}}`.
    fn call(&mut self, call: &'a HelperTemplate, scope: &Scope<'a>, at: At<'_>) {
        let name = call.name.as_name().unwrap_or_default();
        if call.params.is_empty() && call.hash.is_empty() && !helpers::is_helper(name) {
            self.parameter(&call.name, scope, at);
        } else {
            self.helper(call, scope, at);
        }
    }

    fn helper(&mut self, call: &'a HelperTemplate, scope: &Scope<'a>, at: At<'_>) {
        let name = call.name.as_name().unwrap_or_default();
        if !helpers::is_helper(name) {
            self.report(at, format!("Unknown helper `{name}`"), None);
        }
        for parameter in call.params.iter().chain(call.hash.values()) {
            self.parameter(parameter, scope, at);
        }
    }

    fn block(&mut self, block: &'a HelperTemplate, scope: &Scope<'a>, at: At<'_>) {
        self.helper(block, scope, at);
        let value = block
            .params
            .first()
            .and_then(|first| value_of(first, scope).unwrap_or(None));
        let mut inner = scope.clone();
        let entry = match block.name.as_name() {
            Some("each") => Some(value.and_then(first_entry)),
            Some("with") => Some(value),
            _ => None,
        };
        if let Some(entry) = entry {
            inner.blocks.push(entry);
            for (index, name) in block_names(block).into_iter().enumerate() {
                inner.named.insert(name, if index == 0 { entry } else { None });
            }
        }
        if let Some(template) = &block.template {
            self.template(template, at.template, &inner, at.depth);
        }
        if let Some(template) = &block.inverse {
            self.template(template, at.template, scope, at.depth);
        }
    }

    fn partial(&mut self, partial: &'a DecoratorTemplate, scope: &Scope<'a>, at: At<'_>) {
        for parameter in partial.params.iter().chain(partial.hash.values()) {
            self.parameter(parameter, scope, at);
        }
        if let Some(template) = &partial.template {
            self.template(template, at.template, scope, at.depth);
        }
        let name = partial.name.as_name().unwrap_or_default();
        if name == "@partial-block" {
            return;
        }
        let mut inner = scope.clone();
        if let Some(parameter) = partial.params.first() {
            inner.blocks.push(value_of(parameter, scope).unwrap_or(None));
        }
        let given = partial.hash.iter();
        let given = given.map(|(key, it)| (key.clone(), value_of(it, scope).unwrap_or(None)));
        inner.named.extend(given);
        if !self.named(name, &inner, at.depth + 1) {
            self.report(at, format!("No template `{name}` to include"), None);
        }
    }

    fn parameter(&mut self, parameter: &'a Parameter, scope: &Scope<'a>, at: At<'_>) {
        if let Parameter::Subexpression(inner) = parameter {
            if let TemplateElement::Expression(call) = inner.as_element() {
                self.call(call, scope, at);
            }
        } else if let Err(known) = value_of(parameter, scope) {
            let name = parameter.as_name().unwrap_or_default();
            self.report(at, format!("Unknown variable `{name}`"), known);
        }
    }

    fn report(&mut self, at: At<'_>, what: String, known: Option<String>) {
        let mut problem = Problem::new(what);
        problem.place = self.templates.place(at.template, at.line, at.column);
        problem.fix = known.map(|names| format!("one of: {names}"));
        if !self.found.contains(&problem) {
            self.found.push(problem);
        }
    }
}

/// What `parameter` means, `None` where the example cannot tell; or, as an error, the names there are.
fn value_of<'a>(
    parameter: &'a Parameter,
    scope: &Scope<'a>,
) -> Result<Option<&'a Value>, Option<String>> {
    match parameter {
        Parameter::Path(Path::Relative((_, raw))) | Parameter::Name(raw) => resolve(raw, scope),
        Parameter::Literal(value) => Ok(Some(value)),
        _ => Ok(None),
    }
}

fn resolve<'a>(raw: &str, scope: &Scope<'a>) -> Result<Option<&'a Value>, Option<String>> {
    let mut steps = steps(raw);
    let mut level = scope.blocks.len();
    let mut value = None;
    if steps.first().is_some_and(|step| step == "@root") {
        steps.remove(0);
        value = Some(Some(scope.root));
    }
    while steps.first().is_some_and(|step| step == "..") {
        steps.remove(0);
        level = level.saturating_sub(1);
    }
    if let Some(first) = steps.first()
        && let Some(named) = scope.named.get(first)
        && value.is_none()
    {
        steps.remove(0);
        value = Some(*named);
    }
    let start = value.unwrap_or_else(|| {
        let innermost = level.checked_sub(1).and_then(|index| scope.blocks.get(index));
        innermost.copied().flatten()
    });
    descend(start, &steps)
}

fn descend<'a>(
    start: Option<&'a Value>,
    steps: &[String],
) -> Result<Option<&'a Value>, Option<String>> {
    let mut value = start;
    for step in steps {
        value = match value {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Object(fields)) => match fields.get(step) {
                Some(field) => Some(field),
                None => return Err(Some(names(fields))),
            },
            Some(Value::Array(entries)) if step == "length" || entries.is_empty() => None,
            Some(Value::Array(entries)) if step.parse::<usize>().is_ok() => entries.first(),
            Some(_) => return Err(None),
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
