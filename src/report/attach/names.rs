//! Names that a workbook and a file system take, each once.

use std::collections::BTreeSet;

/// The longest name of a sheet, in characters of UTF-16.
const LONGEST: usize = 31;

/// Names given so far. Case tells none apart, as in Excel and on many disks.
#[derive(Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// A name for a sheet.
    pub(super) fn sheet(&mut self, wish: &str) -> String {
        let allowed = |c: char| !c.is_control() && !"[]:*?/\\'".contains(c);
        let plain: String = wish
            .chars()
            .map(|c| if allowed(c) { c } else { '_' })
            .collect();
        // Excel keeps this one for itself.
        let plain = match plain.trim() {
            "" => "sheet",
            name if name.eq_ignore_ascii_case("history") => "history_",
            name => name,
        };
        self.unique(plain, LONGEST)
    }

    /// A part of a file's name.
    pub(super) fn file(&mut self, wish: &str) -> String {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let plain: String = wish
            .chars()
            .map(|c| if allowed(c) { c } else { '_' })
            .collect();
        self.unique(&plain, 100)
    }

    fn unique(&mut self, wish: &str, longest: usize) -> String {
        let mut number = 1;
        loop {
            let ending = if number == 1 {
                String::new()
            } else {
                format!("_{number}")
            };
            let name = cut(wish, longest - ending.len()) + &ending;
            if self.0.insert(name.to_lowercase()) {
                return name;
            }
            number += 1;
        }
    }
}

/// As many characters as fit.
fn cut(text: &str, longest: usize) -> String {
    let mut length = 0;
    let fits = |c: &char| {
        length += c.len_utf16();
        length <= longest
    };
    text.chars().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Whatever a query is called, its sheet has a name that Excel takes, and no two have the same.
    #[test]
    fn sheets_have_safe_names() {
        let mut names = Names::default();
        let long = "a".repeat(40);
        let given = [
            "stages", "Stages", "a/b:c[d]", "history", "", "'q'", &long, &long,
        ]
        .map(|wish| names.sheet(wish));
        let first = "a".repeat(31);
        let second = "a".repeat(29) + "_2";
        assert_eq!(
            given,
            [
                "stages", "Stages_2", "a_b_c_d_", "history_", "sheet", "_q_", &first, &second
            ]
        );
        assert_eq!(names.sheet(&"𝔸".repeat(20)), "𝔸".repeat(15));
    }

    // File names are ASCII and hold no separator.
    #[test]
    fn files_have_safe_names() {
        let mut names = Names::default();
        let given = ["übersicht", "../x", "_bersicht"].map(|wish| names.file(wish));
        assert_eq!(given, ["_bersicht", "___x", "_bersicht_2"]);
    }
}
