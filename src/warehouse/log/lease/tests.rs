use std::sync::Arc;

use jiff::civil::date;
use object_store::memory::InMemory;

use super::*;
use crate::fs::faults::{Fault, Faulty, Plan};

const LONG: SignedDuration = SignedDuration::from_hours(1);
const NEVER: Duration = Duration::from_secs(3600);
const AT_ONCE: Duration = Duration::from_millis(1);

fn store() -> Store {
    Store::over(Arc::new(InMemory::new()))
}

/// Two runs for one night.
fn runs() -> (RunId, RunId) {
    let day = date(2026, 11, 18);
    (RunId::new(day), RunId::new(day))
}

fn told(taken: Result<Lease, WarehouseError>) -> String {
    taken.unwrap_err().to_string()
}

async fn holder_of(store: &Store) -> Option<RunId> {
    read(store).await.unwrap().map(|claim| claim.run_id)
}

/// A lease that is held turns another run away in the words of the file lock, until it is released.
#[tokio::test]
async fn a_held_lease_turns_others_away() {
    let (store, (mine, theirs)) = (store(), runs());
    let terms = Terms::new(LONG, NEVER);
    let lease = take(&store, &mine, terms).await.unwrap();
    let words = format!(
        "Another run is writing to this warehouse: run `{mine}`, process {} on {}",
        std::process::id(),
        host()
    );
    assert_eq!(told(take(&store, &theirs, terms).await), words);
    lease.release().await;
    assert_eq!(holder_of(&store).await, None);
    take(&store, &theirs, terms).await.unwrap();
    assert_eq!(holder_of(&store).await, Some(theirs));
}

/// An expired lease is taken over, and so is one that cannot be read; who lost it neither renews nor
/// removes it.
#[tokio::test]
async fn an_expired_lease_is_taken_over() {
    let (store, (mine, theirs)) = (store(), runs());
    let expired = Terms::new(SignedDuration::ZERO, NEVER);
    let lost = take(&store, &mine, expired).await.unwrap();
    let terms = Terms::new(LONG, NEVER);
    let taken = take(&store, &theirs, terms).await.unwrap();
    lost.release().await;
    assert_eq!(holder_of(&store).await, Some(theirs));
    taken.release().await;
    store.create(NAME, "no claim".into()).await.unwrap();
    let lease = take(&store, &mine, terms).await.unwrap();
    assert_eq!(holder_of(&store).await, Some(mine));
    drop(lease);
}

/// A lease is renewed while it is held, and gone soon after it is dropped.
#[tokio::test]
async fn a_lease_is_renewed() {
    let (store, (mine, _)) = (store(), runs());
    let lease = take(&store, &mine, Terms::new(LONG, AT_ONCE))
        .await
        .unwrap();
    let first = read(&store).await.unwrap().unwrap().expires;
    while read(&store).await.unwrap().unwrap().expires == first {
        sleep(AT_ONCE).await;
    }
    drop(lease);
    while holder_of(&store).await.is_some() {
        sleep(AT_ONCE).await;
    }
}

/// A lease whose write is answered by an error is held all the same if it is there.
#[tokio::test]
async fn a_lease_whose_answer_is_lost_is_held() {
    let memory = Arc::new(InMemory::new());
    let store = Faulty::over(&memory, Plan::At(1, Fault::AnswerLost)).store();
    let (mine, _) = runs();
    take(&store, &mine, Terms::USUAL).await.unwrap();
    assert_eq!(holder_of(&store).await, Some(mine));
}
