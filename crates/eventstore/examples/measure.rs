#![allow(missing_docs, clippy::all, clippy::disallowed_methods, clippy::unwrap_used)]
use base::{Clock, Env, Rng, Timestamp};
use bytes::Bytes;
use eventstore::*;
use futures_util::TryStreamExt;
use ports::lake::*;
use ports::*;
use std::sync::Arc;
use std::time::Instant;
struct C;
impl Clock for C {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(1_772_366_400_000)
    }
    fn monotonic_ms(&self) -> u64 {
        0
    }
}
struct R(std::sync::atomic::AtomicU64);
impl Rng for R {
    fn fill(&self, b: &mut [u8]) {
        let n = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_be_bytes();
        for (b, n) in b.iter_mut().zip(n.iter().cycle()) {
            *b = *n;
        }
    }
}
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let path = std::env::args().nth(1).unwrap();
    let dir = std::env::args().nth(2).unwrap();
    let piece: usize = std::env::args().nth(3).map_or(65536, |s| s.parse().unwrap());
    let text = Bytes::from(std::fs::read(&path).unwrap());
    let mut records = vec![];
    let mut at = 0;
    for (i, b) in text.iter().enumerate() {
        if *b == b'\n' {
            records.push(NewRecord { json: text.slice(at..i), checksum: None });
            at = i + 1;
        }
    }
    let n = records.len();
    let bytes: usize = records.iter().map(|r| r.json.len()).sum();
    println!("{n} records, {} bytes each", bytes / n);
    let env = Env { clock: Arc::new(C), rng: Arc::new(R(Default::default())), disk: Arc::new(system::SystemDisk) };
    let objects: Arc<dyn objects::Objects> =
        Arc::new(objects::Local::open(env.disk.clone(), std::path::Path::new(&dir)).unwrap());
    let stores =
        Stores::open(env, Arc::new(state::Memory::default()), objects, Options { ..Options::default() }).await.unwrap();
    let ev = StoreId::events();
    let t = Instant::now();
    for chunk in records.chunks(piece) {
        stores.append(&ev, chunk.to_vec()).await.unwrap();
    }
    let s = t.elapsed().as_secs_f64();
    println!(
        "append (one caller): {:.0}/s, {:.2} us/record; {:?}",
        n as f64 / s,
        s * 1e6 / n as f64,
        stores.stats(&ev).unwrap()
    );
    println!("bytes/record {:.1}", stores.stats(&ev).unwrap().stored_bytes as f64 / n as f64);
    let t = Instant::now();
    let mut steps = 0;
    while stores.upkeep().await.unwrap() {
        steps += 1;
    }
    println!(
        "upkeep {steps} steps {:.2}s, {} parts, bytes/record {:.1}",
        t.elapsed().as_secs_f64(),
        stores.snapshot(&ev).unwrap().parts().len(),
        stores.stats(&ev).unwrap().stored_bytes as f64 / n as f64
    );
    let t = Instant::now();
    let a = stores.append(&ev, records[..piece.min(n)].to_vec()).await.unwrap();
    println!("again {} records: {:?} {:.0}/s", piece.min(n), a, piece.min(n) as f64 / t.elapsed().as_secs_f64());
    let snap = stores.snapshot(&ev).unwrap();
    for cols in [
        vec!["eventname"],
        vec!["eventtime", "eventsource", "eventname", "useridentity.arn"],
        vec!["requestparameters"],
        vec!["eventjson"],
    ] {
        let t = Instant::now();
        let mut rows = 0;
        let p = Arc::new(QueryProgress::default());
        for part in snap.parts() {
            let mut s = snap.read(part, ReadOptions::new(Projection::of(&cols).unwrap()), p.clone());
            while let Some(b) = s.try_next().await.unwrap() {
                rows += b.num_rows();
            }
        }
        println!("read {cols:?}: {rows} rows {:.1} ms, {} bytes", t.elapsed().as_secs_f64() * 1e3, p.bytes_scanned());
    }
    let id = |r: &NewRecord, k: &str| -> String {
        let v: serde_json::Value = serde_json::from_slice(&r.json).unwrap();
        v.pointer(k).and_then(|v| v.as_str()).unwrap_or("none").to_owned()
    };
    for (m, k) in [
        (Member::EventId, "/eventID"),
        (Member::RequestId, "/requestID"),
        (Member::Any, "/eventID"),
        (Member::AccessKeyId, "/userIdentity/accessKeyId"),
        (Member::EventName, "/eventName"),
    ] {
        for i in [5, n / 2, n - 7] {
            let text = id(&records[i], k);
            let t = Instant::now();
            let f = stores
                .find(
                    &ev,
                    Find {
                        needles: vec![Needle { member: m, text }],
                        from_ms: i64::MIN,
                        to_ms: i64::MAX,
                        max: 50,
                        after: None,
                    },
                )
                .await
                .unwrap();
            println!("find {m:?}: {} in {:.2} ms", f.records.len(), t.elapsed().as_secs_f64() * 1e3);
        }
    }
}
