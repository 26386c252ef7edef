//! The exported streams: their files, their columns under the vendor's own names, and which of
//! these the vendor keeps a history of.

/// How a stream is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    Ndjson,
}

/// A stream that is exported as a full snapshot each night.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) source: &'static str,
    pub(super) file: &'static str,
    pub(super) format: Format,
    pub(super) columns: &'static [&'static str],
    /// The columns that hold the instant of the last change.
    pub(super) modified: &'static [usize],
    /// The columns whose changes are in `history`.
    pub(super) tracked: &'static [usize],
    pub(super) history: Option<Rows>,
    /// Columns that NDJSON writes as numbers.
    pub(super) numbers: &'static [usize],
}

/// A stream of rows that never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    LeadHistory,
    OpportunityHistory,
    MarketoChange,
    Task,
    Event,
    Activity,
}

/// The snapshot streams, in the order of `SHAPES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Lead,
    Contact,
    Account,
    Opportunity,
    Role,
    User,
    Campaign,
    MarketoLead,
    Program,
}

impl Kind {
    pub(super) fn shape(self) -> &'static Shape {
        &SHAPES[self as usize]
    }
}

pub(super) const KINDS: [Kind; 9] = [
    Kind::Lead,
    Kind::Contact,
    Kind::Account,
    Kind::Opportunity,
    Kind::Role,
    Kind::User,
    Kind::Campaign,
    Kind::MarketoLead,
    Kind::Program,
];

impl Rows {
    pub(super) const ALL: [Self; 6] = [
        Self::LeadHistory,
        Self::OpportunityHistory,
        Self::MarketoChange,
        Self::Task,
        Self::Event,
        Self::Activity,
    ];

    /// Source, file, and the CSV header.
    pub(super) fn file(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::LeadHistory => (
                SALESFORCE,
                "LeadHistory.csv",
                "Id,LeadId,Field,OldValue,NewValue,CreatedDate,CreatedById\n",
            ),
            Self::OpportunityHistory => (
                SALESFORCE,
                "OpportunityFieldHistory.csv",
                "Id,OpportunityId,Field,OldValue,NewValue,CreatedDate,CreatedById\n",
            ),
            Self::MarketoChange => (MARKETO, "lead_change.ndjson", ""),
            Self::Task => (
                SALESFORCE,
                "Task.csv",
                "Id,WhoId,WhatId,OwnerId,TaskSubtype,Subject,Status,CallType,CallDisposition,\
                 CreatedDate,CompletedDateTime\n",
            ),
            Self::Event => (
                SALESFORCE,
                "Event.csv",
                "Id,WhoId,WhatId,OwnerId,Subject,StartDateTime,EndDateTime,CreatedDate\n",
            ),
            Self::Activity => (MARKETO, "activity.ndjson", ""),
        }
    }

    pub(super) fn format(self) -> Format {
        if self.file().0 == SALESFORCE {
            Format::Csv
        } else {
            Format::Ndjson
        }
    }

    /// Of how many days before and with the as-of date a night's file holds the rows.
    pub(super) fn window(self) -> i64 {
        match self {
            Self::LeadHistory | Self::OpportunityHistory | Self::MarketoChange => 7,
            Self::Task | Self::Event | Self::Activity => 2,
        }
    }
}

pub(super) const SALESFORCE: &str = "salesforce";
pub(super) const MARKETO: &str = "marketo";

/// Names the columns of a stream once: as the variants of an enum for the simulation, and as the
/// header for the export.
macro_rules! columns {
    ($name:ident, $names:ident: $($column:ident $(= $vendor:literal)?)*) => {
        #[allow(
            non_camel_case_types,
            clippy::enum_variant_names,
            dead_code,
            reason = "the variants are the vendor's column names, whether or not the demo fills them"
        )]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum $name { $($column),* }

        impl From<$name> for usize {
            fn from(column: $name) -> Self {
                column as usize
            }
        }

        const $names: &[&str] = &[$(column_name!($column $($vendor)?)),*];
    };
}

/// The vendor's name of a column, where a variant cannot be called the same.
macro_rules! column_name {
    ($column:ident) => {
        stringify!($column)
    };
    ($column:ident $vendor:literal) => {
        $vendor
    };
}

columns!(Lead, LEAD: Id FirstName LastName Email Company Title Country Region__c Segment__c
    Industry NumberOfEmployees LeadSource Channel__c Status Status_Reason__c Recycle_Reason__c
    OwnerId Lead_Score__c MQL_Date__c IsConverted ConvertedDate ConvertedContactId
    ConvertedAccountId ConvertedOpportunityId MasterRecordId IsDeleted CreatedDate
    LastModifiedDate SystemModstamp Product_Interest__c);

columns!(Contact, CONTACT: Id AccountId FirstName LastName Email Title OwnerId MailingCountry
    LeadSource MasterRecordId IsDeleted CreatedDate LastModifiedDate SystemModstamp);

