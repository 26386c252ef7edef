use std::process::ExitCode;

fn main() -> ExitCode {
    leadgauge::main(std::env::args_os())
}
