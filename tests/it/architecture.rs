//! Holds the code to the flow of the crate's front page: a module names only what stands before it,
//! and each heavy dependency stays behind its wall.

use std::fs;
use std::path::{Path, PathBuf};

/// In flow order; a module may name itself and anything before it.
const FLOW: [&str; 13] = [
    "clock",
    "fs",
    "problem",
    "config",
    "sources",
    "warehouse",
    "funnel",
    "metrics",
    "report",
    "delivery",
    "pipeline",
    "demo",
    "cli",
];

/// Of the modules before it in the flow, what each may name besides the base (`clock`, `fs`, `problem`).
const MAY_NAME: [(&str, &[&str]); 10] = [
    ("config", &[]),
    ("sources", &["config"]),
    ("warehouse", &["config", "sources"]),
    ("funnel", &["config", "warehouse"]),
    ("metrics", &["config", "warehouse", "funnel"]),
    ("report", &["config", "metrics"]),
    ("delivery", &["config", "report"]),
    (
        "pipeline",
        &[
            "config",
            "sources",
            "warehouse",
            "funnel",
            "metrics",
            "report",
            "delivery",
        ],
    ),
    ("demo", &[]),
    (
        "cli",
        &["config", "warehouse", "report", "pipeline", "demo"],
    ),
];

/// A dependency and the modules that may name it.
const WALLS: [(&str, &[&str]); 11] = [
    (
        "datafusion::",
        &["sources", "warehouse", "funnel", "metrics"],
    ),
    ("arrow::", &["sources", "warehouse", "funnel", "metrics"]),
    ("parquet::", &["sources", "warehouse", "funnel", "metrics"]),
    ("object_store::", &["fs", "warehouse"]),
    ("handlebars::", &["report"]),
    ("charts_rs::", &["report"]),
    ("lettre::", &["delivery"]),
    ("reqwest::", &["delivery"]),
    ("rust_xlsxwriter::", &["report"]),
    ("clap::", &["cli"]),
    ("rustyline::", &["cli"]),
];

const BASE: [&str; 3] = ["clock", "fs", "problem"];

struct Line {
    file: PathBuf,
    number: usize,
    module: String,
    text: String,
}

#[test]
fn imports_point_one_way() {
    let mut broken = Vec::new();
    for line in code_lines() {
        for named in named_modules(&line.text) {
            if !may_name(&line.module, &named) {
                broken.push(format!(
                    "{}:{}: `{}` may not name `{named}`",
                    line.file.display(),
                    line.number,
                    line.module
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn heavy_dependencies_stay_behind_their_walls() {
    let mut broken = Vec::new();
    for line in code_lines() {
        for (dependency, modules) in WALLS {
            if names(&line.text, dependency) && !modules.contains(&line.module.as_str()) {
                broken.push(format!(
                    "{}:{}: `{dependency}` stays in {}",
                    line.file.display(),
                    line.number,
                    modules.join(", ")
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_crate_lists_its_modules_in_flow_order() {
    let text = fs::read_to_string(source_folder().join("lib.rs")).unwrap();
    let listed: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    assert_eq!(listed, FLOW);
}

#[test]
fn this_binary_never_names_the_library() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for file in rust_files(&here) {
        let text = fs::read_to_string(&file).unwrap();
        let library = concat!("leadgauge", "::");
        assert!(
            !text.contains(library),
            "{} names the library",
            file.display()
        );
    }
}

fn may_name(module: &str, named: &str) -> bool {
    if module == named || BASE.contains(&named) && !BASE.contains(&module) {
        return true;
    }
    MAY_NAME
        .iter()
        .any(|(from, to)| *from == module && to.contains(&named))
}

/// The modules that a line of code names as `crate::<module>`, grouped imports included.
fn named_modules(text: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let parts: Vec<&str> = match rest.strip_prefix('{') {
            Some(group) => group.split([',', '}']).collect(),
            None => vec![rest],
        };
        for part in parts {
            let name: String = part
                .trim()
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect();
            if FLOW.contains(&name.as_str()) {
                named.push(name);
            }
        }
    }
    named
}

/// Whether the path `dependency` starts a path in this line, rather than ending another word.
fn names(text: &str, dependency: &str) -> bool {
    text.match_indices(dependency).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every line of code below `src`, comments left out, with its module. `lib.rs` and `main.rs` belong to none.
fn code_lines() -> Vec<Line> {
    let source = source_folder();
    let mut lines = Vec::new();
    for file in rust_files(&source) {
        let relative = file.strip_prefix(&source).unwrap();
        let first = relative.iter().next().unwrap().to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        if module == "lib" || module == "main" {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for (index, text) in text.lines().enumerate() {
            if !text.trim_start().starts_with("//") {
                let (module, text) = (module.clone(), text.to_owned());
                lines.push(Line {
                    file: relative.to_owned(),
                    number: index + 1,
                    module,
                    text,
                });
            }
        }
    }
    assert!(lines.len() > 100, "found too little code to judge");
    lines
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
