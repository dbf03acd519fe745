//! Randomness, passed in so that tests repeat. The only place that asks the operating system for it.

use uuid::Uuid;

const LETTERS_AND_DIGITS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

pub trait Rng: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator.
pub struct OsRng;

impl Rng for OsRng {
    fn fill(&self, bytes: &mut [u8]) {
        use rand::TryRngCore;
        // Without randomness nothing here is safe to go on with; Linux's generator does not fail once it is seeded.
        rand::rngs::OsRng.try_fill_bytes(bytes).expect("the operating system's random generator");
    }
}

impl dyn Rng + '_ {
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// Letters and digits, each with the same chance.
    pub fn letters_and_digits(&self, length: usize) -> String {
        let mut text = String::with_capacity(length);
        while text.len() < length {
            // Bytes from 248 on would favour the first letters.
            let usable = self.bytes::<32>().into_iter().filter(|byte| *byte < 248);
            text.extend(
                usable.take(length - text.len()).map(|byte| LETTERS_AND_DIGITS[usize::from(byte % 62)] as char),
            );
        }
        text
    }

    /// A number below `bound`; the bias is below 2^-32 for the bounds that are used here (ten digits).
    pub fn below(&self, bound: u64) -> u64 {
        u64::try_from(u128::from_le_bytes(self.bytes()) % u128::from(bound)).expect("below a 64-bit bound")
    }
}
