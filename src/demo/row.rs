//! One row on its way into a file: a CSV line, or a JSON object on a line.

use super::shapes::{Format, Kind};

pub(super) struct Row {
    format: Format,
    bytes: Vec<u8>,
    first: bool,
}

pub(super) enum Cell<'a> {
    Text(&'a str),
    Number(i64),
}

impl Row {
    pub(super) fn new() -> Self {
        Self {
            format: Format::Csv,
            bytes: Vec::new(),
            first: true,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn begin(&mut self, format: Format) {
        self.format = format;
        self.bytes.clear();
        self.first = true;
        if format == Format::Ndjson {
            self.bytes.push(b'{');
        }
    }

    pub(super) fn end(&mut self) {
        let end: &[u8] = match self.format {
            Format::Csv => b"\n",
            Format::Ndjson => b"}\n",
        };
        self.bytes.extend_from_slice(end);
    }

    /// A whole snapshot row, without the hidden columns (bits).
    pub(super) fn snapshot(&mut self, kind: Kind, cells: &[String], hidden: u64) {
        let shape = kind.shape();
        self.begin(shape.format);
        for (index, (name, value)) in shape.columns.iter().zip(cells).enumerate() {
            if hidden >> index & 1 == 1 {
                continue;
            }
            let bare = shape.numbers.contains(&index) || value == "true" || value == "false";
            if bare && !value.is_empty() {
                self.bare(name, value);
            } else {
                self.text(name, value);
            }
        }
        self.end();
    }

    pub(super) fn cell(&mut self, name: &str, cell: &Cell<'_>) {
        match cell {
            Cell::Text(value) => self.text(name, value),
            Cell::Number(value) => self.bare(name, &value.to_string()),
        }
    }

    /// Text; none of it is null.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        match self.format {
            Format::Ndjson if value.is_empty() => self.bytes.extend_from_slice(b"null"),
            Format::Ndjson => self.quoted(value, b"\\\""),
            Format::Csv if value.contains(['"', ',', '\n', '\r']) => self.quoted(value, b"\"\""),
            Format::Csv => self.bytes.extend_from_slice(value.as_bytes()),
        }
    }

    /// A number, `true` or `false`.
    pub(super) fn bare(&mut self, name: &str, value: &str) {
        self.name(name);
        self.bytes.extend_from_slice(value.as_bytes());
    }

    fn name(&mut self, name: &str) {
        if !self.first {
            self.bytes.push(b',');
        }
        self.first = false;
        if self.format == Format::Ndjson {
            self.bytes.push(b'"');
            self.bytes.extend_from_slice(name.as_bytes());
            self.bytes.extend_from_slice(b"\":");
        }
    }

    /// The demo's texts hold quotes and line ends at most; nothing else needs an escape.
    fn quoted(&mut self, value: &str, quote: &[u8]) {
        self.bytes.push(b'"');
        for byte in value.bytes() {
            match byte {
                b'"' => self.bytes.extend_from_slice(quote),
                b'\n' if self.format == Format::Ndjson => self.bytes.extend_from_slice(b"\\n"),
                _ => self.bytes.push(byte),
            }
        }
        self.bytes.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, value: &str) -> String {
        let mut row = Row::new();
        row.begin(format);
        row.text("name", value);
        row.bare("id", "7");
        row.end();
        String::from_utf8(row.bytes().to_vec()).unwrap()
    }

    // Commas, quotes, line ends and nothing at all come out as each format wants them.
    #[test]
    fn awkward_text_is_quoted() {
        assert_eq!(written(Format::Csv, "a,\"b\"\n"), "\"a,\"\"b\"\"\n\",7\n");
        assert_eq!(written(Format::Csv, ""), ",7\n");
        assert_eq!(
            written(Format::Ndjson, "a \"b\"\n"),
            "{\"name\":\"a \\\"b\\\"\\n\",\"id\":7}\n"
        );
        assert_eq!(written(Format::Ndjson, ""), "{\"name\":null,\"id\":7}\n");
    }
}
