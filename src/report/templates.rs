//! The templates: the shipped ones, compiled in, each replaced by a deployment's file of the same
//! relative path. All are parsed when they are loaded, and every mistake is told at once.
//!
//! A template's name is its path without `.hbs`: `daily.page.html`, `parts/page.html`. What ends
//! in `.html` is escaped for HTML, what ends in `.txt` is not.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use handlebars::{
    Handlebars, RenderError, RenderErrorReason, Template, TemplateError, html_escape, no_escape,
};
use include_dir::{Dir, File, include_dir};
use serde::Serialize;

use super::{ReportError, helpers};
use crate::problem::{Place, Problem, Problems};

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// All templates, parsed, in strict mode.
pub(crate) struct Templates {
    html: Handlebars<'static>,
    text: Handlebars<'static>,
    sources: BTreeMap<String, Source>,
}

/// A template as it was written.
struct Source {
    /// The file as the user would name it.
    file: String,
    text: String,
}

impl Templates {
    /// The shipped templates and those under `overrides`, a folder that need not exist.
    pub(crate) fn load(overrides: &Path) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut sources: BTreeMap<String, Source> = BTreeMap::new();
        for file in shipped(&SHIPPED) {
            let path = file.path().display().to_string();
            let text = file.contents_utf8().unwrap_or_default().to_owned();
            insert(&mut sources, &path, format!("templates/{path}"), text);
        }
        for path in files(overrides, overrides, &mut problems) {
            let file = overrides.join(&path).display().to_string();
            if !ends_in(name_of(&path), "html") && !ends_in(name_of(&path), "txt") {
                problems.push(unknown_kind(&file));
                continue;
            }
            match fs::read_to_string(overrides.join(&path)) {
                Ok(text) => insert(&mut sources, &path, file, text),
                Err(error) => problems.push(unreadable(&file, &error)),
            }
        }
        let templates = Self::compile(sources, &mut problems);
        if problems.is_empty() {
            Ok(templates)
        } else {
            Err(Problems(problems))
        }
    }

    /// How many there are, partials included.
    pub(crate) fn len(&self) -> usize {
        self.sources.len()
    }

    fn compile(sources: BTreeMap<String, Source>, problems: &mut Vec<Problem>) -> Self {
        let mut html = engine();
        html.register_escape_fn(html_escape);
        let mut text = engine();
        text.register_escape_fn(no_escape);
        for (name, source) in &sources {
            let of_kind = if is_html(name) { &mut html } else { &mut text };
            if let Err(error) = of_kind.register_template_string(name, &source.text) {
                problems.push(broken(source, &error));
            }
        }
        Self {
            html,
            text,
            sources,
        }
    }

    /// `view` through the template `name`.
    pub(super) fn render(&self, name: &str, view: &impl Serialize) -> Result<String, ReportError> {
        self.of_kind(name)
            .render(name, view)
            .map_err(|error| self.error(name, &error))
    }

    /// The parsed template `name`, which other templates of its kind may include.
    pub(super) fn parsed(&self, name: &str) -> Option<&Template> {
        self.of_kind(name).get_template(name)
    }

    /// Where in the template `name` something stands.
    pub(super) fn place(&self, name: &str, line: usize, column: usize) -> Option<Place> {
        let source = self.sources.get(name)?;
        Some(Place::of(&source.file, &source.text, line, column))
    }

    fn of_kind(&self, name: &str) -> &Handlebars<'static> {
        if is_html(name) {
            &self.html
        } else {
            &self.text
        }
    }

    fn error(&self, name: &str, error: &RenderError) -> ReportError {
        let at = error.template_name.as_deref().unwrap_or(name);
        let file = self.sources.get(at).map_or(at, |source| &source.file);
        ReportError::Template {
            file: file.to_owned(),
            line: error.line_no.unwrap_or(1),
            column: error.column_no.unwrap_or(1),
            what: match error.reason() {
                RenderErrorReason::MissingVariable(Some(name)) => {
                    format!("Unknown variable `{name}`")
                }
                other => other.to_string(),
            },
        }
    }
}

fn engine() -> Handlebars<'static> {
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    engine.set_prevent_indent(true);
    helpers::register(&mut engine);
    engine
}

/// Every file of a compiled-in folder and the folders below it.
fn shipped<'a>(folder: &'a Dir<'a>) -> Vec<&'a File<'a>> {
    let below = folder.dirs().flat_map(shipped);
    folder.files().chain(below).collect()
}

fn insert(sources: &mut BTreeMap<String, Source>, path: &str, file: String, text: String) {
    sources.insert(name_of(path).to_owned(), Source { file, text });
}

fn name_of(path: &str) -> &str {
    path.strip_suffix(".hbs").unwrap_or(path)
}

fn is_html(name: &str) -> bool {
    ends_in(name, "html")
}

fn ends_in(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|it| it == ending)
}

/// The paths of all `.hbs` files under `folder`, relative to `root`, with `/`, in order.
fn files(root: &Path, folder: &Path, problems: &mut Vec<Problem>) -> Vec<String> {
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = match listed {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound && folder == root => {
            return Vec::new();
        }
        Err(error) => {
            problems.push(unreadable(&folder.display().to_string(), &error));
            return Vec::new();
        }
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut found = Vec::new();
    for path in entries.iter().map(fs::DirEntry::path) {
        if path.is_dir() {
            found.extend(files(root, &path, problems));
        } else if path.extension().is_some_and(|ending| ending == "hbs") {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
            found.push(parts.join("/"));
        }
    }
    found
}

fn unknown_kind(file: &str) -> Problem {
    Problem::new(format!("Template `{file}` is neither HTML nor text"))
        .why("what is written into HTML is escaped, what is written into text is not")
        .fix("end its name in `.html.hbs` or `.txt.hbs`")
}

fn unreadable(file: &str, error: &io::Error) -> Problem {
    Problem::new(format!("Cannot read `{file}`")).why(error.to_string())
}

fn broken(source: &Source, error: &TemplateError) -> Problem {
    let (line, column) = error.pos().unwrap_or((1, 1));
    Problem::new("Template does not parse")
        .at(Place::of(&source.file, &source.text, line, column))
        .why(error.reason().to_string().trim().to_owned())
}
