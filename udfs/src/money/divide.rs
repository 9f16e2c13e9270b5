//! Division of integers, rounded half away from zero.

use arrow::datatypes::i256;

/// `numerator / denominator`, rounded half away from zero; the denominator is positive.
pub(super) fn half_away(numerator: i128, denominator: i128) -> i128 {
    let (quotient, rest) = (numerator / denominator, numerator % denominator);
    // `2 * rest >= denominator` without its overflow.
    if rest.abs() >= denominator - rest.abs() {
        quotient + numerator.signum()
    } else {
        quotient
    }
}

/// As [`half_away`], in 256 bits and with a denominator of either sign. None where it is zero or the result too large.
pub(super) fn half_away_wide(numerator: i256, denominator: i256) -> Option<i256> {
    let quotient = numerator.checked_div(denominator)?;
    let rest = numerator.checked_rem(denominator)?.checked_abs()?;
    if rest >= denominator.checked_abs()?.checked_sub(rest)? {
        let step = if numerator.is_negative() == denominator.is_negative() {
            i256::ONE
        } else {
            i256::MINUS_ONE
        };
        quotient.checked_add(step)
    } else {
        Some(quotient)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
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
        assert_eq!(half_away(n, d), expected);
        assert_eq!(
            half_away_wide(i256::from_i128(n), i256::from_i128(d)),
            Some(i256::from_i128(expected))
        );
    }

    proptest! {
        #[test]
        fn both_widths_agree(n in any::<i128>(), d in 1..i128::MAX) {
            let wide = half_away_wide(i256::from_i128(n), i256::from_i128(d)).unwrap();
            prop_assert_eq!(wide.to_i128(), Some(half_away(n, d)));
            let negated = half_away_wide(i256::from_i128(n), i256::from_i128(-d)).unwrap();
            prop_assert_eq!(negated, wide.wrapping_neg());
        }
    }
}
