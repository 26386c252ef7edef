//! The command line.
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the program with the given arguments, the first of which is its own name.
pub fn main(_args: impl IntoIterator<Item = OsString>) -> ExitCode {
    ExitCode::SUCCESS
}