columns!(Account, ACCOUNT: Id Name Type Industry NumberOfEmployees BillingCountry OwnerId
    IsDeleted CreatedDate LastModifiedDate SystemModstamp);

columns!(Opportunity, OPPORTUNITY: Id AccountId Name StageName Amount CurrencyIsoCode Probability
    ForecastCategoryName Type OwnerId NextStep LeadSource CreatedDate CloseDate IsClosed IsWon
    IsDeleted LastModifiedDate SystemModstamp);

columns!(Role, ROLE: Id OpportunityId ContactId Role IsPrimary IsDeleted CreatedDate
    SystemModstamp);

columns!(User, USER: Id Name Email IsActive UserType TimeZoneSidKey Team__c ManagerId Region__c
    CreatedDate SystemModstamp);

columns!(Campaign, CAMPAIGN: Id Name Type Status StartDate ActualCost CreatedDate SystemModstamp);

columns!(Marketo, MARKETO_LEAD: id email firstName lastName company title country leadScore
    sfdcLeadId sfdcContactId originalSourceType unsubscribed createdAt updatedAt);

columns!(Program, PROGRAM: id name kind = "type" channel status startDate createdAt updatedAt);

const CSV: Shape = Shape {
    source: SALESFORCE,
    file: "",
    format: Format::Csv,
    columns: &[],
    modified: &[],
    tracked: &[],
    history: None,
    numbers: &[],
};

const NDJSON: Shape = Shape {
    source: MARKETO,
    format: Format::Ndjson,
    ..CSV
};

static SHAPES: [Shape; 9] = [
    Shape {
        file: "Lead.csv",
        columns: LEAD,
        modified: &[
            Lead::LastModifiedDate as usize,
            Lead::SystemModstamp as usize,
        ],
        tracked: &[
            Lead::Email as usize,
            Lead::Status as usize,
            Lead::Status_Reason__c as usize,
            Lead::Recycle_Reason__c as usize,
            Lead::OwnerId as usize,
            Lead::Lead_Score__c as usize,
            Lead::MQL_Date__c as usize,
            Lead::IsConverted as usize,
            Lead::ConvertedDate as usize,
            Lead::ConvertedContactId as usize,
            Lead::ConvertedAccountId as usize,
            Lead::ConvertedOpportunityId as usize,
        ],
        history: Some(Rows::LeadHistory),
        ..CSV
    },
    Shape {
        file: "Contact.csv",
        columns: CONTACT,
        modified: &[
            Contact::LastModifiedDate as usize,
            Contact::SystemModstamp as usize,
        ],
        ..CSV
    },
    Shape {
        file: "Account.csv",
        columns: ACCOUNT,
        modified: &[
            Account::LastModifiedDate as usize,
            Account::SystemModstamp as usize,
        ],
        ..CSV
    },
    Shape {
        file: "Opportunity.csv",
        columns: OPPORTUNITY,
        modified: &[
            Opportunity::LastModifiedDate as usize,
            Opportunity::SystemModstamp as usize,
        ],
        tracked: &[
            Opportunity::StageName as usize,
            Opportunity::Amount as usize,
            Opportunity::CloseDate as usize,
            Opportunity::Probability as usize,
            Opportunity::ForecastCategoryName as usize,
            Opportunity::IsClosed as usize,
            Opportunity::IsWon as usize,
            Opportunity::OwnerId as usize,
            Opportunity::NextStep as usize,
        ],
        history: Some(Rows::OpportunityHistory),
        ..CSV
    },
    Shape {
        file: "OpportunityContactRole.csv",
        columns: ROLE,
        modified: &[Role::SystemModstamp as usize],
        ..CSV
    },
    Shape {
        file: "User.csv",
        columns: USER,
        modified: &[User::SystemModstamp as usize],
        ..CSV
    },
    Shape {
        file: "Campaign.csv",
        columns: CAMPAIGN,
        modified: &[Campaign::SystemModstamp as usize],
        ..CSV
    },
    Shape {
        file: "lead.ndjson",
        columns: MARKETO_LEAD,
        modified: &[Marketo::updatedAt as usize],
        tracked: &[
            Marketo::email as usize,
            Marketo::leadScore as usize,
            Marketo::sfdcLeadId as usize,
            Marketo::sfdcContactId as usize,
        ],
        history: Some(Rows::MarketoChange),
        numbers: &[Marketo::id as usize, Marketo::leadScore as usize],
        ..NDJSON
    },
    Shape {
        file: "program.ndjson",
        columns: PROGRAM,
        modified: &[Program::updatedAt as usize],
        numbers: &[Program::id as usize],
        ..NDJSON
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    // Every kind has the shape of its own file, and a column may have another name than its variant.
    #[test]
    fn kinds_have_their_shapes() {
        assert_eq!(Kind::Lead.shape().file, "Lead.csv");
        assert_eq!(Kind::Role.shape().file, "OpportunityContactRole.csv");
        assert_eq!(Kind::Program.shape().file, "program.ndjson");
        assert_eq!(Kind::Program.shape().columns[2], "type");
    }
}
