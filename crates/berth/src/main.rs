//! The `berth` binary.
#![allow(dead_code)]

mod client;

fn main() {}
