//! Who signed the definition, role by role.

use crate::config::{SignOff, Signature};
use crate::report::grid::Grid;
use crate::report::view::Cell;
use crate::report::words;

/// One row a role that is asked for its signature; none where nobody is.
pub(super) fn grid(sign_off: &SignOff) -> Grid {
    let signed = sign_off.signed.iter();
    let signed = signed.map(|it| row(it, Cell::figure("signed as it stands", "")));
    let changed = sign_off.changed.iter();
    let changed = changed.map(|it| row(it, Cell::words("changed since", "")));
    let missing = sign_off.missing.iter().map(|role| {
        let nothing = || Cell::words(words::NONE, "");
        let cells = vec![
            nothing(),
            nothing(),
            Cell::words("not signed", ""),
            nothing(),
        ];
        (words::clean(role), String::new(), cells)
    });
    let say = "A signature is for the definition's file as it was that day, by its SHA-256.";
    Grid::new(
        "signatures",
        "Signatures",
        say,
        &[
            "Role",
            "Signed by",
            "On",
            "The definition",
            "SHA-256 signed",
        ],
        signed.chain(changed).chain(missing),
    )
}

fn row(signature: &Signature, state: Cell) -> (String, String, Vec<Cell>) {
    let cells = vec![
        Cell::figure(words::clean(&signature.name), ""),
        Cell::figure(words::date(signature.date), ""),
        state,
        Cell::figure(words::shortened(&signature.hash, 9).replace('…', ""), ""),
    ];
    (words::clean(&signature.role), String::new(), cells)
}
