//! One person: the records that stand for them in both systems, and everything that truly happened
//! to them. What happens is decided in `arrive`, `pursue`, `deal` and `nurture`; this file keeps
//! records and truth in step.

use super::calendar::{At, Day, Zone, date_text, marketo_instant, salesforce_instant};
use super::company::{Arrival, Company, LeadSource, World, lead_source};
use super::dice::{Dice, Purpose};
use super::ids::salesforce_id;
use super::names::{FIRST, LAST, TITLES, ascii};
use super::record::Record;
use super::shapes::{Kind, Lead, Marketo};
use super::sign::{Sign, Stage, What};
use super::staff::automation;

#[derive(Debug)]
pub(super) struct Person<'w> {
    pub(super) world: &'w World,
    pub(super) company: &'w Company,
    pub(super) index: i64,
    pub(super) dice: Dice,
    pub(super) first: &'static str,
    pub(super) last: &'static str,
    pub(super) title: &'static str,
    pub(super) email: String,
    pub(super) source: &'static LeadSource,
    pub(super) arrival: Arrival,
    pub(super) marketo: Option<Record>,
    /// Whether Marketo's record never learns the lead's id, so that only the address joins them.
    pub(super) unlinked: bool,
    pub(super) leads: Vec<Record>,
    /// The place in `leads` of the one that is worked.
    pub(super) lead: usize,
    pub(super) contact: Option<Record>,
    /// Opportunities and contact roles.
    pub(super) others: Vec<Record>,
    pub(super) owner: String,
    pub(super) score: i64,
    pub(super) activities: Vec<Activity>,
    pub(super) touches: Vec<Touch>,
    pub(super) signs: Vec<Sign>,
    /// Every value that the MQL stamp ever had.
    pub(super) stamps: Vec<At>,
    pub(super) deleted: Option<At>,
    /// What dirt befell the person, for the truth.
    pub(super) dirt: Vec<&'static str>,
    records: i64,
}

/// Something in Marketo's activity log.
#[derive(Debug)]
pub(super) struct Activity {
    pub(super) at: At,
    /// The day on which the export shows it, when that is not its own.
    pub(super) arrived: Option<Day>,
    pub(super) kind: ActivityKind,
    pub(super) value: String,
    pub(super) program: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ActivityKind {
    VisitWebpage,
    FillOutForm,
    ClickEmail,
    OpenEmail,
    SendEmail,
    AttendWebinar,
}

impl ActivityKind {
    /// Marketo's number and name of the type.
    pub(super) fn names(self) -> (i64, &'static str) {
        match self {
            Self::VisitWebpage => (1, "Visit Webpage"),
            Self::FillOutForm => (2, "Fill Out Form"),
            Self::ClickEmail => (11, "Click Email"),
            Self::OpenEmail => (10, "Open Email"),
            Self::SendEmail => (6, "Send Email"),
            Self::AttendWebinar => (104, "Attend Webinar"),
        }
    }

