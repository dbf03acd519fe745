//! A disc made by hand: ISO 9660's descriptors, a text in a sector of its own, and a program of thirty bytes that
//! firmware boots by El Torito (the "no emulation" kind) and that says so on the serial port.

const SECTOR: usize = 2048;
/// Below it firmware and kernels take a disc for none.
const SECTORS: usize = 600;
/// Where the text is.
pub const TEXT_SECTOR: usize = 21;
const CATALOG_SECTOR: usize = 19;
const PROGRAM_SECTOR: usize = 20;
/// What the program writes to the first serial port.
pub const BOOTED: &str = "BERTH-BOOTED-THIS-DISC";

/// 16-bit code at 0000:7c00: each character to port 3f8, then halts for ever.
fn program() -> Vec<u8> {
    let code: [u8; 26] = [
        0xfa, // cli
        0x31, 0xc0, // xor ax, ax
        0x8e, 0xd8, // mov ds, ax
        0xfc, // cld
        0xbe, 0x1a, 0x7c, // mov si, text
        0xba, 0xf8, 0x03, // mov dx, 3f8h
        0xac, // next: lodsb
        0x84, 0xc0, // test al, al
        0x74, 0x03, // jz end
        0xee, // out dx, al
        0xeb, 0xf8, // jmp next
        0xf4, // end: hlt
        0xeb, 0xfd, // jmp end
        0x90, 0x90, 0x90,
    ];
    [&code, BOOTED.as_bytes(), b"\r\n\0"].concat()
}

/// A disc with this text that boots to its own message.
pub fn bootable(text: &str) -> Vec<u8> {
    let mut disc = vec![0; SECTORS * SECTOR];
    let mut put = |sector: usize, at: usize, bytes: &[u8]| {
        disc[sector * SECTOR + at..sector * SECTOR + at + bytes.len()].copy_from_slice(bytes);
    };
    put(16, 0, b"\x01CD001\x01");
    put(16, 40, b"BERTH TEST                      ");
    let size = u32::try_from(SECTORS).expect("small");
    put(16, 80, &[size.to_le_bytes(), size.to_be_bytes()].concat());
    put(16, 128, &[0x00, 0x08, 0x08, 0x00]);
    put(17, 0, b"\x00CD001\x01EL TORITO SPECIFICATION");
    put(17, 0x47, &u32::try_from(CATALOG_SECTOR).expect("small").to_le_bytes());
    put(18, 0, b"\xffCD001\x01");
    // The validation entry's sixteen words add up to nothing.
    let mut entry = [0; 32];
    (entry[0], entry[30], entry[31]) = (1, 0x55, 0xaa);
    let sum = entry.chunks(2).fold(0_u16, |sum, word| sum.wrapping_add(u16::from_le_bytes([word[0], word[1]])));
    entry[28..30].copy_from_slice(&0_u16.wrapping_sub(sum).to_le_bytes());
    put(CATALOG_SECTOR, 0, &entry);
    let mut default = [0; 32];
    default[0] = 0x88;
    default[6] = 4;
    default[8..12].copy_from_slice(&u32::try_from(PROGRAM_SECTOR).expect("small").to_le_bytes());
    put(CATALOG_SECTOR, 32, &default);
    put(PROGRAM_SECTOR, 0, &program());
    put(TEXT_SECTOR, 0, text.as_bytes());
    disc
}
