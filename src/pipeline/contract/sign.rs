//! Signing a definition, and telling that the one in force is unsigned.

use std::fmt::Write;

use super::{difference, named};
use crate::config::{Config, Signature};
use crate::pipeline::PipelineError;
use crate::problem::{Problem, Problems};
use crate::warehouse::Warehouse;
use crate::{clock, fs};

const HEAD: &str =
    "# Who signed which definition. Written by `leadgauge funnel sign`.\nsignatures:\n";

/// Records that somebody signed the definition as `funnel.yaml` has it now, in `signatures.yaml` beside
/// it.
///
/// # Errors
/// That nobody asks for the role, or that it signed already.
pub(crate) fn sign(config: &Config, role: &str, name: &str) -> Result<Signature, PipelineError> {
    let funnel = &config.funnel;
    let refused = |what: String, fix: &str| Problems::from(Problem::new(what).fix(fix));
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        return Err(refused(
            "A signature needs a name".to_owned(),
            "write `--name 'Ann Lee'`",
        )
        .into());
    }
    if !funnel.sign_off.iter().any(|asked| asked == role) {
        let what = format!(
            "`{}` asks for no signature of `{role}`",
            config.funnel_file.display()
        );
        let fix = match funnel.sign_off.as_slice() {
            [] => format!("add `sign_off: [{role}]` to it"),
            roles => format!("name one of `{}`", roles.join("`, `")),
        };
        return Err(refused(what, &fix).into());
    }
    let same = |it: &&Signature| it.role == role && it.hash == funnel.hash;
    if let Some(there) = config.signatures.iter().find(same) {
        let what = format!("{role} signed this definition on {}", there.date);
        return Err(refused(what, "nothing is left to do").into());
    }
    let signature = Signature {
        role: role.to_owned(),
        name: name.trim().to_owned(),
        date: clock::today(&config.time_zone),
        definition: funnel.definition.clone(),
        hash: funnel.hash.clone(),
    };
    let all = config.signatures.iter().chain([&signature]);
    fs::write(&config.signatures_file(), text(all).as_bytes())?;
    Ok(signature)
}

/// The file's text; what a person wrote is quoted as JSON, which YAML reads alike.
fn text<'a>(signatures: impl Iterator<Item = &'a Signature>) -> String {
    let mut text = HEAD.to_owned();
    for signature in signatures {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let Signature {
            role,
            name,
            date,
            definition,
            hash,
        } = signature;
        let _infallible = writeln!(
            text,
            "  - {{ role: {}, name: {}, date: {date}, definition: {}, hash: {} }}",
            quoted(role),
            quoted(name),
            quoted(definition),
            quoted(hash)
        );
    }
    text
}

/// That the definition in force lacks a signature, and what was changed since it was signed; none where
/// all that are asked for are there.
pub(in crate::pipeline) async fn unsigned(
    config: &Config,
    warehouse: &Warehouse,
) -> Result<Option<String>, PipelineError> {
    let sign_off = config.sign_off();
    let Some(lacks) = sign_off.lacks() else {
        return Ok(None);
    };
    let mut says = format!(
        "Definition `{}` is unsigned: {lacks}",
        config.funnel.definition
    );
    if let Some(signed) = sign_off.changed.last()
        && let Some(then) = named::with_hash(warehouse, &signed.hash).await?
    {
        for line in difference::words(&then, &config.funnel) {
            says.push_str("\n  ");
            says.push_str(&line);
        }
    }
    Ok(Some(says))
}
