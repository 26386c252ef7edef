//! The definitions of the funnel over time: `funnel.yaml` is the newest, the former ones stand in the
//! folder `definitions/` beside it, one file each, in the same form.

use std::collections::{BTreeMap, btree_map};
use std::path::Path;

use jiff::civil::Date;

use super::load::{Opened, open, section, unlisted};
use super::yaml::{File, Node};
use super::{Config, Funnel, funnel};
use crate::fs;
use crate::problem::{Place, Problem, Problems};

/// The folder of the former definitions, and how `Config::texts` calls its files.
pub(super) const FOLDER: &str = "definitions/";

/// A former definition: its name among the texts, and the file.
pub(super) type Former = (String, Opened);

impl Config {
    /// The configuration as it is in force on a day: `funnel` is the definition in force then, `former`
    /// are those before it. Where none is in force yet, `funnel` is the first.
    pub(crate) fn on(&self, day: Date) -> Self {
        let mut config = self.clone();
        while config.funnel.effective_from > day
            && let Some(former) = config.former.pop()
        {
            config.funnel = former;
        }
        config
    }

    /// The former definitions and `funnel`, in the order of their coming into force.
    pub(crate) fn definitions(&self) -> Vec<&Funnel> {
        self.former.iter().chain([&self.funnel]).collect()
    }
}

impl Funnel {
    /// Reads one definition, as `funnel.yaml` is one, from a file of any name.
    ///
    /// # Errors
    ///
    /// All problems of the file.
    #[cfg_attr(not(test), expect(dead_code, reason = "for comparing with a draft"))]
    pub(crate) fn load(path: &Path) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let read = section(&open(path), &mut problems, funnel::read);
        match read {
            Some(funnel) if problems.is_empty() => Ok(funnel),
            _ => Err(Problems(problems)),
        }
    }
}

/// Opens the former definitions that lie beside a `funnel.yaml`.
pub(super) fn open_beside(folder: &Path) -> Result<Vec<Former>, Problem> {
    let folder = folder.join(FOLDER);
    let files = fs::files_in(&folder).map_err(|error| unlisted(&error, "`.yaml` files"))?;
    let yaml = files.iter().filter(|file| {
        file.extension()
            .is_some_and(|end| end == "yaml" || end == "yml")
    });
    let named = yaml.filter_map(|file| {
        let name = file.file_name()?.to_str()?;
        Some((format!("{FOLDER}{name}"), open(file)))
    });
    Ok(named.collect())
}

/// The former definitions, in the order of their coming into force. Problems are told as they are found.
pub(super) fn read(
    newest: &Opened,
    former: &[Former],
    problems: &mut Vec<Problem>,
) -> Option<Vec<Funnel>> {
    let read: Vec<Option<Funnel>> = former
        .iter()
        .map(|(_, opened)| section(opened, problems, funnel::read))
        .collect();
    problems.extend(clashes(newest, former));
    let mut funnels = read.into_iter().collect::<Option<Vec<Funnel>>>()?;
    funnels.sort_by_key(|funnel| funnel.effective_from);
    Some(funnels)
}

/// The ids of the stages of all definitions; none while one of them is no YAML.
pub(super) fn stage_ids<'a>(newest: &'a Opened, former: &'a [Former]) -> Option<Vec<&'a str>> {
    let mut ids = Vec::new();
    for opened in files(newest, former) {
        let (_, root) = opened.as_ref().ok()?;
        for id in funnel::stage_ids(root) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    Some(ids)
}

fn files<'a>(newest: &'a Opened, former: &'a [Former]) -> impl Iterator<Item = &'a Opened> {
    [newest]
        .into_iter()
        .chain(former.iter().map(|(_, opened)| opened))
}

/// What cannot be said of two definitions at once.
fn clashes(newest: &Opened, former: &[Former]) -> Vec<Problem> {
    let mut names = BTreeMap::new();
    let mut days = BTreeMap::new();
    let mut problems = Vec::new();
    let last = newest.as_ref().ok().and_then(|(_, root)| day(root));
    for (_, root) in files(newest, former).flatten() {
        if let Some((name, place)) = root.get("definition").and_then(Node::named) {
            let what = format!("There are two definitions `{name}`");
            let fix = "Give each definition a name of its own";
            problems.extend(twice(&mut names, name, place, what, fix));
        }
        let Some((day, place)) = day(root) else {
            continue;
        };
        let what = format!("Two definitions come into force on {day}");
        let fix = "Let each definition come into force on a day of its own";
        problems.extend(twice(&mut days, day, place, what, fix));
        problems.extend(last.filter(|(last, _)| day > *last).map(|(last, newest)| {
            let what = "A definition in `definitions/` comes into force after `funnel.yaml`";
            let why = format!("{} comes into force on {last}", newest.file);
            let fix = "Put the newest definition into `funnel.yaml` and the former ones here";
            Problem::new(what).at(place.clone()).why(why).fix(fix)
        }));
    }
    problems
}

/// When a definition comes into force, where it says so as it should.
fn day(root: &Node) -> Option<(Date, &Place)> {
    let (text, place) = root.get("effective_from").and_then(Node::named)?;
    Some((text.parse().ok()?, place))
}

/// What is wrong if a thing was there before.
fn twice<'a, K: Ord>(
    known: &mut BTreeMap<K, &'a Place>,
    key: K,
    place: &'a Place,
    what: String,
    fix: &str,
) -> Option<Problem> {
    match known.entry(key) {
        btree_map::Entry::Vacant(free) => {
            free.insert(place);
            None
        }
        btree_map::Entry::Occupied(taken) => {
            let first = taken.get();
            let why = format!("the other one is {}:{}", first.file, first.line);
            Some(Problem::new(what).at(place.clone()).why(why).fix(fix))
        }
    }
}

/// The former definitions among the texts of a commit.
pub(super) fn of_texts(
    texts: &BTreeMap<String, String>,
    parsed: impl Fn(File) -> Opened,
) -> Vec<Former> {
    let former = texts.iter().filter(|(name, _)| name.starts_with(FOLDER));
    former
        .map(|(name, text)| (name.clone(), parsed(File::new(name.clone(), text.clone()))))
        .collect()
}
