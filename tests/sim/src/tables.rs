//! The tables of a world: `state::Memory`, which survives everything, behind time, failures and crashes. A commit that a crash meets
//! was made or not, whole in either case.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use objects::Objects;
use state::{CommitInfo, Error, Expect, Memory, Op, Range, Row, State, Table};

use crate::chance::Chance;
use crate::faults::{Fate, Faults};
use crate::plants::Plant;
use crate::witness::Witness;

const CURSOR: Table = "cloudtrail/delivery";
const OUTBOX: Table = "cloudtrail/outbox";
const DELIVERED: Table = "cloudtrail/delivered";
const EVENTS_CURSOR: Table = "lake/cursor";
const EVENTS_PARTS: Table = "lake/parts";
const S3_OBJECTS: Table = "s3/objects";
const USERS: Table = "iam/users";

/// See the module.
pub(crate) struct SimTables {
    tables: Memory,
    blobs: objects::Memory,
    faults: Arc<Faults>,
    witness: Arc<Witness>,
    chance: Chance,
    plant: Option<Plant>,
}

impl SimTables {
    pub(crate) fn new(
        tables: Memory,
        blobs: objects::Memory,
        faults: Arc<Faults>,
        witness: Arc<Witness>,
        seed: u64,
        plant: Option<Plant>,
    ) -> SimTables {
        SimTables { tables, blobs, faults, witness, chance: Chance::part(seed, "tables"), plant }
    }

    /// Counts an access; never returns once the power is gone.
    async fn access(&self) {
        if !self.faults.access() {
            std::future::pending::<()>().await;
        }
    }

    async fn before_read(&self) -> Result<(), Error> {
        self.access().await;
        if self.chance.one_in(8) {
            self.faults.tables_time().await;
            self.access().await;
        }
        match self.faults.of_tables(false) {
            Fate::Go => Ok(()),
            Fate::Full | Fate::Fail | Fate::DoAndFail => Err(failed("reading")),
        }
    }

    /// A bug: the first log file of a cut is in the outbox twice, under two names.
    async fn doubled(&self, ops: &mut Vec<Op>) {
        let first = ops.iter().find_map(|op| match op {
            Op::Put { table, value, .. } if *table == OUTBOX => Some(value.clone()),
            _ => None,
        });
        let Some(mut file) = first.and_then(|value| serde_json::from_slice::<serde_json::Value>(&value).ok()) else {
            return;
        };
        let text = |name: &str| file[name].as_str().unwrap_or_default().to_owned();
        let (object, key, arn, region) = (text("object"), text("key"), text("arn"), text("region"));
        let Ok(reader) = self.blobs.get(&object, None).await else { return };
        let (Ok(bytes), other) = (reader.bytes(1 << 30).await, format!("{object}-2")) else { return };
        if self.blobs.put(&other, bytes).await.is_ok() {
            let seq = file["first_seq"].as_u64().unwrap_or(0) + 1_000_000;
            let turned = key.replace(".json.gz", "").chars().rev().take(16).collect::<String>();
            let start = key.len() - ".json.gz".len() - 16;
            file["object"] = other.into();
            file["first_seq"] = seq.into();
            file["key"] = format!("{}{turned}.json.gz", &key[..start]).into();
            let row = state::key::key(&[&arn, &format!("{seq:016x}"), &region]);
            ops.push(Op::Put { table: OUTBOX, key: row, value: file.to_string().into(), expect: Expect::Any });
        }
    }

