//! From the four files, and the former definitions, to a checked configuration, or all that is wrong
//! with them.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use super::definitions::{self, Former};
use super::leadgauge::Leadgauge;
use super::reader::Reader;
use super::yaml::{File, Node};
use super::{Config, Funnel, Signature, calendar, funnel, leadgauge, signatures, sla};
use crate::fs;
use crate::problem::{Problem, Problems};

/// The four files, by the names under which `Config::texts` holds them.
pub(super) const FILES: [&str; 4] = ["leadgauge.yaml", "funnel.yaml", "sla.yaml", "calendar.yaml"];

impl Config {
    /// Reads `leadgauge.yaml` at `path`, which may have another name, and the other three and the former
    /// definitions beside it.
    ///
    /// # Errors
    ///
    /// All problems of all files.
    pub(crate) fn load(path: &Path) -> Result<Self, Problems> {
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let [_, funnel, sla, calendar] = FILES;
        let opened = [
            open(path),
            open(&folder.join(funnel)),
            open(&folder.join(sla)),
            open(&folder.join(calendar)),
        ];
        let signed = folder.join(signatures::FILE);
        let beside = Beside {
            former: definitions::open_beside(folder)?,
            signed: signed.exists().then(|| open(&signed)),
        };
        let mut config = check(folder, &opened, &beside)?;
        config.texts.extend(own_queries(&config.queries)?);
        Ok(config)
    }

    /// The same deployment under another definition, which `file` is the name of.
    ///
    /// # Errors
    ///
    /// All problems of the text.
    pub(crate) fn under(&self, file: &str, text: &str) -> Result<Self, Problems> {
        Ok(Self {
            funnel: Funnel::of_text(file, text)?,
            ..self.clone()
        })
    }

    /// The configuration that texts of the commit log say, its own queries put below `folder`. What it
    /// says of places is of no use: they may be others by now.
    ///
    /// # Errors
    ///
    /// All problems of the texts, or that the queries cannot be written.
    pub(crate) fn of_texts(
        texts: &BTreeMap<String, String>,
        folder: &Path,
    ) -> Result<Self, Problems> {
        let opened = FILES.map(|name| {
            let text = texts.get(name).cloned().unwrap_or_default();
            parsed(File::new(name.to_owned(), text))
        });
        for (name, text) in texts.iter().filter(|(name, _)| name.starts_with(QUERIES)) {
            let written = fs::write(&folder.join(name), text.as_bytes());
            written.map_err(|error| Problem::new(error.to_string()))?;
        }
        let signed = texts.get(signatures::FILE).cloned();
        let signed = signed.map(|text| parsed(File::new(signatures::FILE.to_owned(), text)));
        let beside = Beside {
            former: definitions::of_texts(texts, parsed),
            signed,
        };
        let config = check(folder, &opened, &beside)?;
        Ok(Self {
            queries: folder.join(QUERIES),
            ..config
        })
    }
}

impl Funnel {
    /// A definition by its text; `file` is its name in what is told.
    ///
    /// # Errors
    ///
    /// All problems of the text.
    pub(crate) fn of_text(file: &str, text: &str) -> Result<Self, Problems> {
        let opened = parsed(File::new(file.to_owned(), text.to_owned()));
        let mut problems = Vec::new();
        let funnel = section(&opened, &mut problems, funnel::read);
        funnel
            .filter(|_| problems.is_empty())
            .ok_or(Problems(problems))
    }
}

/// The folder under which the texts hold a deployment's own queries.
const QUERIES: &str = "queries/";

/// The queries that a deployment brings, by the name under which the texts hold them.
fn own_queries(folder: &Path) -> Result<BTreeMap<String, String>, Problem> {
    let told = |error: fs::StoreError| unlisted(&error, "`.sql` files");
    let files = fs::files_below(folder).map_err(told)?;
    let sql = files
        .into_iter()
        .filter(|file| file.extension().is_some_and(|end| end == "sql"));
    let text = |file: PathBuf| {
        let below = file
            .strip_prefix(folder)
            .unwrap_or(&file)
            .display()
            .to_string();
        Ok((
            format!("{QUERIES}{below}"),
            fs::read_text(&file).map_err(told)?,
        ))
    };
    sql.map(text).collect()
}