    pub(super) fn is_success(self) -> bool {
        matches!(
            self,
            Self::FillOutForm | Self::ClickEmail | Self::AttendWebinar
        )
    }
}

/// What a rep, or the automation in a rep's stead, did towards the person.
#[derive(Debug)]
pub(super) struct Touch {
    pub(super) at: At,
    pub(super) kind: TouchKind,
    pub(super) owner: String,
    /// The lead or contact it was logged on.
    pub(super) who: String,
    pub(super) what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TouchKind {
    Call { reached: bool },
    Email,
    Automated,
    Meeting,
    Note,
}

impl<'w> Person<'w> {
    pub(super) fn new(world: &'w World, company: &'w Company, index: i64, place: i64) -> Self {
        let mut dice = Dice::new(world.seed, Purpose::Person, index);
        let (source, arrival) = lead_source(company, &mut dice);
        let first = dice.pick(&FIRST);
        let last = LAST[usize::try_from(index).unwrap_or(0) % LAST.len()];
        let shared = company.shared_mailbox && place < 2;
        let email = if shared {
            format!("info@{}", company.domain)
        } else if company.internal {
            format!("{}.{}{index}@{}", ascii(first), ascii(last), company.domain)
        } else {
            format!("{}.{}@{}", ascii(first), ascii(last), company.domain)
        };
        Self {
            world,
            company,
            index,
            first,
            last,
            title: dice.pick(&TITLES),
            email,
            source,
            arrival,
            marketo: None,
            unlinked: !shared && dice.chance(30),
            leads: Vec::new(),
            lead: 0,
            contact: None,
            others: Vec::new(),
            owner: String::new(),
            score: 0,
            activities: Vec::new(),
            touches: Vec::new(),
            signs: Vec::new(),
            stamps: Vec::new(),
            deleted: None,
            dirt: if shared {
                vec!["shared mailbox"]
            } else {
                Vec::new()
            },
            records: 0,
            dice,
        }
    }

    pub(super) fn end(&self) -> At {
        self.world.calendar.end
    }

    pub(super) fn zone(&self) -> Zone {
        self.company.office.zone
    }

    /// When a rep of the person's office next works, at the instant or after.
    pub(super) fn working(&mut self, at: At) -> At {
        let zone = self.zone();
        self.world.calendar.working(zone, at, &mut self.dice)
    }

    /// An instant of the day so many days later at which people visit web pages.
    pub(super) fn visiting(&mut self, at: At, days: i64) -> At {
        let (calendar, zone) = (&self.world.calendar, self.zone());
        let day = calendar.day(zone, at) + days;
        calendar.visiting(zone, day, &mut self.dice)
    }

    pub(super) fn serial(&mut self) -> i64 {
        self.records += 1;
        self.index * 16 + self.records
    }

    /// What truly happened. Nothing after the last night has happened yet.
    pub(super) fn sign(&mut self, at: At, what: What) {
        if at <= self.end() {
            self.signs.push(Sign { at, what });
        }
    }

    pub(super) fn enter(&mut self, at: At, stage: Stage) {
        self.sign(at, What::Enter(stage));
    }

    pub(super) fn act(&mut self, at: At, kind: ActivityKind, value: &str, program: i64) {
        let logged = self.marketo.as_ref();
        if at <= self.end() && logged.is_some_and(|marketo| marketo.created <= at) {
            self.activities.push(Activity {
                at,
                arrived: None,
                kind,
                value: value.to_owned(),
                program,
            });
            if kind.is_success() {
                self.enter(at, Stage::Responded);
            }
        }
    }

    pub(super) fn touch(&mut self, at: At, kind: TouchKind) {
        if at > self.end() {
            return;
        }
        let contact = self.contact.as_ref();
        let contact = contact.filter(|contact| contact.created <= at);
        let who = contact.unwrap_or(&self.leads[self.lead]).id().to_owned();
        let owner = if kind == TouchKind::Automated {
            automation()
        } else {
            self.owner.clone()
        };
        self.touches.push(Touch {
            at,
            kind,
            owner,
            who,
            what: String::new(),
        });
    }

    pub(super) fn set_lead(&mut self, at: At, column: Lead, value: &str, by: &str) {
        self.leads[self.lead].set(at, column, value, by);
    }

    /// Sets the score in Marketo, and by its sync in the CRM at `at`.
    pub(super) fn set_score(&mut self, at: At, score: i64) {
        self.score = score.clamp(0, 100);
        let text = self.score.to_string();
        if let Some(marketo) = &mut self.marketo
            && marketo.created < at - 20
        {
            marketo.set(at - 20, Marketo::leadScore, &*text, "");
        }
        if let Some(lead) = self.leads.get_mut(self.lead)
            && lead.created < at
        {
            lead.set(at, Lead::Lead_Score__c, text, &automation());
        }
    }

