//! The templates: the shipped ones, compiled in, each replaced by a deployment's file of the same
//! relative path. All are parsed when they are loaded, and every mistake is told at once.
//!
//! A template's name is its path without `.hbs`: `daily.page.html`, `parts/page.html`. What ends
//! in `.html` is escaped for HTML, what ends in `.txt` is not. What ends in `.report` is written once
//! for page, mail and plain text: it names blocks, and each form has its own `blocks/`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use handlebars::template::TemplateElement;
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
    page: Handlebars<'static>,
    mail: Handlebars<'static>,
    text: Handlebars<'static>,
    sources: BTreeMap<String, Source>,
}

/// A form in which a report is written. Each has its own blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Page,
    Mail,
    Text,
}

impl Form {
    const ALL: [Self; 3] = [Self::Page, Self::Mail, Self::Text];

    /// The form that the template `name` writes.
    pub(super) fn of(name: &str) -> Self {
        if ends_in(name, "txt") {
            Self::Text
        } else if name.ends_with(Self::Mail.ending()) {
            Self::Mail
        } else {
            Self::Page
        }
    }

    /// How the names of its templates end.
    fn ending(self) -> &'static str {
        match self {
            Self::Page => ".page.html",
            Self::Mail => ".mail.html",
            Self::Text => ".mail.txt",
        }
    }

    /// The names under which other templates of this form know the template `name`; none for those
    /// that are not of this form.
    fn known_as(self, name: &str) -> Option<&str> {
        if let Some(block) = name.strip_prefix(BLOCKS) {
            return block.strip_suffix(self.ending());
        }
        let fits = match self {
            _ if ends_in(name, REPORT) => true,
            Self::Text => ends_in(name, "txt"),
            Self::Page | Self::Mail => ends_in(name, "html"),
        };
        fits.then_some(name)
    }
}

/// Where the blocks are.
const BLOCKS: &str = "blocks/";

/// How a template ends that is written once for every form.
const REPORT: &str = "report";

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
            if !["html", "txt", REPORT]
                .map(|it| ends_in(name_of(&path), it))
                .contains(&true)
            {
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
        let mut templates = Self {
            page: engine(html_escape),
            mail: engine(html_escape),
            text: engine(no_escape),
            sources: BTreeMap::new(),
        };
        for form in Form::ALL {
            let engine = templates.engine_mut(form);
            for (name, source) in &sources {
                let Some(name) = form.known_as(name) else {
                    continue;
                };
                let registered = engine.register_template_string(name, &source.text);
                if ends_in(name, REPORT) && form != Form::Text {
                    escape(engine, name);
                }
                if let Err(error) = registered {
                    let problem = broken(source, &error);
                    if !problems.contains(&problem) {
                        problems.push(problem);
                    }
                }
            }
            let written_once = sources
                .keys()
                .filter_map(|name| name.strip_suffix(".report"));
            for report in written_once {
                frame(
                    engine,
                    &format!("{report}{}", form.ending()),
                    report,
                    problems,
                );
            }
        }
        templates.sources = sources;
        templates
    }

    /// `view` through the template `name`.
    pub(super) fn render(&self, name: &str, view: &impl Serialize) -> Result<String, ReportError> {
        self.engine(Form::of(name))
            .render(name, view)
            .map_err(|error| self.error(name, &error))
    }

    /// The parsed template that templates of a form know as `name`.
    pub(super) fn parsed(&self, form: Form, name: &str) -> Option<&Template> {
        self.engine(form).get_template(name)
    }

    /// Whether there is a template `name`, or one from which it is made.
    pub(super) fn has(&self, name: &str) -> bool {
        self.parsed(Form::of(name), name).is_some()
    }

    /// Where in the template that a form knows as `name` something stands.
    pub(super) fn place(
        &self,
        form: Form,
        name: &str,
        line: usize,
        column: usize,
    ) -> Option<Place> {
        let source = self.source(form, name)?;
        Some(Place::of(&source.file, &source.text, line, column))
    }

    /// Where in the template `name` a piece of its text stands first.
    pub(super) fn place_of(&self, name: &str, piece: &str) -> Option<Place> {
        let source = self.sources.get(name)?;
        let before = source.text.split_once(piece)?.0;
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .map_or(1, |last| last.chars().count() + 1);
        Some(Place::of(&source.file, &source.text, line, column))
    }

    fn source(&self, form: Form, name: &str) -> Option<&Source> {
        let block = || format!("{BLOCKS}{name}{}", form.ending());
        self.sources
            .get(name)
            .or_else(|| self.sources.get(&block()))
    }

    fn engine(&self, form: Form) -> &Handlebars<'static> {
        match form {
            Form::Page => &self.page,
            Form::Mail => &self.mail,
            Form::Text => &self.text,
        }
    }

    fn engine_mut(&mut self, form: Form) -> &mut Handlebars<'static> {
        match form {
            Form::Page => &mut self.page,
            Form::Mail => &mut self.mail,
            Form::Text => &mut self.text,
        }
    }

    fn error(&self, name: &str, error: &RenderError) -> ReportError {
        let at = error.template_name.as_deref().unwrap_or(name);
        let source = self.source(Form::of(name), at);
        let file = source.map_or(at, |source| &source.file);
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

/// Puts a report that is written once into the frame of a form, unless it has a template for it.
fn frame(engine: &mut Handlebars<'static>, name: &str, report: &str, problems: &mut Vec<Problem>) {
    if engine.has_template(name) {
        return;
    }
    let frame = format!("parts/report{}", Form::of(name).ending());
    let text = format!("{{{{#> {frame}}}}}{{{{> {report}.report}}}}{{{{/{frame}}}}}");
    if let Err(error) = engine.register_template_string(name, text) {
        let problem = Problem::new(format!("`{report}` is no name for a report"));
        problems.push(problem.why(error.reason().to_string().trim().to_owned()));
    }
}

/// Makes the text of a report that is written once, which is not HTML, HTML.
fn escape(engine: &mut Handlebars<'static>, name: &str) {
    if let Some(mut template) = engine.get_template(name).cloned() {
        escape_text(&mut template);
        engine.register_template(name, template);
    }
}

fn escape_text(template: &mut Template) {
    for element in &mut template.elements {
        match element {
            TemplateElement::RawString(text) => *text = html_escape(text),
            TemplateElement::HelperBlock(block) => {
                let inner = block.template.iter_mut().chain(&mut block.inverse);
                inner.for_each(escape_text);
            }
            TemplateElement::PartialBlock(block) => {
                block.template.iter_mut().for_each(escape_text);
            }
            _ => {}
        }
    }
}

fn engine(escape: fn(&str) -> String) -> Handlebars<'static> {
    let mut engine = Handlebars::new();
    engine.register_escape_fn(escape);
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
        .fix("end its name in `.html.hbs` or `.txt.hbs`, or in `.report.hbs` for both")
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
