//! The `townclerk` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    townclerk::cli::main()
}
