//! What befalls the exports themselves: a night whose folder never arrived, a file cut short, a
//! column that is gone for a night, and one that appears. The first and the last night are sound.

use jiff::civil::Date;

use super::calendar::{Calendar, to_date};
use super::shapes::{Kind, Lead, MARKETO, SALESFORCE};

#[derive(Debug)]
pub(super) struct Faults {
    /// The nights by number, none where there are too few nights for all of them.
    planned: Option<Planned>,
    /// The first night with the new column.
    appears: usize,
}

#[derive(Debug)]
struct Planned {
    missing: usize,
    truncated: usize,
    column: usize,
}

/// Something that is wrong with one night's export.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Fault {
    pub(crate) night: Date,
    pub(crate) source: &'static str,
    /// The stream's file; none when the whole folder is meant.
    pub(crate) file: Option<&'static str>,
    pub(crate) what: &'static str,
}

/// Fewer nights than these have no faults.
const ENOUGH: usize = 10;

/// On how many of the last nights the new column is there.
const NEW_COLUMN: usize = 5;

impl Faults {
    pub(super) fn new(nights: u32) -> Self {
        let nights = usize::try_from(nights).unwrap_or(usize::MAX);
        Self {
            planned: (nights >= ENOUGH).then_some(Planned {
                missing: nights * 4 / 14,
                truncated: nights * 7 / 14,
                column: nights * 9 / 14,
            }),
            appears: if nights >= ENOUGH {
                nights + 1 - NEW_COLUMN
            } else {
                usize::MAX
            },
        }
    }

    /// Whether a source's folder of that night never arrived.
    pub(super) fn missing(&self, night: usize, source: &str) -> bool {
        source == MARKETO
            && self
                .planned
                .as_ref()
                .is_some_and(|planned| planned.missing == night)
    }

    /// Whether that night's `Opportunity.csv` ends in the middle of a row.
    pub(super) fn truncated(&self, night: usize) -> bool {
        self.planned
            .as_ref()
            .is_some_and(|planned| planned.truncated == night)
    }

    /// The columns that a stream's file of that night lacks, as bits.
    pub(super) fn hidden(&self, night: usize, kind: Kind) -> u64 {
        if kind != Kind::Lead {
            return 0;
        }
        let mut hidden = 0;
        if night < self.appears {
            hidden |= 1 << Lead::Product_Interest__c as u64;
        }
        let planned = self.planned.as_ref();
        if planned.is_some_and(|planned| planned.column == night) {
            hidden |= 1 << Lead::Lead_Score__c as u64;
        }
        hidden
    }

    /// All of them, for the truth.
    pub(super) fn list(&self, calendar: &Calendar) -> Vec<Fault> {
        let Some(planned) = &self.planned else {
            return Vec::new();
        };
        let fault = |night: usize, source, file, what| Fault {
            night: to_date(calendar.nights[night]),
            source,
            file,
            what,
        };
        vec![
            fault(planned.missing, MARKETO, None, "never arrived"),
            fault(
                planned.truncated,
                SALESFORCE,
                Some("Opportunity.csv"),
                "ends in the middle of a row",
            ),
            fault(
                planned.column,
                SALESFORCE,
                Some("Lead.csv"),
                "lacks the column Lead_Score__c",
            ),
            fault(
                self.appears,
                SALESFORCE,
                Some("Lead.csv"),
                "has a new column Product_Interest__c from here on",
            ),
        ]
    }
}
