//! Numbers as the page writes them, read back.

/// What a view shows in a place.
#[derive(Debug)]
pub struct Shown {
    /// The exact value beside it.
    pub exact: Option<String>,
    pub text: String,
}

impl Shown {
    /// Asserts that it is this value, and reads as it does.
    #[track_caller]
    pub fn assert_is(&self, value: Option<&str>, what: &str) {
        let Some(value) = value else {
            assert!(self.exact.is_none(), "{what}: null is {self:?}");
            assert!(self.text.starts_with('—'), "{what}: null is {self:?}");
            return;
        };
        if let Some(exact) = &self.exact {
            assert_eq!(exact, value, "{what}: {self:?}");
        }
        assert!(reads_as(&self.text, value), "{what}: {value} is {self:?}");
    }
}

/// Whether a number for people is this one, as far as its decimals go.
pub fn reads_as(shown: &str, exact: &str) -> bool {
    let digits: String = shown
        .replace('−', "-")
        .chars()
        .filter(|c| c.is_ascii_digit() || "-.".contains(*c))
        .collect();
    let decimals = digits.split_once('.').map_or(0, |(_, after)| after.len());
    let scale = match shown.chars().last() {
        Some('%') => 0.01,
        Some('M') => 1e6,
        _ => 1.0,
    };
    let (Ok(told), Ok(exact)) = (digits.parse::<f64>(), exact.parse::<f64>()) else {
        return false;
    };
    let step = scale * 10_f64.powi(-i32::try_from(decimals).unwrap());
    (told * scale - exact).abs() <= step * 0.500_001
}

#[test]
fn a_shown_number_is_read_to_its_last_decimal() {
    for (shown, exact, is) in [
        ("$123,689", "123688.8200", true),
        ("$123,688", "123688.8200", false),
        ("64.5%", "0.6450534", true),
        ("64.6%", "0.6450534", false),
        ("−€1,234.50", "-1234.5", true),
        ("A$12.3M", "12345678", true),
        ("—no value", "0", false),
    ] {
        assert_eq!(reads_as(shown, exact), is, "{shown} {exact}");
    }
}
