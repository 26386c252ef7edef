//! Random nights of a small company: leads, deals, forms and field history change without sense, days
//! come late, and still every change has a cause and every figure sums.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::small::fresh;

const DAYS: [&str; 4] = ["2025-03-06", "2025-03-07", "2025-03-08", "2025-03-09"];

/// An instant of the days up to the `night`-th.
fn instant(dice: &mut Dice, night: usize) -> String {
    let day = 1 + dice.below(6 + night);
    let (hour, minute) = (6 + dice.below(15), dice.below(60));
    format!("2025-03-{day:02}T{hour:02}:{minute:02}:00Z")
}

#[derive(Clone)]
struct Lead {
    mail: String,
    source: &'static str,
    status: &'static str,
    mql: String,
    modified: String,
}

struct Deal {
    lead: String,
    stage: &'static str,
    close: String,
    kind: &'static str,
    created: String,
    modified: String,
}

/// Every export as it stands.
struct Company {
    dice: Dice,
    leads: Vec<Lead>,
    deals: Vec<Deal>,
    forms: String,
    history: String,
    serial: usize,
}

impl Company {
    fn new(seed: u64, leads: usize) -> Self {
        let created = "2025-03-01T05:00:00Z".to_owned();
        let lead = |number| Lead {
            mail: format!("p{number}@x.example"),
            source: "Web",
            status: "New",
            mql: String::new(),
            modified: created.clone(),
        };
        Self {
            dice: Dice(seed),
            leads: (0..leads).map(lead).collect(),
            deals: Vec::new(),
            forms: String::new(),
            history: "Id,LeadId,Field,OldValue,NewValue,ChangedAt\n".to_owned(),
            serial: 0,
        }
    }

    fn changes(&mut self, night: usize) {
        let at = self.dice.below(self.leads.len());
        let instant = instant(&mut self.dice, night);
        self.serial += 1;
        let serial = self.serial;
        match self.dice.below(8) {
            0 | 1 => self.leads[at].mql = instant,
            2 => {
                // Three leads have one last name, and may share an address.
                let other =
                    at - at % 3 + self.dice.below(3).min(self.leads.len() - 1 - (at - at % 3));
                let mail = self.leads[other].mail.clone();
                self.leads[at].mail = mail;
            }
            3 => self.leads[at].mail = format!("q{serial}@x.example"),
            4 => self.leads[at].status = self.dice.of(&["New", "Working", "Recycled"]),
            5 => {
                let form = json!({"id": format!("Z{serial}"), "leadId": format!("X{at}"), "form": "demo",
                    "submittedAt": instant});
                writeln!(self.forms, "{form}").unwrap();
            }
            6 => {
                let source = self.dice.of(&["Web", "Event", "Partner"]);
                let before = self.leads[at].source;
                writeln!(
                    self.history,
                    "H{serial},X{at},Source,{before},{source},{instant}"
                )
                .unwrap();
                self.leads[at].source = source;
            }
            _ => self.deal(at, night, &instant),
        }
        self.leads[at].modified = format!("2025-03-{:02}T{:02}:00:00Z", 6 + night, 5 + serial % 15);
    }

    /// A new deal, with a lead or without, or another state of an old one.
    fn deal(&mut self, lead: usize, night: usize, instant: &str) {
        let stage = self.dice.of(&["Draft", "Offer", "Won", "Lost"]);
        let close = format!("{:02}.03.2025", 1 + self.dice.below(6 + night));
        let lead = format!("X{lead}");
        if self.deals.len() > 4 && self.dice.below(2) == 0 {
            let at = self.dice.below(self.deals.len());
            let deal = &mut self.deals[at];
            (deal.stage, deal.close, deal.lead) = (stage, close, lead);
            deal.modified = format!("2025-03-{:02}T15:00:00Z", 6 + night);
        } else {
            let lead = if self.dice.below(3) == 0 {
                String::new()
            } else {
                lead
            };
            let kind = self.dice.of(&["New", "Renewal"]);
            let (created, modified) = (instant.to_owned(), instant.to_owned());
            self.deals.push(Deal {
                lead,
                stage,
                close,
                kind,
                created,
                modified,
            });
        }
    }

    fn lead_csv(&self) -> String {
        let mut csv = "Id,Name,LastName,Email,Company,Source,Status,Reason,Score,MqlAt,Owner,CreatedAt,ModifiedAt\n".to_owned();
        for (number, lead) in self.leads.iter().enumerate() {
            let Lead {
                mail,
                source,
                status,
                mql,
                modified,
            } = lead;
            let name = number / 3;
            let line = format!(
                "X{number},A,N{name},{mail},C,{source},{status},,50,{mql},rep1,2025-03-01T05:00:00Z,{modified}"
            );
            writeln!(csv, "{line}").unwrap();
        }
        csv
    }

    fn deal_csv(&self) -> String {
        let mut csv =
            "Id,LeadId,Name,Stage,Amount,Type,CloseDate,CreatedAt,ModifiedAt\n".to_owned();
        for (number, deal) in self.deals.iter().enumerate() {
            let Deal {
                lead,
                stage,
                close,
                kind,
                created,
                modified,
            } = deal;
            writeln!(
                csv,
                "E{number},{lead},D,{stage},1.00,{kind},{close},{created},{modified}"
            )
            .unwrap();
        }
        csv
    }
}

// Whatever changes between nights, in whatever order they come.
#[test]
fn every_change_has_a_cause() {
    let project = fresh();
    let mut company = Company::new(7, 90);
    for (night, day) in DAYS.into_iter().enumerate() {
        for _ in 0..120 {
            company.changes(night);
        }
        let file = |name: &str| format!("exports/{day}/{name}");
        project.write(&file("lead.csv"), company.lead_csv());
        project.write(&file("deal.csv"), company.deal_csv());
        project.write(&file("form.ndjson"), &company.forms);
        project.write(&file("lead_change.csv"), &company.history);
        project.write(&file("call.csv"), "Id,LeadId,Owner,Result,CalledAt\n");
    }
    for day in [DAYS[0], DAYS[1], DAYS[3], DAYS[2]] {
        project.ok(&["run", "--as-of", day]);
    }
    let causes = "select distinct cause from stage_entry_change order by cause";
    let causes: Vec<Value> = project.sql(causes);
    assert!(causes.len() >= 5, "the nights are too tame: {causes:?}");
    let defects = "select * from stage_entry_change where cause = 'unexplained'";
    assert_eq!(project.sql(defects), Vec::<Value>::new());
    let wrong =
        "select * from restated where difference <> merged + split + deleted + re_dated + redefined
         + reopened + linked + confirmed + late + erased";
    assert_eq!(project.sql(wrong), Vec::<Value>::new());
    let restated = "select count(*) as n from restated where difference <> 0";
    assert!(project.sql(restated)[0]["n"].as_i64().unwrap() > 10);
}
