//! Who gets a report, and what they may see of it: entries of `to`, and rows of a recipients' query.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::leadgauge::{DIMENSIONS, zone};
use super::reader::{Field, Reader, instead};
use super::yaml::{Node, Value};
use super::{Channel, Scope, address, channel};
use crate::problem::Place;

/// One recipient of one report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) recipient: To,
    pub(crate) sees: Sees,
    /// Where it is written; none of a row of a query.
    pub(crate) place: Option<Place>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipient {
    /// `local@domain`, checked.
    pub(crate) address: String,
    pub(crate) name: Option<String>,
}

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum To {
    /// By mail.
    Person(Recipient),
    /// By a post.
    Channel(Channel),
}

impl To {
    /// The address, or the name of the channel: the two are never the same.
    pub(crate) fn address(&self) -> &str {
        match self {
            Self::Person(person) => &person.address,
            Self::Channel(channel) => &channel.name,
        }
    }

    fn person_name(&self) -> Option<&str> {
        match self {
            Self::Person(person) => person.name.as_deref(),
            Self::Channel(_) => None,
        }
    }
}

/// What a recipient may see, and how figures are written for them. Who sees alike gets the same page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sees {
    pub(crate) scope: Scope,
    pub(crate) detail: Detail,
    pub(crate) locale: Locale,
    /// The reader's own; the company's days are told in it.
    pub(crate) time_zone: Option<TimeZone>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    #[default]
    Full,
    /// Figures of many: nobody's name, nobody's row, and no small group in a scope.
    Aggregate,
}

/// How numbers and dates are written. Words are English in each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Locale {
    #[default]
    EnGb,
    EnUs,
    DeDe,
    FrFr,
}

/// Recipients that a query gives: `queries/recipients/<name>.sql`, one a row.
#[derive(Debug, Clone)]
pub(crate) struct RecipientQuery {
    pub(crate) name: String,
    /// The columns of the query that are the scope; none: each sees everything.
    pub(crate) scope: Vec<String>,
    pub(crate) place: Place,
}

/// A row of a recipients' query: its texts by column, in which null and absent are the same.
pub(crate) type Cells = BTreeMap<String, String>;

const DETAILS: [(&str, Detail); 2] = [("full", Detail::Full), ("aggregate", Detail::Aggregate)];

const LOCALES: [(&str, Locale); 4] = [
    ("en-GB", Locale::EnGb),
    ("en-US", Locale::EnUs),
    ("de-DE", Locale::DeDe),
    ("fr-FR", Locale::FrFr),
];

impl Locale {
    pub(crate) fn as_str(self) -> &'static str {
        let found = LOCALES.iter().find(|(_, locale)| *locale == self);
        found.map_or("", |(name, _)| name)
    }
}

/// An item of `to`.
enum Item {
    Listed(Listed),
    Query(RecipientQuery),
}

/// The list `to`: `Name <address>`, an entry with keys, `{ channel: name }`, or `{ query: name }`.
/// `channels` are those that `delivery` names; none where they are not known.
pub(super) fn read(
    reader: &Reader<'_>,
    list: &Node,
    channels: Option<&[Channel]>,
) -> Option<(Vec<Listed>, Vec<RecipientQuery>)> {
    let addresses = list.items().iter().filter_map(|item| {
        let node = item.get("email").unwrap_or(item);
        let recipient = address::parse(node.as_text()?).ok()?;
        Some((recipient.address.to_ascii_lowercase(), &node.place))
    });
    reader.tell_repeated(addresses, "recipient");
    reader.tell_repeated(list.names("query"), "query");
    let posts = list.names("channel");
    reader.tell_repeated(posts.map(|(name, at)| (name.to_lowercase(), at)), "channel");
    let (mut listed, mut queries) = (Vec::new(), Vec::new());
    for item in reader.some(list, |item| read_item(reader, item, channels))? {
        match item {
            Item::Listed(one) => listed.push(one),
            Item::Query(query) => queries.push(query),
        }
    }
    Some((listed, queries))
}

fn read_item(reader: &Reader<'_>, node: &Node, channels: Option<&[Channel]>) -> Option<Item> {
    if !matches!(node.value, Value::Map(_)) {
        let listed = Listed {
            recipient: To::Person(address::read(reader, node)?),
            sees: Sees::default(),
            place: Some(node.place.clone()),
        };
        return Some(Item::Listed(listed));
    }
    if node.get("query").is_some() {
        return read_query(reader, node).map(Item::Query);
    }
    if node.get("channel").is_some() {
        return read_post(reader, node, channels).map(Item::Listed);
    }
    read_entry(reader, node).map(Item::Listed)
}

