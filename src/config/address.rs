//! A recipient as written: `name@example.com` or `Name <name@example.com>`.

use super::Recipient;
use super::reader::Reader;
use super::yaml::Node;
use crate::problem::Problem;

pub(super) fn read(reader: &Reader<'_>, node: &Node) -> Option<Recipient> {
    let text = reader.text(node)?;
    parse(&text).map_or_else(
        |why| {
            let problem = Problem::new("This is no e-mail address").at(node.place.clone());
            let fix = "Write `name@example.com` or `Name <name@example.com>`";
            reader.tell_problem(problem.why(why).fix(fix));
            None
        },
        Some,
    )
}

/// `text` has passed `Reader::text`, so it holds no control character that would end a header.
pub(super) fn parse(text: &str) -> Result<Recipient, &'static str> {
    let (name, address) = match text.split_once('<') {
        None => (None, text),
        Some((name, rest)) => {
            let address = rest
                .strip_suffix('>')
                .ok_or("`<` is not closed by a `>` at the end")?;
            (Some(name.trim().trim_matches('"').trim()), address)
        }
    };
    let name = name.filter(|name| !name.is_empty());
    if name.is_some_and(|name| !is_name(name)) {
        return Err(
            "the name holds one of `<`, `>`, `\"` and `@`, or a character that is not seen",
        );
    }
    Ok(Recipient {
        name: name.map(str::to_owned),
        ..parse_plain(address)?
    })
}

/// An address without a name.
pub(super) fn parse_plain(address: &str) -> Result<Recipient, &'static str> {
    let address = address.trim();
    let (local, domain) = address.split_once('@').ok_or("it has no `@`")?;
    check_local(local)?;
    check_domain(domain)?;
    Ok(Recipient {
        address: address.to_owned(),
        name: None,
    })
}

/// Whether a text can stand as a name before an address: nothing in it ends a header or looks like
/// another address, and nothing turns the reading direction or cannot be seen.
pub(super) fn is_name(text: &str) -> bool {
    let unseen = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    !text
        .chars()
        .any(|c| c.is_control() || unseen(c) || "<>\"@".contains(c))
}

fn check_local(local: &str) -> Result<(), &'static str> {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    if local.is_empty() || local.len() > 64 {
        return Err("what stands before `@` is empty or too long");
    }
    if !local.bytes().all(allowed) || local.split('.').any(str::is_empty) {
        return Err("what stands before `@` holds a character that it may not, or a stray dot");
    }
    Ok(())
}

/// Whether a text can stand behind an `@`.
pub(super) fn is_domain(text: &str) -> bool {
    check_domain(text).is_ok()
}

fn check_domain(domain: &str) -> Result<(), &'static str> {
    if domain.contains('@') {
        return Err("it has more than one `@`");
    }
    let label = |label: &str| {
        let allowed = label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        allowed
            && (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if domain.len() > 253 || !domain.split('.').all(label) {
        return Err("what stands behind `@` is no domain");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipient(name: Option<&str>, address: &str) -> Recipient {
        Recipient {
            address: address.to_owned(),
            name: name.map(str::to_owned),
        }
    }

    // Both spellings are read, with and without quotes around the name.
    #[test]
    fn reads_both_spellings() {
        assert_eq!(
            parse("a.b+c@x-y.example"),
            Ok(recipient(None, "a.b+c@x-y.example"))
        );
        let ada = Ok(recipient(Some("Lovelace, Ada"), "ada@x.example"));
        assert_eq!(parse("Lovelace, Ada <ada@x.example>"), ada);
        assert_eq!(parse("\"Lovelace, Ada\" <ada@x.example>"), ada);
        assert_eq!(
            parse("<root@localhost>"),
            Ok(recipient(None, "root@localhost"))
        );
    }

    // What could not be delivered, or could reach somebody else, is refused.
    #[test]
    fn refuses_what_is_no_address() {
        for text in [
            "ada",
            "ada@",
            "@x",
            "a@b@c",
            "a b@x",
            "a@x..y",
            "a@-x",
            ".a@x",
            "a@x y",
            "Ada <a@x",
            "Ada a@x",
            "a@x, b@x",
            "Ada <a@x> b",
            "Ada <<a@x>",
            "A@B <a@x>",
            "a@x;b@y",
            "ä@x",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
