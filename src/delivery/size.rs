//! How large a mail is once it is encoded, and which files it has no room for.

use jiff::civil::Date;

use super::DeliveryError;
use super::message::body;
use crate::report::{Attachment, Rendered};

/// Room for the headers, whoever the recipient is, and for what relays add to them.
const HEADERS: usize = 8_192;
/// Room for what a mail says of a file that does not go with it, in both its parts.
const NOTE: usize = 2_048;

/// Takes files off a report until each of its mails is at most `limit` bytes long, encoded, and gives
/// them back: the largest first, since the others may fit without it.
pub(crate) fn fit(
    rendered: &mut Rendered,
    as_of: Date,
    limit: u64,
) -> Result<Vec<Attachment>, DeliveryError> {
    let mut taken = Vec::new();
    while !rendered.attached.is_empty() && encoded(rendered, as_of, taken.len())? > limit {
        let sizes = rendered.attached.iter().enumerate();
        let largest = sizes.max_by_key(|(_, file)| file.bytes.len());
        let Some((at, _)) = largest else { break };
        taken.push(rendered.attached.remove(at));
    }
    Ok(taken)
}

/// The bytes of a mail, with the room for `notes` notes.
fn encoded(rendered: &Rendered, as_of: Date, notes: usize) -> Result<u64, DeliveryError> {
    let body = body(rendered, "", as_of).map_err(|source| DeliveryError::Build {
        report: rendered.report.clone(),
        source,
    })?;
    Ok((body.formatted().len() + HEADERS + notes * NOTE) as u64)
}

/// A number of bytes, for people: `12.3 MB`.
pub(crate) fn shown(bytes: u64) -> String {
    if bytes < 1_000_000 {
        return format!("{} kB", bytes.div_ceil(1_000));
    }
    let tenths = bytes.div_ceil(100_000);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::config::Recipient;
    use crate::delivery::compose;

    const DAY: Date = date(2026, 11, 19);

    fn with_files(sizes: &[usize]) -> Rendered {
        let files = sizes.iter().enumerate().map(|(at, size)| {
            let bytes = vec![0xA5; *size];
            Attachment::new(&format!("{at}.csv"), "text/csv; charset=utf-8", bytes)
        });
        Rendered {
            report: "daily".to_owned(),
            subject: "31 MQLs".to_owned(),
            page: String::new(),
            mail_html: "<p>März</p>".repeat(500),
            mail_text: "März\n".repeat(500),
            images: Vec::new(),
            told: Vec::new(),
            attached: files.collect(),
        }
    }

    fn length(rendered: &Rendered) -> u64 {
        let of = |address: &str| Recipient {
            address: address.to_owned(),
            name: Some("Übermäßig langer Name ".repeat(20)),
        };
        let (to, from) = (of("dana@acme.example"), of("funnel@acme.example"));
        let dated = "2026-11-20T05:00:00Z".parse().unwrap();
        let mail = compose(rendered, &to, &from, DAY, dated).unwrap();
        mail.message.len() as u64
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        // Whatever the files, no mail is over the limit once it is encoded; no file is lost; and
        // none that was taken off would have fitted beside the rest.
        #[test]
        fn no_mail_is_over_the_limit(sizes in prop::collection::vec(0_usize..400_000, 0..6)) {
            let limit = 500_000;
            let mut rendered = with_files(&sizes);
            let whole = rendered.clone();
            let taken = fit(&mut rendered, DAY, limit).unwrap();
            prop_assert!(length(&rendered) <= limit);
            prop_assert_eq!(taken.len() + rendered.attached.len(), sizes.len());
            prop_assert!(taken.is_empty() || length(&whole) > limit - 12_000);
            let smallest = taken.iter().map(|file| file.bytes.len()).min();
            let stays = rendered.attached.iter().all(|file| Some(file.bytes.len()) <= smallest);
            prop_assert!(taken.is_empty() || stays);
        }
    }

    // Base64 counts: a file of three quarters of the limit is over it.
    #[test]
    fn size_is_counted_after_encoding() {
        let mut rendered = with_files(&[7_500_000]);
        assert_eq!(fit(&mut rendered, DAY, 10_000_000).unwrap().len(), 1);
        let mut rendered = with_files(&[7_100_000]);
        assert!(fit(&mut rendered, DAY, 10_000_000).unwrap().is_empty());
    }

    // Sizes are rounded up, so that none is said to be as large as the limit that it is over.
    #[test]
    fn sizes_are_for_people() {
        let given = [1, 999_001, 1_000_000, 10_000_000, 10_000_001].map(shown);
        assert_eq!(given, ["1 kB", "1000 kB", "1.0 MB", "10.0 MB", "10.1 MB"]);
    }
}
