use super::fixture::{config, entry, session};
use super::*;
use jiff::civil::date;

#[tokio::test]
async fn smoke() {
    let config = config();
    let session = session(
        &config,
        date(2026, 11, 19),
        &[
            entry("a", "known", "2026-11-10"),
            entry("a", "mql", "2026-11-12"),
        ],
    );
    let t = std::time::Instant::now();
    measure(&session, &config).await.unwrap();
    println!("measure {:?}", t.elapsed());
    for r in ["daily", "sla-weekly"] {
        let t = std::time::Instant::now();
        let f = figures(&session, &config, r, date(2026, 11, 19))
            .await
            .unwrap();
        println!(
            "{r} {:?} {}",
            t.elapsed(),
            serde_json::to_string(&f.tables).unwrap()
        );
    }
}
