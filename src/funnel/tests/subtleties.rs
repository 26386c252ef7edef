//! What funnel warehouses get wrong about persons and their history, each on a history that comes out
//! otherwise where it is got wrong. The numbers are those that `tests/it/subtleties.rs` asks for.

use serde_json::{Value, json};

use super::{World, funnel, sql};
use crate::config::{Exclusion, Funnel};

const ENTRIES: &str =
    "select person_id, opportunity_id, cycle, stage, entered_on, implied, net_new, customer
    from stage_entry where not carried order by cycle, stage_order";

async fn entries(world: &World) -> Vec<String> {
    world.derive(&funnel()).await.unwrap().rows(ENTRIES).await
}

fn lead(status: &str, mql_at: Option<&str>) -> Value {
    json!({"email": "a@x.example", "status": status, "mql_at": mql_at, "seen_after": "11-01"})
}

/// A lead that is an mql from 3 November, rejected on the 5th, an mql again from the 9th.
fn twice() -> World {
    World::default()
        .record("crm.lead:1", "11-02", lead("New", None))
        .record("crm.lead:1", "11-03", lead("New", Some("11-03")))
        .record("crm.lead:1", "11-05", lead("Recycled", Some("11-03")))
        .record(
            "crm.lead:1",
            "11-09",
            json!({"email": "a@x.example", "status": "New", "mql_at": "11-09", "seen_after": "11-08"}),
        )
}

// Subtlety 1. First, latest and every MQL are three counts: the second entry of a person is a re-entry on
// its own day, and takes nothing from the day of the first, though the stamp was overwritten.
#[tokio::test]
async fn a_second_mql_leaves_the_first_where_it_was() {
    let sql = "select entered_on, count(*), count(*) filter (where net_new)
               from stage_entry where stage = 'mql' group by entered_on order by entered_on";
    let outcome = twice().derive(&funnel()).await.unwrap();
    assert_eq!(outcome.rows(sql).await, ["11-03|1|1", "11-09|1|0"]);
}

// Subtlety 7. Where a person stands is not how far they got: entries and persons are two counts, the
// stock is where they are now, and the time in a stage is the sum of the visits.
#[tokio::test]
async fn going_back_is_no_progress_and_no_second_person() {
    let world = twice().record(
        "crm.lead:1",
        "11-12",
        json!({"email": "a@x.example", "status": "Recycled", "mql_at": "11-09", "seen_after": "11-11"}),
    );
    let outcome = world.derive(&funnel()).await.unwrap();
    let visits = "select count(*), count(distinct person_id),
            sum(cast(exited_at as bigint) - cast(entered_at as bigint)) / 86400000000
        from stage_entry where stage = 'mql'";
    assert_eq!(outcome.rows(visits).await, ["2|1|5"]);
    let stands =
        "select stage, carried from stage_entry where exited_at is null order by stage_order";
    assert_eq!(outcome.rows(stands).await, ["known|true"]);
}

// Subtlety 4. Two leads became one contact, the first in the second in which it was an mql: one person,
// one mql, nothing lost of what happened before, and the deal of the contact follows in the same cycle.
#[tokio::test]
async fn conversion_loses_nothing_and_doubles_nothing() {
    let converted = |mail: &str, mql_at: &str| {
        json!({"email": mail, "status": "Converted", "mql_at": mql_at,
            "converted_to": "crm.contact:9", "seen_after": "11-01"})
    };
    let world = World::default()
        .record("crm.lead:1", "11-02", json!({"email": "a@x.example"}))
        .record("crm.lead:1", "11-05", converted("a@x.example", "11-05"))
        .record(
            "crm.lead:2",
            "11-03",
            json!({"email": "b@y.example", "created_at": "11-03"}),
        )
        .record("crm.lead:2", "11-07", converted("b@y.example", "11-07"))
        .record("crm.contact:9", "11-05", json!({"created_at": "11-05"}))
        .opportunity("D1", "11-06", json!({"stage": "Offer"}))
        .link("D1", "crm.contact:9", json!({}));
    assert_eq!(
        entries(&world).await,
        [
            "crm.lead:1||1|anonymous|11-02|true|true|false",
            "crm.lead:1||1|known|11-02|false|true|false",
            "crm.lead:1||1|responded|11-05|true|true|false",
            "crm.lead:1||1|mql|11-05|false|true|false",
            "crm.lead:1|D1|1|sal|11-06|true|true|false",
            "crm.lead:1|D1|1|sql|11-06|true|true|false",
            "crm.lead:1|D1|1|opportunity|11-06|false|true|false",
        ]
    );
}