    /// Changes the operations as a bug would. True if it forgets them all.
    fn planted(&self, ops: &mut Vec<Op>) -> bool {
        let drop_from = |ops: &mut Vec<Op>, table: Table| ops.retain(|op| !(is_put(op) && table_of(op) == table));
        match self.plant {
            Some(Plant::CursorLost) => {
                for op in ops.iter_mut() {
                    if let Op::Put { table, expect, .. } = op
                        && *table == CURSOR
                    {
                        *expect = Expect::Any;
                    }
                }
                let has_files = ops.iter().any(|op| is_put(op) && table_of(op) == OUTBOX);
                if has_files && self.chance.one_in(3) {
                    drop_from(ops, CURSOR);
                }
            }
            Some(Plant::DigestRowLost) if self.chance.one_in(4) => drop_from(ops, DELIVERED),
            Some(Plant::OutboxLost) if self.chance.one_in(4) => drop_from(ops, OUTBOX),
            Some(Plant::EventsLost) => {
                let seals = ops.iter().any(|op| is_put(op) && table_of(op) == EVENTS_CURSOR);
                if seals && self.chance.one_in(3) {
                    drop_from(ops, EVENTS_PARTS);
                }
            }
            Some(Plant::EventsTwice) => {
                ops.retain(|op| !(matches!(op, Op::Delete { .. }) && table_of(op) == EVENTS_PARTS));
            }
            Some(Plant::MergeLost) => {
                let merges = ops.iter().any(|op| matches!(op, Op::Delete { .. }) && table_of(op) == EVENTS_PARTS);
                if merges && self.chance.one_in(3) {
                    drop_from(ops, EVENTS_PARTS);
                }
            }
            Some(Plant::ImportLost) => {
                let appends = ops.iter().any(|op| is_put(op) && table_of(op) == EVENTS_PARTS)
                    && !ops.iter().any(|op| matches!(op, Op::Delete { .. }) || table_of(op) == EVENTS_CURSOR);
                if appends && self.chance.one_in(2) {
                    drop_from(ops, EVENTS_PARTS);
                }
            }
            Some(Plant::RetentionEarly) => {
                for op in ops.iter_mut() {
                    if let Op::Put { table, value, .. } = op
                        && *table == EVENTS_PARTS
                        && let Ok(mut part) = serde_json::from_slice::<serde_json::Value>(value)
                    {
                        part["newest_ms"] = part["oldest_ms"].clone();
                        *value = part.to_string().into();
                    }
                }
            }
            Some(Plant::CommitLost) => {
                let touches = ops.iter().any(|op| table_of(op) == S3_OBJECTS);
                return touches && self.chance.one_in(8);
            }
            _ => {}
        }
        false
    }
}

fn failed(doing: &str) -> Error {
    Error::Storage { doing: doing.to_owned(), source: Arc::new(io::Error::other("the simulated tables failed")) }
}

fn is_put(op: &Op) -> bool {
    matches!(op, Op::Put { .. })
}

fn table_of(op: &Op) -> Table {
    match op {
        Op::Put { table, .. } | Op::Delete { table, .. } | Op::Check { table, .. } => table,
    }
}

#[async_trait]
impl State for SimTables {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, Error> {
        self.before_read().await?;
        self.tables.get(table, key).await
    }

    async fn scan(&self, table: Table, range: Range, limit: usize) -> Result<Vec<Row>, Error> {
        self.before_read().await?;
        let mut rows = self.tables.scan(table, range, limit).await?;
        if self.plant == Some(Plant::DoorOpen) && table == USERS {
            for row in &mut rows {
                let text = String::from_utf8_lossy(&row.value);
                let open =
                    text.replace(r#""policies":[]"#, r#""policies":["arn:aws:iam::aws:policy/AdministratorAccess"]"#);
                row.value = open.into_bytes().into();
            }
        }
        Ok(rows)
    }

    async fn commit(&self, ops: Vec<Op>) -> Result<CommitInfo, Error> {
        self.access().await;
        self.faults.tables_time().await;
        self.access().await;
        let writes = ops.iter().any(|op| !matches!(op, Op::Check { .. }));
        let fate = self.faults.of_tables(writes);
        match fate {
            Fate::Go | Fate::DoAndFail => {}
            Fate::Full => return Err(Error::Full),
            Fate::Fail => return Err(failed("committing")),
        }
        if self.plant == Some(Plant::DeliveryStuck)
            && ops.iter().any(|op| matches!(op, Op::Delete { .. }) && table_of(op) == OUTBOX)
        {
            return Err(failed("committing"));
        }
        let count = ops.len();
        let mut made = ops;
        if self.planted(&mut made) {
            return Ok(CommitInfo { revs: vec![1; count] });
        }
        let shown = made.clone();
        if self.plant == Some(Plant::FileTwice) && self.chance.one_in(3) {
            self.doubled(&mut made).await;
        }
        let info = self.tables.commit(made).await?;
        self.witness.committed(&shown);
        // From here on the change is there, whoever learns of it.
        self.access().await;
        if self.chance.one_in(4) {
            self.faults.tables_time().await;
            self.access().await;
        }
        if fate == Fate::DoAndFail {
            return Err(failed("committing"));
        }
        let mut revs = info.revs;
        // A bug that dropped operations must not be seen by the length of the answer.
        while revs.len() < count {
            revs.insert(0, 1);
        }
        revs.truncate(count);
        Ok(CommitInfo { revs })
    }
}
