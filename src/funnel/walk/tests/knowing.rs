//! What is known of an entry and since when; and how the columns are read.

use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Schema};
use jiff::ToSpan;

use super::*;

fn dates(walked: &Walked) -> Vec<String> {
    let dates = walked.entries.column_by_name("entered_on").unwrap();
    let dates = dates.as_primitive::<Date32Type>();
    let epoch = Date::constant(1970, 1, 1);
    let date = |days: &i32| epoch.checked_add(days.days()).unwrap().to_string();
    dates.values().iter().map(date).collect()
}

// What the first snapshot shows has no known time: it stands at its `at`, and says so, and so do the
// stages implied by it. It confirms nothing.
#[test]
fn a_censored_entry_has_no_known_time() {
    expect(
        "
        sal 2026-01-05T09:00 snapshot censored imported known=2026-02-01
        opportunity 2026-02-10T09:00 opp=A
        known 2026-02-11T09:00 snapshot censored known=2026-02-12
        ",
        "
        1 known 2026-01-05T09:00 .. 2026-01-05T09:00 progressed mql net_new implied censored
        1 mql 2026-01-05T09:00 .. 2026-01-05T09:00 progressed sal net_new implied censored
        1 sal 2026-01-05T09:00 .. 2026-02-10T09:00 progressed opportunity net_new censored
        1 opportunity 2026-02-10T09:00 .. open net_new opp=A
        ",
        "ignored_reached",
    );
}

// A stamp from before the first snapshot tells when the stage was entered: the entry is observed
// then, and what was seen above it came no earlier. A stamp from later only confirms.
#[test]
fn a_stamp_dates_a_censored_entry() {
    expect(
        "
        sal 2026-01-05T09:00 snapshot censored imported known=2026-02-01
        mql 2026-01-10T09:00 stamp imported known=2026-02-01
        known 2026-02-02T09:00 history
        ",
        "
        1 known 2026-01-05T09:00 .. 2026-01-10T09:00 progressed mql net_new censored confirmed=2026-02-02T09:00
        1 mql 2026-01-10T09:00 .. 2026-01-10T09:00 progressed sal net_new
        1 sal 2026-01-10T09:00 .. open net_new censored
        ",
        "confirmed, dated",
    );
}

// Nothing dates an entry after a dated higher one: it is confirmed out of order, as ever.
#[test]
fn nothing_dates_an_entry_past_a_dated_higher_one() {
    expect(
        "
        sal 2026-01-05T09:00 snapshot censored imported known=2026-02-01
        opportunity 2026-01-08T09:00 opp=A imported known=2026-02-01
        mql 2026-01-10T09:00 imported known=2026-02-01
        ",
        "
        1 known 2026-01-05T09:00 .. 2026-01-05T09:00 progressed mql net_new implied censored
        1 mql 2026-01-05T09:00 .. 2026-01-05T09:00 progressed sal net_new censored confirmed=2026-01-10T09:00
        1 sal 2026-01-05T09:00 .. 2026-01-08T09:00 progressed opportunity net_new censored
        1 opportunity 2026-01-08T09:00 .. open net_new opp=A
        ",
        "confirmed",
    );
}

// A recycling that the first snapshot shows came after what is dated before it, whenever that was.
#[test]
fn a_censored_end_comes_when_it_was_first_seen() {
    expect(
        "
        known 2026-01-04T09:00
        recycle:known 2026-01-05T09:00 snapshot censored imported known=2026-02-01 reason=timing
        mql 2026-01-10T09:00 imported known=2026-02-01
        ",
        "
        1 known 2026-01-04T09:00 .. 2026-01-10T09:00 progressed mql net_new
        1 mql 2026-01-10T09:00 .. 2026-02-01T23:59 recycled net_new reason=timing
        2 known 2026-02-01T23:59 .. open carried censored
        ",
        "recycled",
    );
}

// So does a censored close; its entry has no known time but is not before the stages below it.
#[test]
fn a_censored_close_waits_for_what_is_dated() {
    expect_under(
        Skipping::Any,
        "
        closed 2026-01-05T09:00 opp=A won snapshot censored imported known=2026-02-01
        opportunity 2026-01-10T09:00 opp=A imported known=2026-02-01
        ",
        "
        1 opportunity 2026-01-10T09:00 .. 2026-01-10T09:00 progressed closed net_new opp=A
        1 closed 2026-01-10T09:00 .. 2026-01-10T09:00 won net_new censored opp=A
        ",
        "",
    );
}

