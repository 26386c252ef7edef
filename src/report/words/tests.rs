//! How figures and texts are written, in each locale.

use jiff::civil::date as day;

use super::*;

/// Numbers are grouped, rounded and signed alike; what is no number is a dash.
#[test]
fn numbers() {
    assert_eq!(integer(1_234_567), "1,234,567");
    assert_eq!(integer(-1_000), "−1,000");
    assert_eq!(integer(999), "999");
    assert_eq!(integer(i64::MIN), "−9,223,372,036,854,775,808");
    assert_eq!(percent(0.612_49), "61.2%");
    assert_eq!(percent(12.0), "1,200.0%");
    assert_eq!(percent(f64::NAN), "–");
    assert_eq!(days(1.04), "1.0 day");
    assert_eq!(days(0.96), "1.0 day");
    assert_eq!(days(0.04), "<0.1 days");
    assert_eq!(days(0.0), "0.0 days");
    assert_eq!(days(f64::INFINITY), "–");
    assert_eq!(decimal(-0.04), "0.0");
    assert_eq!(decimal(-3.25), "−3.3");
    assert_eq!(signed(61), "+61");
    assert_eq!(signed(-61), "−61");
    assert_eq!(signed(0), "0");
    assert_eq!(change(0.07), "+7.0%");
    assert_eq!(change(-0.07), "−7.0%");
    assert_eq!(change(0.0001), "0.0%");
    assert_eq!(lag(0.3), "under a minute");
    assert_eq!(lag(0.6), "1 minute");
    assert_eq!(lag(89.4), "89 minutes");
    assert_eq!(lag(90.0), "1.5 hours");
    assert_eq!(lag(2880.0), "2.0 days");
    assert_eq!(lag(f64::NAN), "–");
    assert_eq!(range((14, 1_024)), "14–1,024");
    assert_eq!(range((0, 0)), "0");
}

/// A date reads the same wherever it stands.
#[test]
fn dates() {
    assert_eq!(date(day(2026, 11, 19)), "Thu 19 Nov 2026");
    assert_eq!(long_date(day(2026, 11, 1)), "Sunday 1 November 2026");
    assert_eq!(short_date(day(2026, 11, 1)), "1 Nov");
}

/// Numbers and dates are written as the locale has them, and then as before.
#[test]
fn locales() {
    let written = |locale| {
        in_locale(locale, || {
            let numbers = [
                integer(1_234_567),
                decimal(-1234.5),
                percent(0.612),
                change(0.0),
            ];
            let today = day(2026, 11, 9);
            let dates = [
                date(today),
                long_date(today),
                super::day(today),
                short_date(today),
            ];
            [numbers.join(" | "), dates.join(" | "), days(1.0)].join("\n")
        })
    };
    assert_eq!(
        written(Locale::EnUs),
        "1,234,567 | −1,234.5 | 61.2% | 0.0%\n\
         Mon, Nov 9, 2026 | Monday, November 9, 2026 | Mon, Nov 9 | Nov 9\n1.0 day"
    );
    assert_eq!(
        written(Locale::DeDe),
        "1.234.567 | −1.234,5 | 61,2\u{a0}% | 0,0\u{a0}%\n\
         Mon 9.11.2026 | Monday 9.11.2026 | Mon 9.11. | 9.11.\n1,0 day"
    );
    assert_eq!(
        written(Locale::FrFr),
        "1\u{202f}234\u{202f}567 | −1\u{202f}234,5 | 61,2\u{202f}% | 0,0\u{202f}%\n\
         Mon 09/11/2026 | Monday 09/11/2026 | Mon 09/11 | 09/11\n1,0 day"
    );
    assert_eq!(integer(1_000), "1,000");
}

/// An id shortens a term only if it is the term's initials.
#[test]
fn labels() {
    assert_eq!(label("mql", "Marketing qualified lead"), "MQL");
    assert_eq!(label("known", "Known"), "Known");
    assert_eq!(label("k", "Known"), "Known");
    assert_eq!(label("won", "Closed won"), "Closed won");
    assert_eq!(entries(31, "MQL"), "31 MQLs");
    assert_eq!(entries(1, "MQL"), "1 MQL");
    assert_eq!(entries(1, "Working"), "1 entry into Working");
    assert_eq!(entries(1_200, "Known"), "1,200 entries into Known");
}

/// Text from the data cannot break a line, turn its direction or grow without end.
#[test]
fn hostile_text() {
    assert_eq!(clean("a\r\nBcc: x\u{202e}gpj\u{2028}b"), "a Bcc: x gpj b");
    assert_eq!(clean("  Mär\u{7} € "), "Mär €");
    assert_eq!(clean(&"x".repeat(500)).chars().count(), 160);
}
