//! The section `reports`: which are made, when, and for whom.

use jiff::civil::Weekday;

use super::calendar::WEEKDAYS;
use super::reader::Reader;
use super::yaml::{Node, Value};
use super::{Report, Schedule, address, attach};

pub(super) fn read(reader: &Reader<'_>, node: &Node) -> Option<Vec<Report>> {
    reader.tell_repeated(node.names("name"), "report");
    reader.list(node, |item| read_report(reader, item))
}

fn read_report(reader: &Reader<'_>, node: &Node) -> Option<Report> {
    let [name, schedule, to, attach] =
        reader.fields(node, "a report", ["name", "schedule", "to", "attach"])?;
    let attach = attach::read(reader, &attach);
    let name = name.required(|node| reader.label(node));
    let schedule = schedule.required(|node| read_schedule(reader, node));
    let recipients = to.required(|list| {
        let addresses = list.items().iter().filter_map(|item| {
            let recipient = address::parse(item.as_text()?).ok()?;
            Some((recipient.address.to_ascii_lowercase(), &item.place))
        });
        reader.tell_repeated(addresses, "recipient");
        reader.some(list, |item| address::read(reader, item))
    });
    Some(Report {
        name: name?,
        place: node.place.clone(),
        schedule: schedule?,
        recipients: recipients?,
        attach: attach?,
    })
}

/// `daily`, or `{ weekly_after: sunday }`.
fn read_schedule(reader: &Reader<'_>, node: &Node) -> Option<Schedule> {
    if !matches!(node.value, Value::Map(_)) {
        let text = reader.any_text(node)?;
        if text == "daily" {
            return Some(Schedule::Daily);
        }
        let fix = "Write `daily`, or `{ weekly_after: sunday }`";
        return reader.refuse(node, format!("`{text}` is no schedule"), fix);
    }
    let [weekly_after] = reader.fields(node, "a schedule", ["weekly_after"])?;
    let day: Weekday = weekly_after.required(|node| reader.choice(node, "weekday", &WEEKDAYS))?;
    Some(Schedule::Weekly(day))
}
