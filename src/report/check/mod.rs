//! Finds the variables that a template names and its view does not have, also where rendering
//! never comes by: strict mode says nothing of `{{#if mistyped}}`, nor of a branch not taken.
//!
//! The parsed template is walked beside the JSON of an example view in which every list has an
//! entry and every option is there.

mod paths;
mod plain;

use handlebars::Template;
use handlebars::template::{DecoratorTemplate, HelperTemplate, Parameter, TemplateElement};
use serde_json::Value;

use self::paths::{Scope, Unknown};
pub(super) use self::plain::not_plain;
use super::helpers;
use super::templates::{Form, Templates};
use crate::problem::Problem;

/// How deep includes are followed; one that includes itself is refused when it is rendered.
const DEEPEST: usize = 16;

/// What template `name` and all it includes name that `view` does not have.
pub(super) fn unknown_variables(templates: &Templates, name: &str, view: &Value) -> Vec<Problem> {
    let view = &shape(view);
    let mut walk = Walk {
        templates,
        form: Form::of(name),
        found: Vec::new(),
    };
    let scope = Scope::of(view);
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
            let shaped = fields
                .iter()
                .map(|(key, field)| (key.clone(), shape(field)));
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
                let known = one.get_mut(&key).map_or(Value::Null, Value::take);
                one.insert(key, merge(known, field));
            }
            Value::Object(one)
        }
        (one, _) => one,
    }
}

struct Walk<'a> {
    templates: &'a Templates,
    form: Form,
    found: Vec<Problem>,
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
        let Some(template) = self.templates.parsed(self.form, name) else {
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
        let inner = scope.inside(block);
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
        let inner = scope.included(partial);
        if let Some(template) = &partial.template {
            self.template(template, at.template, &inner, at.depth);
        }
        let name = partial.name.as_name().unwrap_or_default();
        if name == "@partial-block" {
            return;
        }
        if !self.named(name, &inner, at.depth + 1) {
            self.report(at, format!("No template `{name}` to include"), None);
        }
    }

    fn parameter(&mut self, parameter: &'a Parameter, scope: &Scope<'a>, at: At<'_>) {
        if let Parameter::Subexpression(inner) = parameter {
            if let TemplateElement::Expression(call) = inner.as_element() {
                self.call(call, scope, at);
            }
        } else if let Err(Unknown(known)) = scope.value_of(parameter) {
            let name = parameter.as_name().unwrap_or_default();
            self.report(at, format!("Unknown variable `{name}`"), known);
        }
    }

    fn report(&mut self, at: At<'_>, what: String, known: Option<String>) {
        let mut problem = Problem::new(what);
        problem.place = self
            .templates
            .place(self.form, at.template, at.line, at.column)
            .map(Box::new);
        problem.fix = known.map(|names| format!("one of: {names}"));
        if !self.found.contains(&problem) {
            self.found.push(problem);
        }
    }
}

#[cfg(test)]
mod tests;
