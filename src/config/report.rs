//! The section `reports`: which are made, when, and for whom.

use super::reader::Reader;
use super::yaml::Node;
use super::{Report, attach, conditions, recipient, schedule};

pub(super) fn read(reader: &Reader<'_>, node: &Node) -> Option<Vec<Report>> {
    reader.tell_repeated(node.names("name"), "report");
    reader.list(node, |item| read_report(reader, item))
}

fn read_report(reader: &Reader<'_>, node: &Node) -> Option<Report> {
    let [name, schedule, to, gates, send_when, always_on, attach] = reader.fields(
        node,
        "a report",
        [
            "name",
            "schedule",
            "to",
            "gates",
            "send_when",
            "always_on",
            "attach",
        ],
    )?;
    let attach = attach::read(reader, &attach);
    let conditions = conditions::read(reader, node, &[gates, send_when, always_on]);
    let name = name.required(|node| reader.label(node));
    let schedule = schedule.required(|node| schedule::read(reader, node));
    let recipients = to.required(|list| recipient::read(reader, list));
    let (name, schedule, (recipients, recipient_queries)) = (name?, schedule?, recipients?);
    Some(Report {
        name,
        place: node.place.clone(),
        schedule,
        conditions: conditions?,
        recipients,
        recipient_queries,
        attach: attach?,
    })
}
