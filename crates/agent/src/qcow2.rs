//! The first bytes of a qcow2 file (QEMU's docs/interop/qcow2.txt): enough to know an image without opening it as
//! one, and without a program.

use std::{fs::File, io::Read, path::Path};

/// Up to and with the fields of version 3 that are read here.
pub(crate) const HEADER_BYTES: usize = 104;
const MAGIC: [u8; 4] = *b"QFI\xfb";

/// All numbers are big-endian in the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub is_qcow2: bool,
    pub version: u32,
    /// It reads on from another file.
    pub has_backing: bool,
    pub virtual_bytes: u64,
    pub is_encrypted: bool,
    pub snapshots: u32,
    /// Bits that a reader must understand; 0 in version 2, which has none.
    pub incompatible_features: u64,
}

/// Fails where the file can't be read or is shorter than a header.
pub(crate) fn read_header(path: &Path) -> std::io::Result<Header> {
    let mut bytes = [0; HEADER_BYTES];
    File::open(path)?.take(HEADER_BYTES as u64).read_exact(&mut bytes)?;
    Ok(parse(&bytes))
}

pub(crate) fn parse(bytes: &[u8; HEADER_BYTES]) -> Header {
    let u32_at = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let u64_at = |at: usize| u64::from(u32_at(at)) << 32 | u64::from(u32_at(at + 4));
    let version = u32_at(4);
    Header {
        is_qcow2: bytes[..4] == MAGIC,
        version,
        has_backing: u64_at(8) != 0 || u32_at(16) != 0,
        virtual_bytes: u64_at(24),
        is_encrypted: u32_at(32) != 0,
        snapshots: u32_at(60),
        incompatible_features: if version == 3 { u64_at(72) } else { 0 },
    }
}
