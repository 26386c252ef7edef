//! A secret: named in the configuration, kept outside it, read when needed, never shown.

use std::fmt;
use std::path::PathBuf;

use crate::fs;
use crate::problem::Problem;

/// Where a secret is kept. Its value is no part of this type, so that no debug form can show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Secret {
    Env(String),
    File(PathBuf),
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable `{name}`"),
            Self::File(path) => write!(f, "file `{}`", path.display()),
        }
    }
}

impl Secret {
    /// The value, without a line break at its end.
    ///
    /// # Errors
    ///
    /// When the variable or the file is not there, is no UTF-8 or is empty.
    pub(crate) fn read(&self) -> Result<String, Problem> {
        let value = match self {
            Self::Env(name) => environment(name),
            Self::File(path) => fs::read_text(path).ok(),
        };
        let value = value.map(|value| value.trim_end_matches(['\r', '\n']).to_owned());
        value.filter(|value| !value.is_empty()).ok_or_else(|| {
            Problem::new(format!("The {self} holds no secret"))
                .why("it is not there, not readable, or empty")
                .fix("Set it for the user that runs the job, or name another in `leadgauge.yaml`")
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads secrets"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // A secret's value comes from its file without the line break, and is in neither printed form.
    #[test]
    fn reads_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("smtp");
        fs::write(&path, b"hunter2\n").unwrap();
        let secret = Secret::File(path);
        assert_eq!(secret.read().unwrap(), "hunter2");
        assert!(!format!("{secret} {secret:?}").contains("hunter2"));
    }

    // An absent secret is a problem that names where it should be.
    #[test]
    fn names_what_is_absent() {
        let problem = Secret::Env("LEADGAUGE_NO_SUCH_VARIABLE".to_owned()).read();
        assert_eq!(
            problem.unwrap_err().to_string(),
            "The environment variable `LEADGAUGE_NO_SUCH_VARIABLE` holds no secret\n  \
             why: it is not there, not readable, or empty\n  \
             fix: Set it for the user that runs the job, or name another in `leadgauge.yaml`"
        );
    }
}
