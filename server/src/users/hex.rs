//! Bytes as hexadecimal digits, as the files of secrets write them.

/// Bytes as hexadecimal digits.
pub(super) fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes that hexadecimal digits stand for; `field` is for the error.
pub(super) fn decode(field: &str, text: &str) -> Result<Vec<u8>, String> {
    let error = || format!("{field} is not hexadecimal");
    if !text.len().is_multiple_of(2) || text.is_empty() || !text.is_ascii() {
        return Err(error());
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| error()))
        .collect()
}
