//! What every implementation asks of operations and scans before it does them.

use std::collections::HashSet;

use crate::{
    COMMIT_BYTES_MAX, COMMIT_OPS_MAX, Error, Expect, KEY_BYTES_MAX, Op, SCAN_BYTES_MAX, SCAN_ROWS_MAX, TABLE_BYTES_MAX,
    Table, VALUE_BYTES_MAX,
};

impl Op {
    /// The table, the key and the expectation.
    pub(crate) fn target(&self) -> (Table, &[u8], Expect) {
        match self {
            Op::Put { table, key, expect, .. }
            | Op::Delete { table, key, expect }
            | Op::Check { table, key, expect } => (table, key, *expect),
        }
    }

    /// Whether it changes its row.
    pub(crate) fn writes(&self) -> bool {
        !matches!(self, Op::Check { .. })
    }
}

/// Refuses what is no table name.
pub(crate) fn check_table(table: Table) -> Result<(), Error> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_/".contains(&byte);
    if table.is_empty() || table.len() > TABLE_BYTES_MAX || !table.bytes().all(good) {
        return Err(Error::BadTable { table });
    }
    Ok(())
}

/// Refuses scans without bounds.
pub(crate) fn check_scan(table: Table, limit: usize) -> Result<(), Error> {
    check_table(table)?;
    at_most("the number of rows to scan", limit, SCAN_ROWS_MAX)
}

/// Refuses a page of rows that has grown too large to hand out.
pub(crate) fn check_scanned(bytes: usize) -> Result<(), Error> {
    at_most("the size in bytes of the rows scanned", bytes, SCAN_BYTES_MAX)
}

/// Refuses commits that pass a limit or contradict themselves.
pub(crate) fn check_commit(ops: &[Op]) -> Result<(), Error> {
    at_most("the number of operations in a commit", ops.len(), COMMIT_OPS_MAX)?;
    let mut bytes = 0;
    let mut written = HashSet::new();
    for (index, op) in ops.iter().enumerate() {
        let (table, key, _) = op.target();
        check_table(table)?;
        at_most("the size in bytes of a key", key.len(), KEY_BYTES_MAX)?;
        bytes += key.len();
        if let Op::Put { value, .. } = op {
            at_most("the size in bytes of a value", value.len(), VALUE_BYTES_MAX)?;
            bytes += value.len();
        }
        if ops.len() > 1 && op.writes() && !written.insert((table, key)) {
            return Err(Error::WrittenTwice { table, index });
        }
    }
    at_most("the size in bytes of a commit", bytes, COMMIT_BYTES_MAX)
}

fn at_most(what: &'static str, size: usize, max: usize) -> Result<(), Error> {
    if size > max { Err(Error::TooLarge { what, size, max }) } else { Ok(()) }
}
