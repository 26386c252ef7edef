//! A large stream is read when a query asks, in order or as it is stored, and answers as if it were read
//! whole.

use super::*;
use crate::warehouse::query::read;
use crate::warehouse::query::session::Session;

const TABLES: [&str; 3] = ["crm.lead_history", "crm.lead", "crm.task"];

/// What depends on the order of the rows, and what does not.
const QUERIES: [&str; 7] = [
    "select * from {}",
    "select record_id from {} limit 3",
    "select count(*) as n, min(record_id) as low, max(known_at) as high from {}",
    "select count(*) as n, max(record_id) as last from (select record_id || 'x' as record_id from {}) \
     where record_id > 'b'",
    "select array_agg(record_id) as ids from {}",
    "select record_id, count(*) as n from {} group by record_id order by record_id",
    "select sum(cast(length(record_id) as double)) as n from {}",
];

/// Both tables answer alike; how the large one is read is told.
async fn plans(house: &House, version: &Version, table: &str) -> Vec<bool> {
    let (few, large) = (session(house), session(house));
    let store = house.warehouse.store();
    let whole = house.warehouse.table(version, table).await.unwrap();
    few.register_table(table, &whole).unwrap();
    let unread = read::unread(store, version, table, 0).unwrap();
    large.register_table(table, &unread).unwrap();
    let mut stored = Vec::new();
    for query in QUERIES.map(|query| query.replace("{}", table)) {
        let rows = async |session: &Session, sql: &str| -> Vec<Value> {
            session.query("q", sql).await.unwrap().rows().unwrap()
        };
        assert_eq!(
            rows(&large, &query).await,
            rows(&few, &query).await,
            "{query} of version {}",
            version.commit_no
        );
        let plan = large.context().sql(&query).await.unwrap();
        let plan = plan.create_physical_plan().await.unwrap();
        let plan = datafusion::physical_plan::displayable(plan.as_ref()).indent(false);
        stored.push(plan.to_string().contains("as stored"));
    }
    stored
}

fn session(house: &House) -> Session {
    Session::new(nov(28), &house.zone)
}

// Rows are read as they are stored where each of them stands and nothing depends on their order: not for
// the present state, nor floats, nor lists, nor once a late day replaced a row.
#[tokio::test]
async fn an_order_costs_only_those_who_ask_for_it() {
    let house = House::new();
    for day in [1, 2, 3, 5, 6] {
        merging::night(&house, day).await;
    }
    let aggregates = [false, false, true, true, false, false, false];
    let never = [false; 7];
    for day in [2, 6] {
        let version = house.warehouse.as_of(nov(day)).await.unwrap().unwrap();
        assert_eq!(plans(&house, &version, TABLES[0]).await, aggregates);
        assert_eq!(plans(&house, &version, TABLES[1]).await, never);
        assert_eq!(plans(&house, &version, TABLES[2]).await, aggregates);
    }
    house
        .any_night(&leads(nov(4), &["03 Late 1 - -", "04 Open 1 - -"]), None)
        .await;
    let latest = house.latest().await;
    assert_eq!(plans(&house, &latest, TABLES[0]).await, never);
    assert_eq!(plans(&house, &latest, TABLES[2]).await, aggregates);
    let before = house.warehouse.as_of(nov(3)).await.unwrap().unwrap();
    assert_eq!(plans(&house, &before, TABLES[0]).await, aggregates);
}

// Tables that only grow, and derived ones, are read so too: rows of later commits that lie in merged files
// are not seen, a column that came later is null before, and rows come in the order of their commits.
#[tokio::test]
async fn a_large_table_answers_as_a_small_one() {
    let house = House::new();
    for day in 1..=12 {
        merging::night(&house, day).await;
    }
    let mut draft = house.begin(nov(13)).await;
    let (schema, batches) = wider(13, "thirteen");
    draft.append("job_run", &schema, &batches).await.unwrap();
    let (schema, batches) = wider(4, "four");
    draft.replace("metric", &schema, &batches).await.unwrap();
    commit(draft).await;
    let queries = [
        "select * from {}",
        "select n from {} limit 2",
        "select count(*) as rows from {}",
        "select count(*) as rows, sum(n) as total, max(n) as high from {} where n > 2",
    ];
    for (day, table) in [
        (1, "job_run"),
        (7, "job_run"),
        (12, "job_run"),
        (13, "job_run"),
        (13, "metric"),
    ] {
        let version = house.warehouse.as_of(nov(day)).await.unwrap().unwrap();
        let (few, large) = (session(&house), session(&house));
        let whole = house.warehouse.table(&version, table).await.unwrap();
        few.register_table(table, &whole).unwrap();
        let unread = read::unread(house.warehouse.store(), &version, table, 0).unwrap();
        large.register_table(table, &unread).unwrap();
        for query in queries.map(|query| query.replace("{}", table)) {
            let [few, large] = [few.query("q", &query).await, large.query("q", &query).await];
            let (few, large) = (few.unwrap(), large.unwrap());
            assert_eq!(large.schema, few.schema, "{query} of day {day}");
            let rows: Vec<Value> = few.rows().unwrap();
            assert!(!rows.is_empty());
            assert_eq!(large.rows::<Value>().unwrap(), rows, "{query} of day {day}");
        }
    }
}

/// A number, and a word beside it.
fn wider(number: i64, word: &str) -> (SchemaRef, Vec<RecordBatch>) {
    let schema = schema_of(&[("n", Bigint), ("word", Text)]);
    let rows = [serde_json::json!({"n": number, "word": word})];
    let batch = batch_of(&schema, &rows).unwrap();
    (schema, vec![batch])
}
