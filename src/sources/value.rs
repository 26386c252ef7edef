//! One value of one type from its text, or none. Exact: decimals never pass through floats.

use jiff::civil::Date;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400 * MICROS;
const EPOCH: Date = Date::constant(1970, 1, 1);
/// Decimal128(18, 4).
pub(super) const PRECISION: u8 = 18;
pub(super) const SCALE: i8 = 4;

pub(super) fn true_or_false(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Any usual spelling, for a column that is known to be boolean.
pub(super) fn boolean(text: &str) -> Option<bool> {
    true_or_false(text).or(match text {
        "1" | "t" | "T" | "y" | "Y" | "yes" | "Yes" | "YES" => Some(true),
        "0" | "f" | "F" | "n" | "N" | "no" | "No" | "NO" => Some(false),
        _ => None,
    })
}

pub(super) fn bigint(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Whether a text is a whole number as a program writes it: no plus, no leading zero, no `-0`.
pub(super) fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    text == "0" || (is_digits(digits) && !digits.starts_with('0'))
}

/// Whether a text is a number with a fraction or an exponent as a program writes it.
pub(super) fn is_fractional(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = split(text, &['e', 'E']);
    let (whole, fraction) = split(mantissa, &['.']);
    (whole == "0" || is_whole(whole))
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(|e| is_digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
        && (fraction.is_some() || exponent.is_some() || whole == "0")
}

fn split<'a>(text: &'a str, at: &[char]) -> (&'a str, Option<&'a str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A finite number.
pub(super) fn double(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// In ten-thousandths. None if more than 14 digits stand before the point, or if anything but
/// zeros follows the fourth after it.
pub(super) fn decimal(text: &str) -> Option<i128> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = split(text, &['e', 'E']);
    let (whole, fraction) = split(mantissa, &['.']);
    let fraction = fraction.unwrap_or("");
    let exponent: i32 = exponent.map_or(Some(0), |text| text.parse().ok())?;
    let digits = || whole.bytes().chain(fraction.bytes());
    if digits().next().is_none() || !digits().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let mut number: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        let digit = i128::from(digit - b'0');
        number = number.checked_mul(10)?.checked_add(digit)?;
    }
    let shift = exponent
        .checked_sub(i32::try_from(fraction.len()).ok()?)?
        .checked_add(i32::from(SCALE))?;
    let power = 10_i128.checked_pow(shift.unsigned_abs());
    let scaled = match (number, shift) {
        (0, _) => 0,
        (_, 0..) => number.checked_mul(power?)?,
        _ if number % power? == 0 => number / power?,
        _ => return None,
    };
    let limit = 10_i128.pow(u32::from(PRECISION));
    (scaled < limit).then_some(if negative { -scaled } else { scaled })
}

/// `YYYY-MM-DD`, as days since 1970.
pub(super) fn date(text: &str) -> Option<i32> {
    let (date, rest) = leading_date(text.as_bytes())?;
    rest.is_empty().then(|| days(date))
}

/// ISO 8601, as microseconds since 1970 UTC; digits beyond are dropped. `T` or a space before the
/// time; seconds may be absent; `Z`, ` UTC`, `+hh:mm`, `+hhmm` or `+hh` after it. Without any of
/// these the clock is `zone`'s: of a time that stands twice on it, the earlier.
pub(super) fn timestamp(text: &str, zone: &TimeZone) -> Option<i64> {
    let (date, rest) = leading_date(text.as_bytes())?;
    let [b'T' | b't' | b' ', rest @ ..] = rest else {
        return None;
    };
    let (clock, rest) = leading_clock(rest)?;
    let local = i64::from(days(date)) * DAY + clock;
    match rest {
        [] if *zone == TimeZone::UTC => Some(local),
        [] => zoned(local, zone),
        _ => Some(local - offset(rest)?),
    }
}

/// A day's first instant in `zone`: what a date says where an instant is asked for.
pub(super) fn midnight(text: &str, zone: &TimeZone) -> Option<i64> {
    zoned(i64::from(date(text)?) * DAY, zone)
}

/// A date in a strptime form, as days since 1970.
pub(super) fn formatted_date(text: &str, format: &str) -> Option<i32> {
    let parsed = BrokenDownTime::parse(format, text).ok()?;
    parsed.to_date().ok().map(days)
}

/// An instant in a strptime form, as microseconds since 1970 UTC; in `zone` if the form has no offset.
pub(super) fn formatted_timestamp(text: &str, format: &str, zone: &TimeZone) -> Option<i64> {
    let parsed = BrokenDownTime::parse(format, text).ok()?;
    if parsed.offset().is_some() || parsed.iana_time_zone().is_some() {
        return parsed
            .to_timestamp()
            .ok()
            .map(jiff::Timestamp::as_microsecond);
    }
    match parsed.to_datetime() {
        Ok(local) => {
            let zoned = zone.to_ambiguous_zoned(local).compatible().ok()?;
            Some(zoned.timestamp().as_microsecond())
        }
        // A form of `%s` alone.
        Err(_) => parsed
            .to_timestamp()
            .ok()
            .map(jiff::Timestamp::as_microsecond),
    }
}

fn zoned(local: i64, zone: &TimeZone) -> Option<i64> {
    let clock = jiff::Timestamp::from_microsecond(local).ok()?;
    let clock = TimeZone::UTC.to_datetime(clock);
    let zoned = zone.to_ambiguous_zoned(clock).compatible().ok()?;
    Some(zoned.timestamp().as_microsecond())
}

fn days(date: Date) -> i32 {
    let hours = date.duration_since(EPOCH).as_hours();
    i32::try_from(hours / 24).expect("jiff's dates lie within 9999 years")
}

fn leading_date(text: &[u8]) -> Option<(Date, &[u8])> {
    let (date, rest) = text.split_at_checked(10)?;
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let year = i16::try_from(number(&date[..4])?).ok()?;
    let month = i8::try_from(number(&date[5..7])?).ok()?;
    let day = i8::try_from(number(&date[8..])?).ok()?;
    Some((Date::new(year, month, day).ok()?, rest))
}

/// `hh:mm`, `hh:mm:ss` or `hh:mm:ss.f`, in microseconds.
fn leading_clock(text: &[u8]) -> Option<(i64, &[u8])> {
    let (clock, rest) = text.split_at_checked(5)?;
    let (hour, minute) = (number(&clock[..2])?, number(&clock[3..])?);
    if clock[2] != b':' || hour > 23 || minute > 59 {
        return None;
    }
    let micros = (hour * 60 + minute) * 60 * MICROS;
    let [b':', rest @ ..] = rest else {
        return Some((micros, rest));
    };
    let (second, rest) = rest.split_at_checked(2)?;
    let second = number(second)?;
    if second > 59 {
        return None;
    }
    let micros = micros + second * MICROS;
    let [b'.' | b',', rest @ ..] = rest else {
        return Some((micros, rest));
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, rest) = rest.split_at(digits);
    let kept = &fraction[..digits.min(6)];
    let power = u32::try_from(6 - kept.len()).expect("at most 6");
    Some((micros + number(kept)? * 10_i64.pow(power), rest))
}

/// What stands after a clock, in microseconds east of UTC.
fn offset(text: &[u8]) -> Option<i64> {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let (sign, digits) = match text {
        b"Z" | b"z" | b"UTC" | b"GMT" => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits {
        [_, _] => (number(digits)?, 0),
        [_, _, b':', minutes @ ..] if minutes.len() == 2 => {
            (number(&digits[..2])?, number(minutes)?)
        }
        [_, _, _, _] => (number(&digits[..2])?, number(&digits[2..])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60 * MICROS)
}

/// The number that digits write; none if one is no digit or there is none.
fn number(digits: &[u8]) -> Option<i64> {
    let add = |sum: i64, byte: &u8| {
        byte.is_ascii_digit()
            .then(|| sum * 10 + i64::from(byte - b'0'))
    };
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0, add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> Option<i64> {
        timestamp(text, &TimeZone::UTC)
    }

    // Decimals are exact, and refused where a digit would be lost.
    #[test]
    fn decimals() {
        assert_eq!(decimal("0.1"), Some(1_000));
        assert_eq!(
            decimal("-12345678901234.5678"),
            Some(-123_456_789_012_345_678)
        );
        assert_eq!(decimal("1.50000000"), Some(15_000));
        assert_eq!(decimal("1.5e3"), Some(15_000_000));
        assert_eq!(decimal("15e-1"), Some(15_000));
        assert_eq!(decimal("0e99999"), Some(0));
        for lost in ["0.00001", "123456789012345", "1,000", "$1", "", ".", "1e99"] {
            assert_eq!(decimal(lost), None, "{lost}");
        }
    }

    // Every way of writing one instant is the same instant.
    #[test]
    fn instants() {
        let noon: i64 = 1_793_880_000 * MICROS;
        for text in [
            "2026-11-05T12:00:00Z",
            "2026-11-05T12:00:00.000+0000",
            "2026-11-05 12:00:00 UTC",
            "2026-11-05 12:00",
            "2026-11-05T13:00:00+01:00",
            "2026-11-05 06:30:00.0 -05:30",
            "2026-11-05T10:00:00-02",
        ] {
            assert_eq!(micros(text), Some(noon), "{text}");
        }
        assert_eq!(micros("2026-11-05T12:00:00.1234567Z"), Some(noon + 123_456));
        assert_eq!(micros("1969-12-31T23:59:59.5Z"), Some(-500_000));
        for wrong in [
            "2026-11-05T24:00:00Z",
            "2026-11-05",
            "2026-11-05T12:00:00X",
            "2026-11-5T12:00",
        ] {
            assert_eq!(micros(wrong), None, "{wrong}");
        }
    }

    // A clock without offset is the stated zone's, summer and winter.
    #[test]
    fn zones() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let winter = timestamp("2026-12-01 08:00:00", &zone);
        assert_eq!(winter, micros("2026-12-01 13:00:00"));
        assert_eq!(
            formatted_timestamp("1/7/2026 8:05", "%d/%m/%Y %H:%M", &zone),
            micros("2026-07-01 12:05:00")
        );
        let repeated = timestamp("2026-11-01 01:30:00", &zone);
        assert_eq!(repeated, micros("2026-11-01 05:30:00"));
        assert_eq!(midnight("2026-12-01", &zone), micros("2026-12-01 05:00"));
    }

    // Stated forms read unpadded days, offsets and epoch seconds.
    #[test]
    fn forms() {
        assert_eq!(formatted_date("5/3/2016", "%d/%m/%Y"), date("2016-03-05"));
        assert_eq!(formatted_date("29/2/2015", "%d/%m/%Y"), None);
        let utc = TimeZone::UTC;
        let form = |text, format| formatted_timestamp(text, format, &utc);
        assert_eq!(form("0", "%s"), Some(0));
        assert_eq!(
            form("05.11.2026 13:00 +0100", "%d.%m.%Y %H:%M %z"),
            micros("2026-11-05T12:00Z")
        );
        assert_eq!(form("5/11/2026", "%d/%m/%Y"), micros("2026-11-05T00:00Z"));
    }
}
