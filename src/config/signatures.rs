//! `signatures.yaml`: who signed which definition, and what that makes of the one in force.

use std::path::PathBuf;

use jiff::civil::Date;

use super::reader::Reader;
use super::yaml::Node;
use super::{Config, Funnel};

/// Beside the four files, if anybody signed.
pub(super) const FILE: &str = "signatures.yaml";

/// That somebody signed a definition.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Signature {
    pub(crate) role: String,
    pub(crate) name: String,
    pub(crate) date: Date,
    pub(crate) definition: String,
    /// SHA-256 of the `funnel.yaml` that was signed, lower-case hex.
    pub(crate) hash: String,
}

/// Whether the roles that `sign_off` names signed a definition as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct SignOff {
    /// What the roles that are asked signed, as it stands.
    pub(crate) signed: Vec<Signature>,
    /// The roles that never signed a definition of this name.
    pub(crate) missing: Vec<String>,
    /// What other roles signed last under this name, and was changed since.
    pub(crate) changed: Vec<Signature>,
}

impl SignOff {
    /// Whether a signature that is asked for is not there.
    pub(crate) fn is_unsigned(&self) -> bool {
        !self.missing.is_empty() || !self.changed.is_empty()
    }

    /// `signed by CMO and CRO`; `signed by CFO, not signed by CRO`.
    pub(crate) fn words(&self) -> String {
        let roles: Vec<String> = self.signed.iter().map(|it| it.role.clone()).collect();
        let mut says = Vec::new();
        if !roles.is_empty() {
            says.push(format!("signed by {}", and(&roles)));
        } else if !self.is_unsigned() {
            says.push("no signature asked for".to_owned());
        }
        says.extend(self.lacks());
        says.join(", ")
    }

    /// `not signed by CRO, changed since CMO signed it on 1 Oct 2026`; none where nothing lacks.
    pub(crate) fn lacks(&self) -> Option<String> {
        let mut says = Vec::new();
        if !self.missing.is_empty() {
            says.push(format!("not signed by {}", and(&self.missing)));
        }
        for Signature { role, date, .. } in &self.changed {
            let date = date.strftime("%-d %b %Y");
            says.push(format!("changed since {role} signed it on {date}"));
        }
        (!says.is_empty()).then(|| says.join(", "))
    }
}

/// `CMO`; `CMO and CRO`; `CMO, CRO and CFO`.
fn and(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [word] => word.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

impl Config {
    /// Whether the definition in force is signed.
    pub(crate) fn sign_off(&self) -> SignOff {
        sign_off(&self.funnel, &self.signatures)
    }

    /// Where signatures are kept: beside `funnel.yaml`.
    pub(crate) fn signatures_file(&self) -> PathBuf {
        self.funnel_file.with_file_name(FILE)
    }
}

fn sign_off(funnel: &Funnel, signatures: &[Signature]) -> SignOff {
    let mut found = SignOff::default();
    for role in &funnel.sign_off {
        let own = |it: &&Signature| it.role == *role && it.definition == funnel.definition;
        let mut signed = signatures.iter().filter(own);
        if let Some(stands) = signed.clone().find(|it| it.hash == funnel.hash) {
            found.signed.push(stands.clone());
        } else if let Some(last) = signed.next_back() {
            found.changed.push(last.clone());
        } else {
            found.missing.push(role.clone());
        }
    }
    found
}

pub(super) fn read(reader: &Reader<'_>, root: &Node) -> Option<Vec<Signature>> {
    let [signatures] = reader.fields(root, "signatures.yaml", ["signatures"])?;
    signatures.or(Vec::new(), |node| {
        reader.list(node, |item| read_signature(reader, item))
    })
}

fn read_signature(reader: &Reader<'_>, node: &Node) -> Option<Signature> {
    let [role, name, date, definition, hash] = reader.fields(
        node,
        "a signature",
        ["role", "name", "date", "definition", "hash"],
    )?;
    let role = role.required(|node| reader.text(node));
    let name = name.required(|node| reader.text(node));
    let date = date.required(|node| reader.date(node));
    let definition = definition.required(|node| reader.label(node));
    let hash = hash.required(|node| read_hash(reader, node));
    Some(Signature {
        role: role?,
        name: name?,
        date: date?,
        definition: definition?,
        hash: hash?,
    })
}

fn read_hash(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let text = reader.text(node)?;
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() == 64 && text.bytes().all(hex) {
        return Some(text);
    }
    let fix = "Leave this file to `leadgauge funnel sign`";
    reader.refuse(
        node,
        "This is no SHA-256: 64 digits and letters a to f",
        fix,
    )
}
