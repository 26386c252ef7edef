//! Hands a person's records, answers and touches to the exports.

use super::DemoError;
use super::calendar::{At, Calendar, Day, HOUR, MINUTE, marketo_instant, salesforce_instant};
use super::exports::Exports;
use super::ids::salesforce_id;
use super::person::{Activity, Person, Touch, TouchKind};
use super::row::Cell;
use super::shapes::{Kind, Rows};

/// How long before a meeting it is put into the calendar.
const BOOKED_BEFORE: At = 4 * HOUR;

impl Person<'_> {
    /// Puts everything in order of time and drops what has not happened by the end.
    pub(super) fn settle(&mut self) {
        let end = self.end();
        let records = self.leads.iter_mut().chain(&mut self.marketo);
        for record in records.chain(&mut self.contact).chain(&mut self.others) {
            record.settle(end);
        }
        self.activities.sort_by_key(|activity| activity.at);
        self.touches.sort_by_key(|touch| touch.at);
    }

    pub(super) fn publish(&self, exports: &mut Exports<'_>) -> Result<(), DemoError> {
        let records = self.leads.iter().chain(&self.marketo);
        for record in records.chain(&self.contact).chain(&self.others) {
            exports.record(record)?;
        }
        let calendar = &self.world.calendar;
        for (number, activity) in (0..).zip(&self.activities) {
            self.publish_activity(calendar, number, activity, exports)?;
        }
        // What is logged on a lead that comes late comes late with it.
        let shown = self.leads.first().and_then(|lead| lead.shown_from);
        for (number, touch) in (0..).zip(&self.touches) {
            let id = self.index * 256 + number;
            let logged = if touch.kind == TouchKind::Meeting {
                touch.at - BOOKED_BEFORE
            } else {
                touch.at
            };
            let day = calendar.company_day(logged);
            let arrived = day.max(shown.unwrap_or(day));
            if touch.kind == TouchKind::Meeting {
                publish_meeting(arrived, id, touch, exports)?;
            } else {
                publish_task(arrived, id, number, touch, exports)?;
            }
        }
        Ok(())
    }

    fn publish_activity(
        &self,
        calendar: &Calendar,
        number: i64,
        activity: &Activity,
        exports: &mut Exports<'_>,
    ) -> Result<(), DemoError> {
        let (kind, name) = activity.kind.names();
        let day = calendar.company_day(activity.at);
        let program = if activity.program == 0 {
            Cell::Text("")
        } else {
            Cell::Number(activity.program)
        };
        exports.event(
            Rows::Activity,
            activity.arrived.unwrap_or(day),
            &[
                ("id", Cell::Number(self.index * 1024 + number + 1)),
                ("leadId", Cell::Number(1_000_000 + self.index)),
                ("activityDate", Cell::Text(&marketo_instant(activity.at))),
                ("activityTypeId", Cell::Number(kind)),
                ("activityType", Cell::Text(name)),
                ("primaryAttributeValue", Cell::Text(&activity.value)),
                ("programId", program),
            ],
        )
    }

    /// Every record that stands for the person, by kind.
    pub(super) fn records(&self) -> impl Iterator<Item = (Kind, i64, &str)> {
        let records = self.leads.iter().chain(&self.marketo).chain(&self.contact);
        let end = self.end();
        records
            .filter(move |record| record.created <= end)
            .map(|record| (record.kind, record.created, record.id()))
    }
}

fn publish_meeting(
    arrived: Day,
    id: i64,
    touch: &Touch,
    exports: &mut Exports<'_>,
) -> Result<(), DemoError> {
    let booked = touch.at - BOOKED_BEFORE;
    exports.event(
        Rows::Event,
        arrived,
        &[
            ("Id", Cell::Text(&salesforce_id("00U", id))),
            ("WhoId", Cell::Text(&touch.who)),
            ("WhatId", Cell::Text(&touch.what)),
            ("OwnerId", Cell::Text(&touch.owner)),
            ("Subject", Cell::Text("Meeting")),
            ("StartDateTime", Cell::Text(&salesforce_instant(touch.at))),
            (
                "EndDateTime",
                Cell::Text(&salesforce_instant(touch.at + 30 * MINUTE)),
            ),
            ("CreatedDate", Cell::Text(&salesforce_instant(booked))),
        ],
    )
}

fn publish_task(
    arrived: Day,
    id: i64,
    number: i64,
    touch: &Touch,
    exports: &mut Exports<'_>,
) -> Result<(), DemoError> {
    let at = salesforce_instant(touch.at);
    let (subtype, subject, status, direction, disposition) = match touch.kind {
        TouchKind::Call { reached } => {
            let inbound = number % 5 == 4;
            let direction = if inbound { "Inbound" } else { "Outbound" };
            let disposition = if reached { "Connected" } else { "No answer" };
            ("Call", "Call", "Completed", direction, disposition)
        }
        TouchKind::Automated => (
            "Email",
            "[Automated] Thanks for your interest",
            "Completed",
            "",
            "",
        ),
        TouchKind::Note => ("Task", "Prepare, then call", "Not Started", "", ""),
        _ => ("Email", "Email: following up", "Completed", "", ""),
    };
    let completed = if status == "Completed" { &*at } else { "" };
    exports.event(
        Rows::Task,
        arrived,
        &[
            ("Id", Cell::Text(&salesforce_id("00T", id))),
            ("WhoId", Cell::Text(&touch.who)),
            ("WhatId", Cell::Text(&touch.what)),
            ("OwnerId", Cell::Text(&touch.owner)),
            ("TaskSubtype", Cell::Text(subtype)),
            ("Subject", Cell::Text(subject)),
            ("Status", Cell::Text(status)),
            ("CallType", Cell::Text(direction)),
            ("CallDisposition", Cell::Text(disposition)),
            ("CreatedDate", Cell::Text(&at)),
            ("CompletedDateTime", Cell::Text(completed)),
        ],
    )
}
