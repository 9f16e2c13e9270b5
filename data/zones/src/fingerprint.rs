//! Hashes bytes to a fingerprint that is the same in every process and release: FNV-1a.

/// Computes a fingerprint.
pub(crate) struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fingerprint {
    /// Adds bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Returns the fingerprint, which is never negative.
    pub(crate) fn finish(&self) -> i64 {
        (self.0 >> 1) as i64
    }
}