fn read_query(reader: &Reader<'_>, node: &Node) -> Option<RecipientQuery> {
    let [query, scope] = reader.fields(node, "a query of recipients", ["query", "scope"])?;
    let name = query.required(|node| reader.identifier(node));
    let scope = scope.or(Vec::new(), |list| {
        reader.tell_repeated(list.items().iter().filter_map(Node::named), "column");
        reader.some(list, |item| {
            reader.one_of(item, "column of a scope", &DIMENSIONS)
        })
    });
    Some(RecipientQuery {
        name: name?,
        scope: scope?,
        place: node.place.clone(),
    })
}

fn read_entry(reader: &Reader<'_>, node: &Node) -> Option<Listed> {
    let keys = ["email", "name", "scope", "locale", "time_zone", "detail"];
    let [email, name, scope, locale, time_zone, detail] =
        reader.fields(node, "a recipient", keys)?;
    let recipient = email.required(|node| address::read(reader, node));
    let name = name.optional(|node| read_name(reader, node));
    let sees = read_sees(
        reader,
        node,
        [scope, locale, time_zone, detail],
        Detail::Full,
    );
    let (recipient, name) = (recipient?, name?);
    Some(Listed {
        recipient: To::Person(Recipient {
            name: name.or(recipient.name),
            ..recipient
        }),
        sees: sees?,
        place: Some(node.place.clone()),
    })
}

/// `{ channel: name }`. Many read it, and who they are changes: figures of many alone, unless told
/// otherwise.
fn read_post(reader: &Reader<'_>, node: &Node, channels: Option<&[Channel]>) -> Option<Listed> {
    let keys = ["channel", "scope", "locale", "time_zone", "detail"];
    let [channel, rest @ ..] = reader.fields(node, "a post to a channel", keys)?;
    let channel = channel.required(|node| find_channel(reader, node, channels));
    let sees = read_sees(reader, node, rest, Detail::Aggregate);
    Some(Listed {
        recipient: To::Channel(channel?),
        sees: sees?,
        place: Some(node.place.clone()),
    })
}

/// The channel that is named here, of those that `delivery` names.
pub(super) fn find_channel(
    reader: &Reader<'_>,
    node: &Node,
    channels: Option<&[Channel]>,
) -> Option<Channel> {
    let name = channel::read_name(reader, node)?;
    let channels = channels?;
    let found = channels.iter().find(|it| it.name == name);
    if found.is_none() {
        let names: Vec<&str> = channels.iter().map(|it| it.name.as_str()).collect();
        let fix = match names.as_slice() {
            [] => "Name it in `delivery.channels`, as `{ name: \"#sales\", slack: { env: SLACK_URL } }`"
                .to_owned(),
            names => instead(&name, names),
        };
        reader.tell(
            node,
            format!("`{name}` is no channel of `delivery.channels`"),
            &fix,
        );
    }
    found.cloned()
}

