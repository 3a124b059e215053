//! Tests of [`super::decisions`] over a journal in memory.

use std::sync::Arc;

use base::Timestamp;
use journal::{Journal, MemoryJournal, ReadLimit, Seq};
use service::decided::{Decided, Effect};
use state::State;
use worker::{Consumer, entry};

use crate::decisions::Decisions;

const TIME: &str = "2026-11-01T10:00:00Z";

fn decided(action: &str) -> Decided {
    Decided {
        action: action.to_owned(),
        resource: "*".to_owned(),
        effect: Effect::Allow,
        layer: None,
        policy: Some("P".to_owned()),
        statement: Some(0),
        sid: None,
    }
}

async fn record(journal: &MemoryJournal, id: &str, decided: &[Decided]) {
    let mut buffer = vec![0; entry::FINISH_HEAD_BYTES];
    buffer.extend_from_slice(format!(r#"{{"eventID":"{id}","eventTime":"{TIME}","eventName":"X"}}"#).as_bytes());
    if !decided.is_empty() {
        let beside = format!(r#"{{"decided":{}}}"#, serde_json::to_string(decided).unwrap());
        entry::add_aside(&mut buffer, &beside);
    }
    journal.append(vec![entry::finish(None, buffer)]).await.unwrap();
}

#[tokio::test]
async fn decisions_are_found_while_they_wait_and_once_they_are_stored() {
    let (journal, state): (_, Arc<dyn State>) = (MemoryJournal::new(), Arc::new(state::Memory::new()));
    let clock = testkit::ManualClock::at(Timestamp::from_ms(0));
    let env = testkit::env(Arc::clone(&clock), 1);
    let time = Timestamp::parse_iso8601(TIME).unwrap();
    for number in 0..5 {
        record(&journal, &format!("id-{number}"), &[decided("s3:GetObject"), decided(&format!("kms:{number}"))]).await;
    }
    record(&journal, "none", &[]).await;
    let (decisions, mut consumer) = Decisions::open(env.clone(), Arc::clone(&state), Seq::FIRST).await.unwrap();
    let entries = journal.read(Seq::FIRST, ReadLimit::default()).unwrap();
    consumer.take(&entries).await.unwrap();
    consumer.take(&entries).await.unwrap();
    let third = || decisions.of("id-3", time);
    assert_eq!(third().await.unwrap().unwrap(), [decided("s3:GetObject"), decided("kms:3")]);
    assert_eq!(consumer.needs(), Seq::FIRST, "nothing is stored yet");
    clock.advance_ms(60_000);
    consumer.idle().await.unwrap();
    assert_eq!(consumer.needs(), journal.durable_end());
    assert_eq!(third().await.unwrap().unwrap()[1], decided("kms:3"));
    assert_eq!(decisions.of("none", time).await.unwrap(), None);

    let (again, consumer) = Decisions::open(env.clone(), Arc::clone(&state), Seq::FIRST).await.unwrap();
    assert_eq!(consumer.needs(), journal.durable_end());
    assert_eq!(again.of("id-0", time).await.unwrap().unwrap()[1], decided("kms:0"));
}

#[tokio::test]
async fn decisions_end_when_event_history_does() {
    let (journal, state): (_, Arc<dyn State>) = (MemoryJournal::new(), Arc::new(state::Memory::new()));
    let clock = testkit::ManualClock::at(Timestamp::from_ms(0));
    let env = testkit::env(Arc::clone(&clock), 1);
    let time = Timestamp::parse_iso8601(TIME).unwrap();
    let (decisions, mut consumer) = Decisions::open(env, Arc::clone(&state), Seq::FIRST).await.unwrap();
    record(&journal, "old", &[decided("a:B")]).await;
    consumer.take(&journal.read(Seq::FIRST, ReadLimit::default()).unwrap()).await.unwrap();
    consumer.stop().await.unwrap();
    assert!(decisions.of("old", time).await.unwrap().is_some());
    clock.advance_ms(u64::try_from(time.ms()).unwrap() + 91 * 86_400_000);
    let next = journal.durable_end();
    record(&journal, "new", &[decided("a:C")]).await;
    consumer.take(&journal.read(next, ReadLimit::default()).unwrap()).await.unwrap();
    consumer.stop().await.unwrap();
    assert!(decisions.of("old", time).await.unwrap().is_none());
    assert!(decisions.of("new", time).await.unwrap().is_some());
}
