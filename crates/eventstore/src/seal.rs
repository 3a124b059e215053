//! Sealing: the tails become parts, in one commit with the journal's cursor. Before it nothing has changed, and a crash repeats it all.

use std::sync::Arc;

use ports::{StoreId, Unavailable};
use state::{CommitInfo, Expect, Op};

use crate::encode::{Form, Input, encode};
use crate::part::Part;
use crate::rows::{self, CURSOR, CursorRow, ONLY, PARTS, STORES};
use crate::stores::{Fresh, Inner, Stores, failed};
use crate::tail::TailRow;
use crate::write::{self, Written};

/// The tails at one moment.
struct Plan {
    base: u64,
    cursor: CursorRow,
    tails: Vec<(StoreId, Vec<TailRow>)>,
}

impl Stores {
    /// Seals all tails. Durable when it returns.
    pub(crate) async fn seal(&self) -> Result<(), Unavailable> {
        let _sealing = self.sealing.lock().await;
        self.fresh().await?;
        let plan = self.plan();
        if plan.cursor.next == plan.base {
            return Ok(());
        }
        let begun_ms = self.env.clock.monotonic_ms();
        let mut parts = Vec::new();
        for (store, tail) in plan.tails {
            let came_at_ms = self.env.clock.now().ms();
            let written = worker::blocking(move || pack(&tail, came_at_ms)).await;
            let mut written = written.map_err(|error| failed("making a part", error))??;
            // A store that was removed meanwhile gets nothing.
            if self.inner().store(&store).is_err() {
                continue;
            }
            let encrypting = self.encrypting(&store).await?;
            written.row.encrypted = encrypting.row();
            written.row.journal_end = Some(plan.cursor.next);
            let fresh = self.new_part(&store);
            self.shelve(&fresh, &encrypting, written.columns, written.index).await?;
            parts.push((self.part(&store, &fresh.name, written.row), fresh));
        }
        let (base, cursor) = (plan.base, plan.cursor);
        let make = |inner: &Inner| {
            if inner.cursor.next != base {
                return Err(Unavailable("an earlier seal was committed after all; seal again".to_owned()));
            }
            let mut ops = vec![rows::put(CURSOR, ONLY, &cursor, inner.cursor_rev.into())];
            // A store that was removed meanwhile gets nothing.
            let kept: Vec<(Arc<Part>, Fresh<'_>)> =
                parts.into_iter().filter(|(part, _)| inner.stores.contains_key(&part.store)).collect();
            for (part, _) in &kept {
                ops.extend(new_part_ops(part));
            }
            Ok((ops, (cursor, kept)))
        };
        let apply = |inner: &mut Inner, info: CommitInfo, (cursor, kept): (CursorRow, Vec<(Arc<Part>, Fresh<'_>)>)| {
            for (index, (part, fresh)) in kept.into_iter().enumerate() {
                if let Some(store) = inner.stores.get_mut(&part.store) {
                    store.parts.insert(part.name.to_string(), (info.revs[1 + 2 * index], part));
                }
                fresh.keep();
            }
            for store in inner.stores.values_mut() {
                store.tail.forget_before(cursor.next);
            }
            // Rows that came while others were sealed wait from now on.
            let left = inner.stores.values().any(|store| !store.tail.rows.is_empty());
            inner.tail_since_ms = left.then(|| self.env.clock.monotonic_ms());
            (inner.cursor, inner.cursor_rev) = (cursor, Some(info.revs[0]));
        };
        self.commit(make, apply).await?;
        self.counts.sealed(self.env.clock.monotonic_ms().saturating_sub(begun_ms));
        Ok(())
    }

    fn plan(&self) -> Plan {
        let inner = self.inner();
        let full = inner.stores.iter().filter(|(_, store)| !store.tail.rows.is_empty());
        let tails = full.map(|(id, store)| (id.clone(), store.tail.rows.iter().cloned().collect())).collect();
        Plan { base: inner.cursor.next, cursor: CursorRow::new(inner.next, &inner.selection), tails }
    }
}

/// The rows of a new part, which comes only if its store is there.
pub(crate) fn new_part_ops(part: &Part) -> [Op; 2] {
    let key = rows::part_key(&part.store, &part.name);
    let check = Op::Check { table: STORES, key: part.store.as_str().into(), expect: Expect::Present };
    [rows::put(PARTS, key, &part.row, Expect::Absent), check]
}

fn pack(tail: &[TailRow], came_at_ms: i64) -> Result<Written, Unavailable> {
    let bad = |error: &dyn std::fmt::Display| failed("making a part", error);
    let inputs = tail.iter().map(|row| Input { json: &row.json, checksum: None });
    let batch = encode(inputs, Form::Stored).map_err(|error| bad(&error))?;
    let json_bytes = tail.iter().map(|row| row.json.len()).sum::<usize>();
    let hashes = tail.iter().map(|row| row.hash).collect();
    let json_bytes = u64::try_from(json_bytes).unwrap_or(u64::MAX);
    write::pack(&batch, hashes, json_bytes, came_at_ms).map_err(|error| bad(&error))
}
