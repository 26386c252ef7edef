use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A deployment in a temporary folder of its own.
pub(crate) struct Project {
    folder: TempDir,
    /// What its environment holds besides the test's own.
    environment: Vec<(String, String)>,
}

/// How a run of the program ended. The folder's path reads `[ROOT]` in its output.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Project {
    pub(crate) fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            environment: Vec::new(),
        }
    }

    /// Every later run of the program has this in its environment.
    pub(crate) fn set(&mut self, variable: &str, value: &str) {
        let variable = (variable.to_owned(), value.to_owned());
        self.environment.retain(|(name, _)| *name != variable.0);
        self.environment.push(variable);
    }

    /// A copy of `tests/it/<fixture>`.
    pub(crate) fn from(fixture: &str) -> Self {
        let project = Self::empty();
        copy_folder(
            &Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/it")
                .join(fixture),
            project.root(),
        );
        project
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root().join(relative)
    }

    pub(crate) fn write(&self, relative: &str, content: impl AsRef<[u8]>) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative))
            .unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// Replaces text in a file; fails when the text is not there, so that a test cannot miss its aim.
    pub(crate) fn replace(&self, relative: &str, from: &str, to: &str) {
        let text = self.read(relative);
        assert!(text.contains(from), "`{from}` is not in {relative}");
        self.write(relative, text.replace(from, to));
    }

    /// Every file below a folder, relative to the project, sorted.
    pub(crate) fn files(&self, relative: &str) -> Vec<String> {
        let mut files = Vec::new();
        collect_files(&self.path(relative), &mut files);
        let root = self.root();
        let mut shown: Vec<String> = files
            .iter()
            .map(|file| file.strip_prefix(root).unwrap().display().to_string())
            .collect();
        shown.sort();
        shown
    }

    /// The program with these arguments in the project's folder, not yet running.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leadgauge"));
        command
            .args(args)
            .current_dir(self.root())
            .env_remove("LEADGAUGE_CONFIG")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program in the project's folder.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.ended(&self.command(args).output().unwrap())
    }

    /// How a command of this project ended.
    pub(crate) fn ended(&self, output: &Output) -> Ran {
        let text = |bytes: &[u8]| {
            let root = self.root().canonicalize().unwrap();
            String::from_utf8_lossy(bytes)
                .replace(&root.display().to_string(), "[ROOT]")
                .replace(&self.root().display().to_string(), "[ROOT]")
        };
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Runs the program and expects success; the output of a failure is shown.
    pub(crate) fn ok(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}\n{}\n{}", ran.stdout, ran.stderr);
        ran
    }

    /// The rows of a query, as JSON.
    pub(crate) fn sql(&self, query: &str) -> Vec<serde_json::Value> {
        self.rows(&["sql", "--format", "json", query])
    }

    /// The rows of a query over the version published for a day.
    pub(crate) fn sql_as_of(&self, query: &str, day: &str) -> Vec<serde_json::Value> {
        self.rows(&["sql", "--format", "json", "--as-of", day, query])
    }

    fn rows(&self, args: &[&str]) -> Vec<serde_json::Value> {
        let ran = self.ok(args);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{}", ran.stdout))
    }
}

/// A folder of the real data kept beside the repository; none (and said so) where it is not.
pub(crate) fn shared_data(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: `{}` is not there", folder.display());
    None
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn collect_files(folder: &Path, into: &mut Vec<PathBuf>) {
    let Ok(listing) = fs::read_dir(folder) else {
        return;
    };
    for entry in listing {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_files(&path, into);
        } else {
            into.push(path);
        }
    }
}
