//! Bytes as hexadecimal digits, as the files of secrets and the forms' hidden fields have them.

/// Writes bytes as lower-case hexadecimal digits.
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads hexadecimal digits as bytes; at least two digits are needed.
///
/// # Errors
/// That `field` is not hexadecimal.
pub(crate) fn decode(field: &str, text: &str) -> Result<Vec<u8>, String> {
    let error = || format!("{field} is not hexadecimal");
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !text.len().is_multiple_of(2) || text.is_empty() || !digits(text) {
        return Err(error());
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| error()))
        .collect()
}
