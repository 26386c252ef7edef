//! Has the package built again when a file is added to a folder that is compiled in.

fn main() {
    for folder in ["queries", "templates", "config"] {
        println!("cargo:rerun-if-changed={folder}");
    }
}
