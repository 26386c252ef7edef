//! Reads JSON text value by value without turning numbers into floats, and tells a text that ends
//! too early from one that is wrong.

use std::borrow::Cow;

/// Deeper nesting is refused rather than risk the stack.
const DEPTH: usize = 128;

pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The text ends inside a value.
    End,
    /// Something else stands there than what is named.
    Expected(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Boolean,
    Number,
    String,
    /// An object or an array.
    Nested,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next byte that is no white space, not consumed.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
            .count();
        self.text.as_bytes().get(self.at).copied()
    }

    /// Consumes `byte` if it is the next that is no white space.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, byte: u8, name: &'static str) -> Result<(), Stop> {
        match self.peek() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(Stop::Expected(name)),
            None => Err(Stop::End),
        }
    }

    /// A string's content.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, Stop> {
        let start = self.at;
        let raw = self.raw_string()?;
        let inner = raw.get(1..raw.len() - 1).unwrap_or_default();
        if !inner.contains('\\') {
            return Ok(Cow::Borrowed(inner));
        }
        serde_json::from_str(raw).map(Cow::Owned).map_err(|_| {
            self.at = start;
            Stop::Expected("a string")
        })
    }

    /// Any value, as it is written.
    pub(super) fn value(&mut self) -> Result<(Kind, &'a str), Stop> {
        self.peek();
        let start = self.at;
        let kind = self.skip(0)?;
        Ok((kind, self.since(start)))
    }

    fn skip(&mut self, depth: usize) -> Result<Kind, Stop> {
        match self.peek().ok_or(Stop::End)? {
            b'{' | b'[' if depth >= DEPTH => Err(Stop::Expected("less nesting")),
            b'{' => self.skip_object(depth),
            b'[' => self.skip_array(depth),
            b'"' => self.string().map(|_| Kind::String),
            b't' => self.word("true", Kind::Boolean),
            b'f' => self.word("false", Kind::Boolean),
            b'n' => self.word("null", Kind::Null),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(Stop::Expected("a value")),
        }
    }

    fn skip_object(&mut self, depth: usize) -> Result<Kind, Stop> {
        self.at += 1;
        if self.take(b'}') {
            return Ok(Kind::Nested);
        }
        loop {
            self.peek();
            self.string()?;
            self.expect(b':', "`:`")?;
            self.skip(depth + 1)?;
            if !self.take(b',') {
                return self.expect(b'}', "`,` or `}`").map(|()| Kind::Nested);
            }
        }
    }

    fn skip_array(&mut self, depth: usize) -> Result<Kind, Stop> {
        self.at += 1;
        if self.take(b']') {
            return Ok(Kind::Nested);
        }
        loop {
            self.skip(depth + 1)?;
            if !self.take(b',') {
                return self.expect(b']', "`,` or `]`").map(|()| Kind::Nested);
            }
        }
    }

    /// A string with its quotes and escapes.
    fn raw_string(&mut self) -> Result<&'a str, Stop> {
        let start = self.at;
        self.expect(b'"', "a string")?;
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                None => return Err(Stop::End),
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(0..=0x1f) => return Err(Stop::Expected("no line break or control character")),
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        Ok(self.since(start))
    }

    fn number(&mut self) -> Result<Kind, Stop> {
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        self.at += rest
            .iter()
            .take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .count();
        if is_number(self.since(start)) {
            return Ok(Kind::Number);
        }
        let cut = self.at == self.text.len();
        if cut && is_number(&format!("{}0", self.since(start))) {
            return Err(Stop::End);
        }
        self.at = start;
        Err(Stop::Expected("a number"))
    }

    fn word(&mut self, word: &'static str, kind: Kind) -> Result<Kind, Stop> {
        let rest = &self.text.as_bytes()[self.at..];
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(kind);
        }
        if word.as_bytes().starts_with(rest) {
            return Err(Stop::End);
        }
        Err(Stop::Expected("a value"))
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }
}

/// Whether a text is a number as JSON writes it.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

/// The same JSON without white space between its tokens.
pub(super) fn compact(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let keep = |c: &char| {
        let kept = quoted || !c.is_ascii_whitespace();
        match c {
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = *c == '\\' && !escaped;
        kept
    };
    json.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<(Kind, &str), Stop> {
        Scanner::new(text).value()
    }

    // Values come as they are written.
    #[test]
    fn values() {
        assert_eq!(value(" 1.50,"), Ok((Kind::Number, "1.50")));
        assert_eq!(value("-1e+3"), Ok((Kind::Number, "-1e+3")));
        assert_eq!(value("null"), Ok((Kind::Null, "null")));
        assert_eq!(
            value("{\"a\": [1, {}]} "),
            Ok((Kind::Nested, "{\"a\": [1, {}]}"))
        );
        assert_eq!(Scanner::new(r#""a\u00e9\"""#).string(), Ok("aé\"".into()));
    }

    // What is cut off is told from what is wrong.
    #[test]
    fn stops() {
        for cut in [
            "{\"a", "[1", "[1,", "tru", "\"a\\", "-", "{\"a\":", "\"\\u00",
        ] {
            assert_eq!(value(cut), Err(Stop::End), "{cut}");
        }
        for wrong in ["[1 2]", "{a:1}", "01", "trux", "1.x", "\"\\x\"", "\"a\nb\""] {
            assert!(matches!(value(wrong), Err(Stop::Expected(_))), "{wrong}");
        }
        let deep = "[".repeat(200);
        assert_eq!(value(&deep), Err(Stop::Expected("less nesting")));
    }

    // White space goes, but not from strings.
    #[test]
    fn compacted() {
        assert_eq!(
            compact("{ \"a \\\" b\": [ 1,\n 2 ] }"),
            "{\"a \\\" b\":[1,2]}"
        );
    }
}
