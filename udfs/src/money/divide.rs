//! Division of integers, rounded half away from zero.

/// Returns `numerator / denominator`, rounded half away from zero. The denominator must be positive.
pub(super) fn divide_half_away(numerator: i128, denominator: i128) -> i128 {
    let (quotient, rest) = (numerator / denominator, numerator % denominator);
    // `2 * rest >= denominator` without its overflow.
    if rest.abs() >= denominator - rest.abs() {
        quotient + numerator.signum()
    } else {
        quotient
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(7, 2, 4)]
    #[case(-7, 2, -4)]
    #[case(5, 3, 2)]
    #[case(4, 3, 1)]
    #[case(-4, 3, -1)]
    #[case(0, 9, 0)]
    #[case(i128::MAX, i128::MAX, 1)]
    #[case(i128::MIN, i128::MAX, -1)]
    fn rounds_half_away_from_zero(#[case] n: i128, #[case] d: i128, #[case] expected: i128) {
        assert_eq!(divide_half_away(n, d), expected);
    }
}
