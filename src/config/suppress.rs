//! The file that `delivery.suppress` names: addresses that get no mail, one a line. It may change from
//! day to day, so it is read when mail is to go.

use std::collections::BTreeSet;
use std::path::Path;

use super::address;
use crate::fs;
use crate::problem::{Place, Problem, Problems};

/// Addresses in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Suppressed(BTreeSet<String>);

impl Suppressed {
    /// Reads the file. `#` begins a comment.
    ///
    /// # Errors
    ///
    /// When it cannot be read, and every line that is no address: it may be meant to be one.
    pub(crate) fn read(path: &Path) -> Result<Self, Problems> {
        let file = path.display().to_string();
        let text = fs::read_text(path).map_err(|error| {
            let what = format!("The list of suppressed addresses `{file}` cannot be read");
            let fix = "Write it, empty if nobody is on it, or take `delivery.suppress` out";
            Problems(vec![Problem::new(what).why(error.to_string()).fix(fix)])
        })?;
        let (mut addresses, mut problems) = (BTreeSet::new(), Vec::new());
        for (number, line) in (1..).zip(text.lines()) {
            let written = line.split('#').next().unwrap_or_default().trim();
            match address::parse_plain(written) {
                _ if written.is_empty() => {}
                Ok(one) => {
                    addresses.insert(one.address.to_lowercase());
                }
                Err(why) => problems.push(wrong(&Place::of(&file, &text, number, 1), why)),
            }
        }
        if problems.is_empty() {
            Ok(Self(addresses))
        } else {
            Err(Problems(problems))
        }
    }

    pub(crate) fn has(&self, address: &str) -> bool {
        self.0.contains(&address.to_lowercase())
    }
}

/// The line is not shown: it may hold a person.
fn wrong(place: &Place, why: &str) -> Problem {
    let problem = Problem::new("This is no e-mail address").at(place.clone().unseen());
    let fix = "Write one address a line, as `name@example.com`; `#` begins a comment";
    problem.why(why).fix(fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Suppressed, Problems> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("suppress.txt");
        fs::write(&path, text.as_bytes()).unwrap();
        Suppressed::read(&path)
    }

    /// One address a line, in whatever case; comments and empty lines are nobody.
    #[test]
    fn reads_addresses() {
        let list = read("# left\nAnn@Acme.example  # in May\n\n  bob@acme.example\r\n").unwrap();
        assert!(list.has("ann@acme.EXAMPLE") && list.has("bob@acme.example"));
        assert!(!list.has("cid@acme.example") && !list.has(""));
        assert_eq!(read("").unwrap(), Suppressed::default());
    }

    /// Every line that is no address is told by its number, and not by what it holds.
    #[test]
    fn tells_lines_that_are_none() {
        let problems = read("ann@acme.example\nBob\ncid@acme.example, dee@acme.example\n");
        let problems = problems.unwrap_err().0;
        let lines: Vec<_> = problems
            .iter()
            .map(|problem| problem.place.as_ref().unwrap().line)
            .collect();
        assert_eq!(lines, [2, 3]);
        let told = problems[1].to_string();
        assert!(!told.contains("dee"), "{told}");
        assert!(told.contains("it has more than one `@`"), "{told}");
    }

    /// A list that is not there is no empty list.
    #[test]
    fn an_absent_list_is_told() {
        let told = Suppressed::read(Path::new("/nowhere/suppress.txt")).unwrap_err();
        let told = told.0[0].to_string();
        let start =
            "The list of suppressed addresses `/nowhere/suppress.txt` cannot be read\n  why: ";
        assert!(told.starts_with(start), "{told}");
        assert!(told.ends_with("take `delivery.suppress` out"), "{told}");
    }
}
