//! Record ids as Salesforce makes them.

/// The 18 characters of a Salesforce id: the object's prefix, a number in base 62, and three
/// characters that say which of the others are capital letters.
pub(super) fn salesforce_id(prefix: &str, number: i64) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut id = [b'0'; 18];
    id[..3].copy_from_slice(&prefix.as_bytes()[..3]);
    id[3..5].copy_from_slice(b"5g");
    let mut left = number;
    for place in id[5..15].iter_mut().rev() {
        *place = DIGITS[usize::try_from(left % 62).unwrap_or(0)];
        left /= 62;
    }
    for part in 0..3 {
        id[15 + part] = check(&id[part * 5..part * 5 + 5]);
    }
    id.iter().map(|byte| char::from(*byte)).collect()
}

/// One character for five: bit n is set where the n-th is a capital letter.
fn check(five: &[u8]) -> u8 {
    const CHECKS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    let bits = five
        .iter()
        .enumerate()
        .filter(|(_, byte)| byte.is_ascii_uppercase())
        .fold(0_usize, |bits, (place, _)| bits | 1 << place);
    CHECKS[bits]
}

#[cfg(test)]
mod tests {
    use super::*;

    // The check characters of an id from Salesforce's documentation's rule: AAA for none, 5 for five.
    #[test]
    fn ids_carry_their_capitals() {
        assert_eq!(check(b"00Q5g"), b'E');
        assert_eq!(check(b"ABCDE"), b'5');
        assert_eq!(salesforce_id("00Q", 61), "00Q5g000000000zEAA");
        assert_ne!(salesforce_id("00Q", 62), salesforce_id("00Q", 61));
    }
}