/// What is wrong with a folder of files of the user's.
pub(super) fn unlisted(error: &fs::StoreError, of: &str) -> Problem {
    let problem = Problem::new(error.to_string());
    let why = error.source().map(ToString::to_string);
    let problem = why.into_iter().fold(problem, Problem::why);
    problem.fix(format!(
        "see that it is there as a folder of {of} that this program may read"
    ))
}

/// One of the files, read and parsed, or what is wrong with it.
pub(super) type Opened = Result<(File, Node), Problem>;

pub(super) fn open(path: &Path) -> Opened {
    let text = fs::read_text(path).map_err(|error| unreadable(&error))?;
    parsed(File::new(path.display().to_string(), text))
}

fn parsed(file: File) -> Opened {
    let root = file.parse()?;
    Ok((file, root))
}

fn unreadable(error: &fs::StoreError) -> Problem {
    let problem = Problem::new(error.to_string());
    match (error, error.source()) {
        (fs::StoreError::NotFound { .. }, _) => problem.fix(
            "Create it, or name the deployment's `leadgauge.yaml` with `--config`; \
             `sla.yaml` and `calendar.yaml` may be empty",
        ),
        (_, Some(source)) => problem.why(source.to_string()),
        (_, None) => problem,
    }
}

/// What may lie beside the four files.
struct Beside {
    former: Vec<Former>,
    /// `signatures.yaml`.
    signed: Option<Opened>,
}

fn check(folder: &Path, opened: &[Opened; 4], beside: &Beside) -> Result<Config, Problems> {
    let [main, newest, sla, calendar] = opened;
    let stages = definitions::stage_ids(newest, &beside.former);
    let mut problems = Vec::new();
    let main = section(main, &mut problems, |reader, root| {
        leadgauge::read(reader, root, folder)
    });
    let funnel = section(newest, &mut problems, funnel::read);
    let former = definitions::read(newest, &beside.former, &mut problems);
    // The fiscal year comes first, though its file is told last.
    let mut calendar_problems = Vec::new();
    let calendar = section(calendar, &mut calendar_problems, calendar::read);
    let terms = sla::Terms {
        stages,
        fiscal_year_starts: calendar
            .as_ref()
            .map_or(1, |calendar| calendar.fiscal_year_starts),
    };
    let sla = section(sla, &mut problems, |reader, root| {
        sla::read(reader, root, &terms)
    });
    problems.extend(calendar_problems);
    let signatures = signatures(beside.signed.as_ref(), &mut problems);
    match (main, funnel, former, sla, calendar) {
        (Some(main), Some(funnel), Some(former), Some(sla), Some(calendar))
            if problems.is_empty() =>
        {
            let Leadgauge {
                company,
                time_zone,
                warehouse,
                queries,
                templates,
                sources,
                metrics,
                reports,
                delivery,
                retention,
            } = main;
            Ok(Config {
                company,
                time_zone,
                warehouse,
                queries,
                templates,
                sources,
                metrics,
                reports,
                delivery,
                retention,
                funnel,
                former,
                sla,
                calendar,
                signatures,
                funnel_file: folder.join(FILES[1]),
                texts: texts(opened, beside),
            })
        }
        _ => Err(Problems(problems)),
    }
}

/// Reads one file's tree and collects what was told.
pub(super) fn section<T>(
    opened: &Opened,
    problems: &mut Vec<Problem>,
    read: impl FnOnce(&Reader<'_>, &Node) -> Option<T>,
) -> Option<T> {
    match opened {
        Ok((file, root)) => {
            let reader = Reader::new(file);
            let value = read(&reader, root);
            problems.extend(reader.into_problems());
            value
        }
        Err(problem) => {
            problems.push(problem.clone());
            None
        }
    }
}

/// Of `signatures.yaml`, if there is one.
fn signatures(signed: Option<&Opened>, problems: &mut Vec<Problem>) -> Vec<Signature> {
    let read = signed.and_then(|opened| section(opened, problems, signatures::read));
    read.unwrap_or_default()
}

fn texts(opened: &[Opened; 4], beside: &Beside) -> BTreeMap<String, String> {
    let named = FILES.into_iter().zip(opened);
    let former = beside.former.iter();
    let former = former.map(|(name, opened)| (name.as_str(), opened));
    let signed = beside
        .signed
        .iter()
        .map(|signed| (signatures::FILE, signed));
    named
        .chain(former)
        .chain(signed)
        .filter_map(|(name, opened)| {
            let (file, _) = opened.as_ref().ok()?;
            Some((name.to_owned(), file.text().to_owned()))
        })
        .collect()
}
