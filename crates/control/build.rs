//! The panel is built before this crate; where it was built anew, this crate is too.

fn main() {
    println!("cargo:rerun-if-changed=../../web/dist");
}
