//! The section `reports`: which are made, when, and for whom.

use super::reader::Reader;
use super::yaml::Node;
use super::{Channel, Report, attach, conditions, recipient, schedule};

/// `channels`: those that `to` may name; none where they are not known.
pub(super) fn read(
    reader: &Reader<'_>,
    node: &Node,
    channels: Option<&[Channel]>,
) -> Option<Vec<Report>> {
    reader.tell_repeated(node.names("name"), "report");
    reader.list(node, |item| read_report(reader, item, channels))
}

fn read_report(reader: &Reader<'_>, node: &Node, channels: Option<&[Channel]>) -> Option<Report> {
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
    let recipients = to.required(|list| recipient::read(reader, list, channels));
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
