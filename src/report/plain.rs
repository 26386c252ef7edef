//! Conditions of the definition in plain terms: `status = 'Working'` as “status is Working”.
//!
//! Only what is surely read the same way is put into words; of anything else the expression stands
//! as it is.

/// A piece of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A name, a keyword or a number, in lower case.
    Word(String),
    Text(String),
    Sign(String),
}

/// A condition in plain terms; none where it says more than these words can.
pub(super) fn plain(expression: &str) -> Option<String> {
    let tokens = tokens(expression)?;
    let mut rest = tokens.as_slice();
    let mut told = Vec::new();
    loop {
        let (part, after) = part(rest)?;
        told.push(part);
        rest = match after {
            [] => break,
            [Token::Word(word), after @ ..] if word == "and" || word == "or" => {
                told.push(word.clone());
                after
            }
            _ => return None,
        };
    }
    // "a and b or c" may be read two ways.
    let mixed = ["and", "or"]
        .iter()
        .all(|word| told.iter().any(|it| it == word));
    (!mixed).then(|| told.join(" "))
}

/// The name of a column as it is said: `person.email` as “the person's email”.
pub(super) fn column(name: &str) -> String {
    match name.strip_prefix("person.") {
        Some(name) => format!("the person's {}", name.replace('_', " ")),
        None => name.replace('_', " "),
    }
}

/// One comparison, and what follows it.
fn part(tokens: &[Token]) -> Option<(String, &[Token])> {
    use Token::{Sign, Text, Word};
    let is = |token: &Token, word: &str| matches!(token, Word(found) if found == word);
    let [Word(name), rest @ ..] = tokens else {
        return None;
    };
    if name == "not" {
        let [Word(name), rest @ ..] = rest else {
            return None;
        };
        let bare = rest
            .first()
            .is_none_or(|next| is(next, "and") || is(next, "or"));
        return bare.then(|| (format!("{} does not hold", column(name)), rest));
    }
    let name = column(name);
    match rest {
        [a, b, c, rest @ ..] if is(a, "is") && is(b, "not") && is(c, "null") => {
            Some((format!("{name} is filled"), rest))
        }
        [a, b, rest @ ..] if is(a, "is") && is(b, "null") => {
            Some((format!("{name} is empty"), rest))
        }
        [a, Text(like), rest @ ..] if is(a, "like") => {
            Some((format!("{name} {}", pattern(like)?), rest))
        }
        [a, rest @ ..] if is(a, "in") => list(&name, "is", rest),
        [a, b, rest @ ..] if is(a, "not") && is(b, "in") => list(&name, "is not", rest),
        [Sign(sign), Text(value) | Word(value), rest @ ..] => {
            Some((format!("{name} {} {value}", compared(sign)?), rest))
        }
        [next, ..] if !is(next, "and") && !is(next, "or") => None,
        // `is_won` reads as a sentence of its own.
        rest if name.starts_with("is ") => Some((format!("“{name}” is true"), rest)),
        rest => Some((format!("{name} is true"), rest)),
    }
}

fn compared(sign: &str) -> Option<&'static str> {
    Some(match sign {
        "=" => "is",
        "<>" | "!=" => "is not",
        ">=" => "is at least",
        "<=" => "is at most",
        ">" => "is more than",
        "<" => "is less than",
        _ => return None,
    })
}

/// `('Junk', 'Disqualified')` as “is Junk or Disqualified”.
fn list<'a>(name: &str, is: &str, tokens: &'a [Token]) -> Option<(String, &'a [Token])> {
    let [Token::Sign(open), rest @ ..] = tokens else {
        return None;
    };
    let close = rest
        .iter()
        .position(|it| *it == Token::Sign(")".to_owned()))?;
    let (inside, after) = rest.split_at(close);
    let mut values = Vec::new();
    for (index, token) in inside.iter().enumerate() {
        match token {
            Token::Text(value) | Token::Word(value) if index % 2 == 0 => {
                values.push(value.as_str());
            }
            Token::Sign(sign) if index % 2 == 1 && sign == "," => {}
            _ => return None,
        }
    }
    let told = match values.as_slice() {
        [] => return None,
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    };
    (open == "(").then(|| (format!("{name} {is} {told}"), after.split_at(1).1))
}

fn pattern(like: &str) -> Option<String> {
    let inner = like.trim_matches('%');
    if inner.is_empty() || inner.contains(['%', '_']) {
        return None;
    }
    Some(match (like.starts_with('%'), like.ends_with('%')) {
        (true, true) => format!("contains {inner}"),
        (true, false) => format!("ends in {inner}"),
        (false, true) => format!("begins with {inner}"),
        (false, false) => format!("is {inner}"),
    })
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\'' {
            let mut value = String::new();
            loop {
                match (letters.next()?, letters.peek()) {
                    ('\'', Some('\'')) => value.extend(letters.next()),
                    ('\'', _) => break,
                    (other, _) => value.push(other),
                }
            }
            tokens.push(Token::Text(value));
        } else if letter.is_alphanumeric() || letter == '_' {
            let mut word = String::from(letter);
            while let Some(more) =
                letters.next_if(|it| it.is_alphanumeric() || ['_', '.'].contains(it))
            {
                word.push(more);
            }
            tokens.push(Token::Word(word.to_lowercase()));
        } else if ['<', '>', '=', '!'].contains(&letter) {
            let mut sign = String::from(letter);
            sign.extend(letters.next_if(|it| ['>', '='].contains(it)));
            tokens.push(Token::Sign(sign));
        } else if ['(', ')', ','].contains(&letter) {
            tokens.push(Token::Sign(letter.to_string()));
        } else if !letter.is_whitespace() {
            return None;
        }
    }
    Some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Comparisons, lists, patterns and blanks are put into words.
    #[test]
    fn in_words() {
        let told = |expression| plain(expression).unwrap_or_else(|| "as it is".to_owned());
        assert_eq!(told("email is not null"), "email is filled");
        assert_eq!(told("status = 'Working'"), "status is Working");
        assert_eq!(
            told("kind = 'web' and person.email is null"),
            "kind is web and the person's email is empty"
        );
        assert_eq!(
            told("lead_score >= 65 and employees >= 100"),
            "lead score is at least 65 and employees is at least 100"
        );
        assert_eq!(
            told("status in ('Junk', 'Disqualified')"),
            "status is Junk or Disqualified"
        );
        assert_eq!(told("stage not in ('A','B','C')"), "stage is not A, B or C");
        assert_eq!(
            told("email like '%@acme.example'"),
            "email ends in @acme.example"
        );
        assert_eq!(told("name like 'It''s%'"), "name begins with It's");
        assert_eq!(told("success"), "success is true");
        assert_eq!(told("is_won"), "“is won” is true");
        assert_eq!(
            told("not automated and kind <> 'call'"),
            "automated does not hold and kind is not call"
        );
    }

    /// What might be read two ways, or says more, stands as it is.
    #[test]
    fn as_it_is() {
        for expression in [
            "a = 1 and b = 2 or c = 3",
            "lower(status) = 'working'",
            "(a = 1)",
            "amount + 1 > 2",
            "email like 'a_b%'",
            "status = 'open",
            "a in ()",
            "-- a\nb",
            "",
        ] {
            assert_eq!(plain(expression), None, "{expression}");
        }
    }
}