// Late is what is learnt on a later local day than it happened, unless it came with the import.
#[test]
fn late_is_known_after_its_own_day() {
    let history = "
        known 2026-01-01T08:00 imported known=2026-02-01
        mql 2026-02-02T23:59 known=2026-02-02 after=2026-02-01T23:59
        sal 2026-02-03T23:59 known=2026-02-04
        ";
    expect(
        history,
        "
        1 known 2026-01-01T08:00 .. 2026-02-02T23:59 progressed mql net_new
        1 mql 2026-02-02T23:59 .. 2026-02-03T23:59 progressed sal net_new after=2026-02-01T23:59
        1 sal 2026-02-03T23:59 .. open net_new late
        ",
        "",
    );
    let walked = run(Skipping::Strict, history);
    assert_eq!(dates(&walked), ["2026-01-01", "2026-02-02", "2026-02-03"]);
}

// Subtlety 14. Net-new is a person's first entry of a stage, implied or not, unless a customer then or not new
// business; what was carried was not entered.
#[test]
fn net_new_is_the_first_entry_of_a_prospect() {
    expect(
        "
        known 2026-01-01T08:00 customer
        sal 2026-01-02T08:00
        recycle:known 2026-01-03T08:00
        mql 2026-01-04T08:00
        opportunity 2026-01-05T08:00 opp=A renewal amount=20
        ",
        "
        1 known 2026-01-01T08:00 .. 2026-01-02T08:00 progressed mql customer
        1 mql 2026-01-02T08:00 .. 2026-01-02T08:00 progressed sal net_new implied
        1 sal 2026-01-02T08:00 .. 2026-01-03T08:00 recycled net_new
        2 known 2026-01-03T08:00 .. 2026-01-04T08:00 progressed mql carried
        2 mql 2026-01-04T08:00 .. 2026-01-05T08:00 progressed sal
        2 sal 2026-01-05T08:00 .. 2026-01-05T08:00 progressed opportunity implied opp=A amount=20
        2 opportunity 2026-01-05T08:00 .. open opp=A amount=20
        ",
        "recycled",
    );
}

// The type of business is the opportunity's own: who enters the stages below it for the first time by
// a renewal is new in them all the same.
#[test]
fn a_renewal_is_no_new_business_in_its_own_stages_only() {
    expect(
        "
        known 2026-01-01T08:00
        opportunity 2026-01-05T08:00 opp=A renewal
        mql 2026-01-06T08:00
        ",
        "
        1 known 2026-01-01T08:00 .. 2026-01-05T08:00 progressed mql net_new
        1 mql 2026-01-05T08:00 .. 2026-01-05T08:00 progressed sal net_new opp=A confirmed=2026-01-06T08:00
        1 sal 2026-01-05T08:00 .. 2026-01-05T08:00 progressed opportunity net_new implied opp=A
        1 opportunity 2026-01-05T08:00 .. open opp=A
        ",
        "confirmed",
    );
}

// Subtlety 3. Late evidence is taken on its own date, so it changes what was told before: mql is no longer implied
// by sal, and a recycling that is learnt late has ended the cycle before sal.
#[test]
fn late_evidence_stands_on_its_own_date() {
    let early = "
        known 2026-01-01T08:00
        sal 2026-01-12T08:00
        ";
    let late = "
        mql 2026-01-05T08:00 known=2026-01-20
        recycle:known 2026-01-08T08:00 known=2026-01-20
        ";
    expect(
        &format!("{early}{late}"),
        "
        1 known 2026-01-01T08:00 .. 2026-01-05T08:00 progressed mql net_new
        1 mql 2026-01-05T08:00 .. 2026-01-08T08:00 recycled net_new late
        2 known 2026-01-08T08:00 .. 2026-01-12T08:00 progressed mql carried late
        2 mql 2026-01-12T08:00 .. 2026-01-12T08:00 progressed sal implied
        2 sal 2026-01-12T08:00 .. open net_new
        ",
        "recycled",
    );
}

// Of two signs at one instant the one whose time is known comes first: the other has nothing to add.
#[test]
fn ties_go_to_the_known_time() {
    expect(
        "
        known 2026-01-05T09:00 snapshot censored imported
        known 2026-01-05T09:00 event
        ",
        "1 known 2026-01-05T09:00 .. open net_new",
        "ignored_reached",
    );
}

