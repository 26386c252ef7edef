//! `leadgauge warehouse erase` and `leadgauge warehouse erased`.

use std::io;
use std::path::Path;

use serde_json::json;

use super::args::EraseArgs;
use super::output::Output;
use super::run::counted;
use super::{Failure, Outcome};
use crate::config::Config;
use crate::fs;
use crate::pipeline::{self, Asked, Erasure};
use crate::warehouse::{Proof, Went, plain_address};

pub(super) async fn erase(
    config: &Config,
    args: &EraseArgs,
    output: &Output,
) -> Result<Outcome, Failure> {
    let asked = asked(args)?;
    let watch = |event: &pipeline::Event| output.event(event);
    let erasure = pipeline::erase(config, &asked, args.dry_run, &watch).await?;
    output.finish();
    if output.wants_json() {
        output.json(&json!({
            "dry_run": args.dry_run, "persons": erasure.persons, "commit_no": erasure.commit_no,
            "went": erasure.went, "whole": erasure.whole, "unsent": erasure.unsent,
            "deleted": erasure.deleted, "problems": erasure.problems,
        }));
    } else {
        tell(&erasure, args.dry_run, output);
    }
    Ok(done_if(erasure.problems.is_empty()))
}

pub(super) async fn erased(config: &Config, output: &Output) -> Result<Outcome, Failure> {
    let proof = pipeline::erased(config).await?;
    output.finish();
    if output.wants_json() {
        output.json(&serde_json::to_value(&proof).map_err(Failure::run)?);
    } else {
        prove(&proof, output);
    }
    Ok(done_if(proof.left.is_empty() && proof.unread.is_empty()))
}

/// The addresses asked for. None of them is ever said again.
fn asked(args: &EraseArgs) -> Result<Vec<Asked>, Failure> {
    let Some(list) = &args.list else {
        let address = args.email.as_deref().unwrap_or_default();
        return Ok(vec![one(address, None)?]);
    };
    let text = if list == Path::new("-") {
        io::read_to_string(io::stdin()).map_err(Failure::start)?
    } else {
        fs::read_text(list).map_err(Failure::start)?
    };
    let lines = text
        .lines()
        .zip(1..)
        .filter(|(line, _)| !line.trim().is_empty());
    let asked: Vec<Asked> = lines
        .map(|(line, number)| one(line, Some(number)))
        .collect::<Result<_, _>>()?;
    if asked.is_empty() {
        return Err(Failure::start(
            "The list is empty\n  fix: write one address a line",
        ));
    }
    Ok(asked)
}

fn one(text: &str, line: Option<usize>) -> Result<Asked, Failure> {
    let address = plain_address(text);
    let whole = |(name, domain): (&str, &str)| !name.is_empty() && !domain.is_empty();
    if address.split_once('@').is_some_and(whole) && !address.contains(char::is_whitespace) {
        return Ok(Asked { address, line });
    }
    let what = match line {
        Some(line) => format!("Line {line} of the list is no address"),
        None => "What `--email` says is no address".to_owned(),
    };
    Err(Failure::start(format!(
        "{what}\n  fix: write it as `name@company.example`"
    )))
}

fn tell(erasure: &Erasure, rehearsal: bool, output: &Output) {
    for (what, went) in &erasure.went {
        output.data(format!("{what}: {}\n", parts(*went)).as_bytes());
    }
    for path in &erasure.whole {
        output.say(&format!("No row can be cut out of `{path}`: it goes whole"));
    }
    if erasure.unsent > 0 {
        output.say(&format!(
            "{} not sent yet, and will not be",
            were(erasure.unsent, "mail")
        ));
    }
    let persons = counted(erasure.persons, "person");
    let are = if erasure.persons == 1 { "is" } else { "are" };
    output.say(&match erasure.commit_no {
        Some(commit_no) => format!(
            "{persons} {are} erased as of version {commit_no}; {} deleted",
            were(erasure.deleted, "old file")
        ),
        None if erasure.persons == 0 => format!(
            "All of them were erased before; {} deleted",
            were(erasure.deleted, "old file")
        ),
        None => format!("{persons} would be erased"),
    });
    if !rehearsal && erasure.persons > 0 {
        output.say("`leadgauge warehouse erased` looks whether something is left");
    }
    for problem in &erasure.problems {
        output.say(&format!("problem: {}", problem.replace('\n', "\n  ")));
    }
}

/// `2 rows, 1 cell`.
fn parts(went: Went) -> String {
    let count = |number: u64, thing| counted(usize::try_from(number).unwrap_or(usize::MAX), thing);
    let parts = [
        (went.rows, "row"),
        (went.cells, "cell"),
        (went.files, "file"),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts.map(|(number, thing)| count(number, thing)).collect();
    parts.join(", ")
}

fn were(number: usize, thing: &str) -> String {
    let were = if number == 1 { "was" } else { "were" };
    format!("{} {were}", counted(number, thing))
}

fn prove(proof: &Proof, output: &Output) {
    for left in &proof.left {
        let went = Went {
            rows: left.rows,
            cells: left.cells,
            files: 0,
        };
        output.data(format!("{}: {}\n", left.file, parts(went)).as_bytes());
    }
    for file in &proof.unread {
        output.say(&format!("problem: {file}"));
    }
    if proof.files == 0 {
        return output.say("Nobody was erased");
    }
    let looked = format!(
        "{} erased in {}; {} looked through",
        were(proof.persons, "person"),
        counted(proof.erasures, "erasure"),
        were(proof.files, "file")
    );
    output.say(&match (proof.left.len(), proof.unread.len()) {
        (0, 0) => format!("{looked}: nothing is left of them"),
        (0, unread) => format!("{looked}, {} could not be", counted(unread, "file")),
        (left, _) => format!(
            "{looked}: something is left in {}\n  fix: erase the same again; a file that was put back from a copy goes with it",
            counted(left, "file")
        ),
    });
}

/// What is to be said beside an answer of a version that was published before somebody was erased.
pub(super) fn warn(persons: usize, output: &Output) {
    if persons > 0 {
        output.say(&format!(
            "{} erased since this version was published; it answers without them",
            were(persons, "person")
        ));
    }
}

fn done_if(complete: bool) -> Outcome {
    if complete {
        Outcome::Done
    } else {
        Outcome::Incomplete
    }
}