/// What an entry says of what its recipient may see.
fn read_sees(
    reader: &Reader<'_>,
    node: &Node,
    [scope, locale, time_zone, detail]: [Field<'_>; 4],
    usual: Detail,
) -> Option<Sees> {
    // A key without a value is no absent key: it would show everything.
    let scope = match node.get("scope") {
        Some(node) if scope.node.is_none() => {
            refuse_scope(reader, node, "its scope names no column")
        }
        _ => scope.or(Scope::everything(), |node| read_scope(reader, node)),
    };
    let locale = locale.or(Locale::default(), |node| {
        reader.choice(node, "locale", &LOCALES)
    });
    let time_zone = time_zone.optional(|node| zone(reader, node));
    let detail = detail.or(usual, |node| reader.choice(node, "detail", &DETAILS));
    Some(Sees {
        scope: scope?,
        detail: detail?,
        locale: locale?,
        time_zone: time_zone?,
    })
}

pub(super) fn read_name(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let name = reader.text(node)?;
    if address::is_name(&name) {
        return Some(name);
    }
    let fix = "Write it without `<`, `>`, `\"` and `@`";
    reader.refuse(node, "This is no name of a recipient", fix)
}

/// `{ region: EMEA, segment: [SMB, Enterprise] }`.
fn read_scope(reader: &Reader<'_>, node: &Node) -> Option<Scope> {
    let entries = reader.entries(node, "columns and their values, as `{ region: EMEA }`")?;
    reader.tell_repeated(
        entries
            .iter()
            .map(|entry| (entry.key.clone(), &entry.place)),
        "column",
    );
    let mut columns = Vec::new();
    for entry in entries {
        if !DIMENSIONS.contains(&entry.key.as_str()) {
            let what = format!("`{}` is no column of a scope", entry.key);
            let fix = instead(&entry.key, &DIMENSIONS);
            reader.tell_problem(
                crate::problem::Problem::new(what)
                    .at(entry.place.clone())
                    .fix(fix),
            );
            return None;
        }
        let values = match &entry.node.value {
            Value::Null => Vec::new(),
            Value::List(_) => reader.list(&entry.node, |item| reader.any_text(item))?,
            _ => vec![reader.any_text(&entry.node)?],
        };
        columns.push((
            entry.key.clone(),
            values.into_iter().map(str::to_owned).collect(),
        ));
    }
    Scope::part(columns).map_or_else(|what| refuse_scope(reader, node, &what), Some)
}

fn refuse_scope(reader: &Reader<'_>, node: &Node, what: &str) -> Option<Scope> {
    let fix =
        "Write what the recipient may see, as `{ region: EMEA }`; without `scope` it is everything";
    reader.refuse(
        node,
        format!("This recipient would get nothing: {what}"),
        fix,
    )
}

impl Listed {
    /// A recipient by a row of a query whose columns `scope` are its scope.
    ///
    /// # Errors
    ///
    /// What is wrong with the row, in words that name nobody.
    pub(crate) fn of_row(cells: &Cells, scope: &[String]) -> Result<Self, String> {
        let cell = |column: &str| cells.get(column).map(|it| it.trim());
        let email = cell("email").ok_or("it has no `email`")?;
        let recipient = address::parse_plain(email)
            .map_err(|why| format!("its `email` is no e-mail address: {why}"))?;
        let name = cell("name").filter(|it| !it.is_empty());
        if name.is_some_and(|name| !address::is_name(name)) {
            return Err(
                "its `name` holds a control character or one of `<`, `>`, `\"` and `@`".into(),
            );
        }
        Ok(Self {
            recipient: To::Person(Recipient {
                name: name.map(str::to_owned),
                ..recipient
            }),
            sees: Sees::of_row(cells, scope)?,
            place: None,
        })
    }

    /// One recipient of whom a query gives several rows: their scopes are joined; what else they say
    /// must be the same.
    pub(crate) fn joined(self, other: Self) -> Result<Self, String> {
        let same = self.recipient.person_name() == other.recipient.person_name()
            && self.sees.locale == other.sees.locale
            && self.sees.detail == other.sees.detail
            && self.sees.time_zone == other.sees.time_zone;
        let scope = self.sees.scope.joined(other.sees.scope).filter(|_| same);
        let scope =
            scope.ok_or("its address is there twice with another name or other settings")?;
        Ok(Self {
            sees: Sees { scope, ..self.sees },
            recipient: self.recipient,
            place: self.place,
        })
    }
}

impl Sees {
    fn of_row(cells: &Cells, scope: &[String]) -> Result<Self, String> {
        let cell = |column: &str| cells.get(column).map(|it| it.trim());
        let word = |column: &str, known: &[&str]| {
            format!("its `{column}` is none of {}", known.join(", "))
        };
        let zone = |name| {
            let found = TimeZone::get(name);
            found.map_err(|_| "its `time_zone` is no time zone".to_owned())
        };
        let values = scope.iter().map(|column| {
            let value = cell(column).map(str::to_owned);
            (column.clone(), value.into_iter().collect())
        });
        Ok(Self {
            scope: if scope.is_empty() {
                Scope::everything()
            } else {
                Scope::part(values)?
            },
            detail: of_words(cell("detail"), &DETAILS).map_err(|it| word("detail", &it))?,
            locale: of_words(cell("locale"), &LOCALES).map_err(|it| word("locale", &it))?,
            time_zone: cell("time_zone").map(zone).transpose()?,
        })
    }
}

/// The meaning of a word, the usual one where it is absent; else the words that are known.
fn of_words<T: Copy + Default>(
    word: Option<&str>,
    known: &[(&'static str, T)],
) -> Result<T, Vec<&'static str>> {
    let Some(word) = word else {
        return Ok(T::default());
    };
    let found = known.iter().find(|(known, _)| *known == word.trim());
    let words = || known.iter().map(|(word, _)| *word).collect();
    found.map(|(_, value)| *value).ok_or_else(words)
}

/// The columns of a recipients' query that mean something, besides those of the scope.
pub(crate) const COLUMNS: [&str; 5] = ["email", "name", "locale", "time_zone", "detail"];

/// The columns of a recipients' query that would be a scope and are not said to be one.
pub(crate) fn unsaid<'a>(
    columns: impl IntoIterator<Item = &'a str>,
    scope: &[String],
) -> BTreeSet<&'a str> {
    let columns = columns.into_iter();
    columns
        .filter(|it| DIMENSIONS.contains(it) && !scope.iter().any(|column| column == it))
        .collect()
}

#[cfg(test)]
mod tests;
