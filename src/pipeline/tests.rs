use super::*;
use crate::fs::Store;
use crate::fs::faults::Faulty;
use jiff::civil::date;
use object_store::memory::InMemory;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

#[tokio::test]
async fn measure() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mail");
    let mut config = Config::load(&fixture.join("config/leadgauge.yaml")).unwrap();
    let mail = tempfile::tempdir().unwrap();
    config.delivery.transport =
        crate::config::Transport::Folder(crate::fs::Location::folder(mail.path()).unwrap());
    let inner = Arc::new(InMemory::new());
    for day in [18, 19] {
        let store = Faulty::over(&inner, None);
        let t = Instant::now();
        let last = std::sync::Mutex::new(t);
        let w = Warehouse::on(Store::over(Arc::new(store.clone())));
        run_on(&w, &config, date(2026, 11, day), true, &|e| {
            if let Event::Step { name, .. } = e {
                let mut l = last.lock().unwrap();
                eprintln!("{name} after {:?} ops {}", l.elapsed(), store.seen().len());
                *l = Instant::now();
            }
        })
        .await
        .unwrap();
        eprintln!("{:?}", t.elapsed());
        for s in store.seen() {
            eprintln!("{s:?}");
        }
    }
}
