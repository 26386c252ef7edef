//! Where a store is: a folder, or a URL without credentials.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

/// A folder on local disk, or a prefix in S3, Google Cloud Storage or Azure Blob Storage.
/// Holds no credentials: those come from the cloud's own environment variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location(pub(super) Url);

impl Location {
    /// Reads a URL, or a path relative to `base`.
    pub(crate) fn parse(text: &str, base: &Path) -> Result<Self, String> {
        if let Ok(url) = Url::parse(text)
            && text.contains("://")
        {
            return Self::url(text, url);
        }
        Self::folder(&base.join(text))
    }

    fn url(text: &str, url: Url) -> Result<Self, String> {
        let scheme = url.scheme();
        // `abfss://container@account` holds the container where others hold a user name.
        let container = scheme.starts_with("abfs");
        if url.password().is_some()
            || (!url.username().is_empty() && !container)
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err(format!(
                "A `{scheme}://` location holds the place only; keys and passwords come from the environment"
            ));
        }
        match scheme {
            "file" if url.to_file_path().is_err() => {
                Err(format!("`{text}` names no folder on this machine"))
            }
            "file" => Ok(Self(url)),
            "s3" | "gs" | "az" | "abfs" | "abfss" if url.host_str().is_some() => Ok(Self(url)),
            "s3" | "gs" | "az" | "abfs" | "abfss" => Err(format!("`{text}` names no bucket")),
            other => Err(format!("`{other}://` is no store that this program knows")),
        }
    }

    /// A folder on local disk, made absolute; it need not exist yet.
    pub(crate) fn folder(path: &Path) -> Result<Self, String> {
        let absolute = normal(&std::path::absolute(path).map_err(|error| error.to_string())?);
        Url::from_directory_path(&absolute)
            .map(Self)
            .map_err(|()| format!("`{}` is no usable path", absolute.display()))
    }

    /// A folder below this one.
    pub(crate) fn below(&self, folder: &str) -> Result<Self, String> {
        let mut url = self.0.clone();
        let mut parts = url
            .path_segments_mut()
            .map_err(|()| format!("`{self}` has no folders"))?;
        parts.pop_if_empty().extend(folder.split('/'));
        drop(parts);
        Ok(Self(url))
    }

    /// The folder on local disk that this names, if it names one.
    pub(crate) fn as_folder(&self) -> Option<PathBuf> {
        if self.0.scheme() != "file" {
            return None;
        }
        // Without the slash at the end that a folder's URL has.
        let path = self.0.to_file_path().ok()?;
        Some(path.components().collect())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_folder() {
            Some(folder) => write!(f, "{}", folder.display()),
            None => write!(f, "{}", self.0),
        }
    }
}

/// The path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