// Subtlety 5. A duplicate that was merged into one that was merged on, and deleted with it, counts once
// and on the earliest day; whoever a rule excludes counts nowhere, and is counted.
#[tokio::test]
async fn duplicates_count_once_and_exclusions_are_counted() {
    let gone = |into: &str| {
        json!({"email": "a@x.example", "mql_at": "11-03", "merged_into": into, "deleted": true,
            "created_at": "11-02"})
    };
    let here =
        |mql_at: &str| json!({"email": " A@X.example", "mql_at": mql_at, "created_at": "11-02"});
    let world = World::default()
        .record("crm.lead:1", "11-02", here("11-03"))
        .record("crm.lead:1", "11-06", gone("crm.lead:2"))
        .record("crm.lead:2", "11-02", here("11-04"))
        .record("crm.lead:2", "11-07", gone("crm.lead:3"))
        .record("crm.lead:3", "11-02", here("11-05"))
        .record(
            "crm.lead:4",
            "11-02",
            json!({"email": "me@acme.example", "mql_at": "11-03"}),
        );
    let outcome = world.derive(&funnel()).await.unwrap();
    let sql = "select person_id, entered_on from stage_entry where stage = 'mql'";
    assert_eq!(outcome.rows(sql).await, ["crm.lead:1|11-03"]);
    assert_eq!(outcome.count("excluded"), 2);
}

// Subtlety 14. A win makes a customer from then on, not before: the mql that led to it stays a prospect's
// and net-new, and only the next deal is a customer's.
#[tokio::test]
async fn a_win_does_not_take_its_own_mql_out() {
    let deal = |stage: &str| json!({"stage": stage, "is_closed": stage == "Won", "is_won": stage == "Won"});
    let world = World::default()
        .record("crm.lead:1", "11-02", lead("New", Some("11-03")))
        .opportunity("D1", "11-05", deal("Offer"))
        .opportunity("D1", "11-08", deal("Won"))
        .opportunity("D2", "11-12", deal("Offer"))
        .link("D1", "crm.lead:1", json!({}))
        .link("D2", "crm.lead:1", json!({}));
    let outcome = world.derive(&funnel()).await.unwrap();
    let sql = "select stage, opportunity_id, entered_on, net_new, customer from stage_entry
               where stage in ('mql', 'opportunity', 'closed') and not carried order by entered_at, stage_order";
    assert_eq!(
        outcome.rows(sql).await,
        [
            "mql||11-03|true|false",
            "opportunity|D1|11-05|true|false",
            "closed|D1|11-08|true|false",
            "opportunity|D2|11-12|false|true",
        ]
    );
}

// Subtlety 15. A deal that was deleted, as a duplicate or by an administrator, closes as neither won nor
// lost: its entries stay on their days, told by their outcome.
#[tokio::test]
async fn a_deleted_deal_is_neither_won_nor_lost() {
    let world = World::default()
        .record("crm.lead:1", "11-02", lead("New", Some("11-03")))
        .opportunity("D1", "11-05", json!({"stage": "Offer"}))
        .opportunity("D1", "11-08", json!({"stage": "Offer", "deleted": true}))
        .link("D1", "crm.lead:1", json!({}));
    let outcome = world.derive(&funnel()).await.unwrap();
    let sql = "select stage, entered_on, outcome from stage_entry
               where stage in ('opportunity', 'closed') order by stage_order";
    assert_eq!(outcome.rows(sql).await, ["opportunity|11-05|deleted"]);
}

// Subtlety 17. `not in` and `not like` are neither true nor false of a field that is blank: a rule that
// excludes by them leaves those with a blank field in.
#[tokio::test]
async fn a_blank_field_drops_nobody() {
    let rule = |name: &str, when: &str| Exclusion {
        name: name.to_owned(),
        when: sql(when),
        ever: false,
    };
    let funnel = Funnel {
        exclude: vec![
            rule("status", "status not in ('New', 'Working')"),
            rule("region", "region not like 'E%'"),
        ],
        ..funnel()
    };
    let person = |mail: &str, status: Option<&str>, region: Option<&str>| json!({"email": mail, "status": status, "region": region});
    let world = World::default()
        .record("crm.lead:1", "11-02", person("a@x.example", None, None))
        .record(
            "crm.lead:2",
            "11-02",
            person("b@x.example", Some("Bad Data"), None),
        )
        .record(
            "crm.lead:3",
            "11-02",
            person("c@x.example", None, Some("APAC")),
        )
        .record(
            "crm.lead:4",
            "11-02",
            person("d@x.example", Some("New"), Some("EMEA")),
        );
    let outcome = world.derive(&funnel).await.unwrap();
    let sql = "select person_id from stage_entry where stage = 'known' order by person_id";
    assert_eq!(outcome.rows(sql).await, ["crm.lead:1", "crm.lead:4"]);
}
