use super::fixture::{STAGES, config, entry, session};
use crate::metrics::*;
use jiff::ToSpan;
use jiff::civil::date;

fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    s.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e6
}

#[tokio::test]
async fn speed() {
    let mut config = config();
    config.metrics.dimensions = vec!["lead_source".into(), "segment".into(), "region".into()];
    let mut entries = Vec::new();
    for p in 0..5600_i64 {
        let start = date(2025, 6, 1).saturating_add(((p * 7919) % 530).days());
        let n = match p % 10 {
            0 => 4,
            1..=3 => 3,
            4..=6 => 2,
            _ => 1,
        };
        let mut day = start;
        for k in 0..n {
            let next = day.saturating_add(((p * 31 + k) % 23).days());
            let e = entry(
                &format!("salesforce.lead:00Q{p:012}"),
                STAGES[k as usize],
                &day.to_string(),
            )
            .with("lead_source", format!("Source {}", p % 8))
            .with("segment", format!("Seg {}", p % 4))
            .with("region", format!("Reg {}", p % 5));
            entries.push(if k + 1 < n {
                e.left(&next.to_string(), "progressed")
            } else if k == 3 {
                e.left(&day.to_string(), "won")
            } else {
                e
            });
            day = next;
        }
    }
    println!("entries {}", entries.len());
    let session = session(&config, date(2026, 11, 19), &entries);
    for _ in 0..2 {
        inputs::register(&session, &config).await.unwrap();
        for relation in relations(&config).unwrap() {
            let t1 = cpu();
            let _ = session.plan(&relation).await.unwrap();
            let p = cpu() - t1;
            let t1 = cpu();
            let frame = session.run(&relation).await.unwrap();
            println!(
                "{:12} {:6} rows {:5.0} ms, of which plan+optimize once {:3.0}",
                relation.name,
                frame.len(),
                (cpu() - t1),
                p
            );
            if SPLIT.contains(&relation.name.as_str()) {
                let name = split::name_of(&relation.name);
                let (schema, batches) = split::split(&frame).map_err(rows("members")).unwrap();
                session.register(&name, schema, batches).unwrap();
            }
            session
                .register(&relation.name, frame.schema, frame.batches)
                .unwrap();
        }
        let t = cpu();
        measure(&session, &config).await.unwrap();
        println!("measure {:.0} ms cpu", cpu() - t);
        for r in ["daily", "sla-weekly"] {
            let t = cpu();
            figures(&session, &config, r, date(2026, 11, 19))
                .await
                .unwrap();
            println!("{r} {:.0} ms cpu", cpu() - t);
        }
    }
}
