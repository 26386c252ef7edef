//! Stage entries as columns, in the order of persons, cycles and stages; those of stages that are no more
//! come last in their cycle.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Int64Builder, RecordBatch,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use crate::config::{Funnel, Stage};

use super::columns::Row;
use super::cycle::{Entry, Exit, Made, Mark};
use super::days::LocalDays;
use super::person::Person;

pub(super) struct Output<'f> {
    funnels: &'f [&'f Funnel],
    person_id: StringBuilder,
    opportunity_id: StringBuilder,
    cycle: Int64Builder,
    stage: StringBuilder,
    stage_order: Int64Builder,
    entered_at: TimestampMicrosecondBuilder,
    entered_on: Date32Builder,
    entered_after: TimestampMicrosecondBuilder,
    exited_at: TimestampMicrosecondBuilder,
    outcome: StringBuilder,
    next_stage: StringBuilder,
    reason: StringBuilder,
    via: StringBuilder,
    implied: BooleanBuilder,
    confirmed_at: TimestampMicrosecondBuilder,
    carried: BooleanBuilder,
    censored: BooleanBuilder,
    late: BooleanBuilder,
    direct: BooleanBuilder,
    net_new: BooleanBuilder,
    customer: BooleanBuilder,
    amount: Decimal128Builder,
    definition: StringBuilder,
    known_at: TimestampMicrosecondBuilder,
}