    /// Makes Marketo's record; with an address and a name only if it is known whose it is.
    pub(super) fn new_marketo(&mut self, created: At, known: bool) {
        let serial = self.serial();
        let mut record = Record::new(Kind::MarketoLead, serial, created)
            .with(Marketo::id, (1_000_000 + self.index).to_string())
            .with(Marketo::leadScore, self.score.to_string())
            .with(Marketo::originalSourceType, self.source.name)
            .with(Marketo::unsubscribed, "false")
            .with(Marketo::createdAt, marketo_instant(created));
        if known {
            for (column, value) in self.identity() {
                record = record.with(column, value);
            }
        }
        self.marketo = Some(record);
    }

    /// What a form tells Marketo of the person.
    pub(super) fn identity(&self) -> [(Marketo, String); 6] {
        [
            (Marketo::email, self.email.clone()),
            (Marketo::firstName, self.first.to_owned()),
            (Marketo::lastName, self.last.to_owned()),
            (Marketo::company, self.company.name.clone()),
            (Marketo::title, self.title.to_owned()),
            (Marketo::country, self.company.country.to_owned()),
        ]
    }

    /// Makes a lead in the CRM and links Marketo's record to it.
    pub(super) fn new_lead(&mut self, created: At, owner: &str) -> usize {
        let serial = self.serial();
        let id = salesforce_id("00Q", serial);
        let mut lead = Record::new(Kind::Lead, serial, created);
        for (column, value) in self.lead_cells(created) {
            lead = lead.with(column, value);
        }
        lead = lead.with(Lead::Id, &*id).with(Lead::OwnerId, owner);
        let link = !self.unlinked;
        if let Some(marketo) = &mut self.marketo
            && link
        {
            marketo.set(
                created.max(marketo.created) + 25,
                Marketo::sfdcLeadId,
                id,
                "",
            );
        }
        owner.clone_into(&mut self.owner);
        self.leads.push(lead);
        self.leads.len() - 1
    }

    fn lead_cells(&mut self, created: At) -> [(Lead, String); 20] {
        let (company, source) = (self.company, self.source);
        let capitals = self.dice.chance(30);
        let blank_source = self.dice.chance(40);
        if blank_source {
            self.dirt.push("blank lead source");
        }
        if company.segment.is_empty() {
            self.dirt.push("blank segment");
        }
        let text = str::to_owned;
        [
            (Lead::FirstName, text(self.first)),
            (Lead::LastName, text(self.last)),
            (
                Lead::Email,
                if capitals {
                    self.email.to_uppercase()
                } else {
                    self.email.clone()
                },
            ),
            (Lead::Company, company.name.clone()),
            (Lead::Title, text(self.title)),
            (Lead::Country, text(company.country)),
            (Lead::Region__c, text(company.office.region)),
            (Lead::Segment__c, text(company.segment)),
            (Lead::Industry, text(company.industry)),
            (Lead::NumberOfEmployees, company.employees.to_string()),
            (
                Lead::LeadSource,
                text(if blank_source { "" } else { source.name }),
            ),
            (Lead::Channel__c, text(source.channel)),
            (Lead::Status, text("Open")),
            (Lead::Lead_Score__c, self.score.to_string()),
            (Lead::IsConverted, text("false")),
            (Lead::IsDeleted, text("false")),
            (Lead::CreatedDate, salesforce_instant(created)),
            (Lead::Product_Interest__c, self.product()),
            (Lead::Status_Reason__c, String::new()),
            (Lead::Recycle_Reason__c, String::new()),
        ]
    }

    fn product(&mut self) -> String {
        if self.dice.chance(350) {
            self.dice.pick(&super::names::PRODUCTS).to_owned()
        } else {
            String::new()
        }
    }

    /// The company's local date of an instant, as a cell.
    pub(super) fn date(&self, at: At) -> String {
        date_text(self.world.calendar.company_day(at))
    }
}