// Excluded evidence does nothing, but a deletion always does.
#[test]
fn excluded_evidence_is_ignored() {
    expect(
        "
        known 2026-01-01T08:00
        mql 2026-01-02T08:00 excluded
        deleted 2026-01-03T08:00 excluded
        ",
        "1 known 2026-01-01T08:00 .. 2026-01-03T08:00 deleted net_new",
        "deleted, excluded",
    );
}

// Persons who are wholly excluded leave no entry; those after them are not touched by it.
#[test]
fn persons_are_apart() {
    expect(
        "
        known 2026-01-01T08:00 excluded
        person crm.lead:2
        known 2026-01-02T08:00
        person crm.lead:3
        known 2026-01-02T08:00
        ",
        "
        person crm.lead:2
        1 known 2026-01-02T08:00 .. open net_new
        person crm.lead:3
        1 known 2026-01-02T08:00 .. open net_new
        ",
        "excluded",
    );
}

fn recast(batch: &RecordBatch, to: &DataType) -> RecordBatch {
    let texts = ["person_id", "kind", "via", "opportunity_id", "reason"];
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let to = if texts.contains(&field.name().as_str()) {
            to
        } else {
            field.data_type()
        };
        fields.push(field.as_ref().clone().with_data_type(to.clone()));
        columns.push(cast(column, to).unwrap());
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

// However texts are stored, the entries are the same.
#[test]
fn texts_may_be_plain_views_or_dictionaries() {
    let history = "
        mql 2026-01-01T08:00
        recycle:known 2026-01-03T08:00 reason=timing
        opportunity 2026-01-05T08:00 opp=A
        ";
    let (plain, funnel) = (batch(&signs(history)), funnel(Skipping::Any));
    let expected = walk(std::slice::from_ref(&plain), &[&funnel], &zone()).unwrap();
    let dictionary = |key| DataType::Dictionary(Box::new(key), Box::new(DataType::Utf8));
    let stored = [
        DataType::Utf8View,
        DataType::LargeUtf8,
        dictionary(DataType::Int32),
        dictionary(DataType::UInt16),
    ];
    for to in stored {
        let walked = walk(&[recast(&plain, &to)], &[&funnel], &zone()).unwrap();
        assert_eq!(walked.entries, expected.entries, "{to}");
    }
}

fn refusal(batch: &RecordBatch) -> String {
    let refused = walk(
        std::slice::from_ref(batch),
        &[&funnel(Skipping::Any)],
        &zone(),
    );
    refused.unwrap_err().to_string()
}

// Evidence of another shape is refused by what is wrong with it, and names no person.
#[test]
fn evidence_of_another_shape_is_refused() {
    let good = batch(&signs("mql 2026-01-01T08:00"));
    let mut absent = good.clone();
    absent.remove_column(1);
    assert_eq!(
        refusal(&absent),
        "Evidence column `at` is absent, expected without nulls"
    );
    assert_eq!(
        refusal(&recast(&good, &DataType::Binary)),
        "Evidence column `kind` is `Binary`, expected a text"
    );
    let mut unknown = signs("mql 2026-01-01T08:00");
    unknown[0].kind = "leave".to_owned();
    assert_eq!(
        refusal(&batch(&unknown)),
        "Evidence of kind `leave` is not known"
    );
    unknown[0].kind = "enter".to_owned();
    unknown[0].order = 6;
    assert_eq!(
        refusal(&batch(&unknown)),
        "Evidence of stage 6 does not fit a funnel of 5 stages"
    );
    let unsorted = "
        person crm.lead:2
        mql 2026-01-01T08:00
        person crm.lead:1
        mql 2026-01-01T08:00
        ";
    assert_eq!(
        refusal(&batch(&signs(unsorted))),
        "Evidence is not sorted by `person_id`\n  fix: export it with `order by person_id`"
    );
}

// No evidence gives no entries, in the columns of `stage_entry`.
#[test]
fn the_columns_are_those_of_stage_entry() {
    let walked = walk(&[], &[&funnel(Skipping::Any)], &zone()).unwrap();
    let schema = walked.entries.schema();
    let names: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(
        names.join(" "),
        "person_id opportunity_id cycle stage stage_order entered_at entered_on entered_after \
         exited_at outcome next_stage reason via implied confirmed_at carried censored late direct \
         net_new customer amount definition known_at"
    );
    assert_eq!(walked.entries.num_rows(), 0);
    assert_eq!(walked.counts.values().sum::<u64>(), 0);
}