impl<'f> Output<'f> {
    pub(super) fn new(funnels: &'f [&'f Funnel]) -> Self {
        Self {
            funnels,
            person_id: StringBuilder::new(),
            opportunity_id: StringBuilder::new(),
            cycle: Int64Builder::new(),
            stage: StringBuilder::new(),
            stage_order: Int64Builder::new(),
            entered_at: instants(),
            entered_on: Date32Builder::new(),
            entered_after: instants(),
            exited_at: instants(),
            outcome: StringBuilder::new(),
            next_stage: StringBuilder::new(),
            reason: StringBuilder::new(),
            via: StringBuilder::new(),
            implied: BooleanBuilder::new(),
            confirmed_at: instants(),
            carried: BooleanBuilder::new(),
            censored: BooleanBuilder::new(),
            late: BooleanBuilder::new(),
            direct: BooleanBuilder::new(),
            net_new: BooleanBuilder::new(),
            customer: BooleanBuilder::new(),
            amount: Decimal128Builder::new().with_data_type(DataType::Decimal128(18, 4)),
            definition: StringBuilder::new(),
            known_at: instants(),
        }
    }

    /// Appends all entries of a person whose evidence `first` begins.
    pub(super) fn append(&mut self, person: &Person<'_>, first: Row, days: &mut LocalDays) {
        let person_id = person.table.person_id(first);
        let mut number = 0;
        for (index, cycle) in person.cycles.iter().enumerate() {
            number += 1;
            let entries = person.entries(index);
            for (order, entry) in (1..).zip(entries) {
                let Some(entry) = entry else { continue };
                let before = person.left_before(index, order);
                let exit = before.unwrap_or_else(|| cycle.exit(entries, order, entry.entered_at));
                self.person(person_id, number, person);
                self.exit(&exit, person);
                self.entry(entry, person, days);
            }
            for lost in person.redefined.iter().filter(|lost| lost.cycle == index) {
                self.person(person_id, number, person);
                self.exit(&lost.exit, person);
                self.entry(&lost.entry, person, days);
            }
        }
    }

    fn person(&mut self, person_id: &str, cycle: i64, person: &Person<'_>) {
        self.person_id.append_value(person_id);
        self.cycle.append_value(cycle);
        self.direct.append_value(person.direct);
    }

    fn stage(&mut self, made: Made) {
        let funnel = self.funnels[usize::from(made.definition)];
        let stage = self.stage_of(made);
        self.stage.append_value(&stage.id);
        self.stage_order.append_value(i64::from(made.order));
        self.definition.append_value(&funnel.definition);
    }

    fn stage_of(&self, made: Made) -> &'f Stage {
        let funnel = self.funnels[usize::from(made.definition)];
        &funnel.stages[usize::from(made.order) - 1]
    }

    fn exit(&mut self, exit: &Exit, person: &Person<'_>) {
        self.exited_at.append_option(exit.at);
        self.outcome.append_value(exit.outcome);
        let stage =
            |(definition, order): (usize, usize)| &self.funnels[definition].stages[order - 1].id;
        let next = exit.next.map(stage);
        self.next_stage.append_option(next);
        let reason = exit.reason.and_then(|row| person.table.reason(row));
        self.reason.append_option(reason);
    }

    fn entry(&mut self, entry: &Entry, person: &Person<'_>, days: &mut LocalDays) {
        let (table, row) = (person.table, entry.row);
        self.stage(entry.made);
        let known_at = table.known_at(row);
        let known_on = days.date(known_at);
        let entered_on = days.date(entry.entered_at);
        let opportunity = entry.opportunity.and_then(|row| table.opportunity_id(row));
        self.opportunity_id.append_option(opportunity);
        self.entered_at.append_value(entry.entered_at);
        self.entered_on.append_value(entered_on);
        self.entered_after.append_option(table.seen_after(row));
        self.via.append_value(table.via(row));
        self.implied.append_value(entry.mark == Mark::Implied);
        self.confirmed_at.append_option(entry.confirmed_at);
        self.carried.append_value(entry.mark == Mark::Carried);
        self.censored.append_value(table.censored(row));
        let late = entered_on < known_on && !table.imported(row);
        self.late.append_value(late);
        // What type of business it is says something of the opportunity's own stages only.
        let new_business =
            !self.stage_of(entry.made).is_of_opportunity() || table.new_business(row);
        let net_new = entry.first && !entry.customer && new_business;
        self.net_new.append_value(net_new);
        self.customer.append_value(entry.customer);
        self.amount.append_option(table.amount(row));
        self.known_at.append_value(known_at);
    }

    /// Ends with one batch of all entries.
    pub(super) fn finish(mut self) -> RecordBatch {
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(self.person_id.finish()),
            Arc::new(self.opportunity_id.finish()),
            Arc::new(self.cycle.finish()),
            Arc::new(self.stage.finish()),
            Arc::new(self.stage_order.finish()),
            Arc::new(self.entered_at.finish()),
            Arc::new(self.entered_on.finish()),
            Arc::new(self.entered_after.finish()),
            Arc::new(self.exited_at.finish()),
            Arc::new(self.outcome.finish()),
            Arc::new(self.next_stage.finish()),
            Arc::new(self.reason.finish()),
            Arc::new(self.via.finish()),
            Arc::new(self.implied.finish()),
            Arc::new(self.confirmed_at.finish()),
            Arc::new(self.carried.finish()),
            Arc::new(self.censored.finish()),
            Arc::new(self.late.finish()),
            Arc::new(self.direct.finish()),
            Arc::new(self.net_new.finish()),
            Arc::new(self.customer.finish()),
            Arc::new(self.amount.finish()),
            Arc::new(self.definition.finish()),
            Arc::new(self.known_at.finish()),
        ];
        RecordBatch::try_new(Arc::new(schema()), arrays).expect(
            "every entry appends one value to each column, and `schema` names the same columns",
        )
    }
}

pub(super) fn schema() -> Schema {
    use DataType::{Boolean, Date32, Decimal128, Int64, Timestamp, Utf8};
    let instant = || Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Schema::new(vec![
        Field::new("person_id", Utf8, false),
        Field::new("opportunity_id", Utf8, true),
        Field::new("cycle", Int64, false),
        Field::new("stage", Utf8, false),
        Field::new("stage_order", Int64, false),
        Field::new("entered_at", instant(), false),
        Field::new("entered_on", Date32, false),
        Field::new("entered_after", instant(), true),
        Field::new("exited_at", instant(), true),
        Field::new("outcome", Utf8, false),
        Field::new("next_stage", Utf8, true),
        Field::new("reason", Utf8, true),
        Field::new("via", Utf8, false),
        Field::new("implied", Boolean, false),
        Field::new("confirmed_at", instant(), true),
        Field::new("carried", Boolean, false),
        Field::new("censored", Boolean, false),
        Field::new("late", Boolean, false),
        Field::new("direct", Boolean, false),
        Field::new("net_new", Boolean, false),
        Field::new("customer", Boolean, false),
        Field::new("amount", Decimal128(18, 4), true),
        Field::new("definition", Utf8, false),
        Field::new("known_at", instant(), false),
    ])
}

fn instants() -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::new().with_timezone("UTC")
}
