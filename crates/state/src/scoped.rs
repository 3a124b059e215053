//! [`Scoped`]: the tables of one account beside those of others, as if they were alone. Whoever has it reaches no row of another account.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;

use crate::ops::check_table;
use crate::{CommitInfo, Error, Op, Range, Row, State, TABLE_BYTES_MAX, Table};

/// What the tables of accounts begin with.
const FOLDER: &str = "of/";

/// Names of tables, made once each: as many as there are accounts times tables, which the number of accounts bounds.
static NAMES: LazyLock<Mutex<HashMap<(String, Table), Table>>> = LazyLock::new(Mutex::default);

/// See the module.
pub struct Scoped {
    state: Arc<dyn State>,
    account: String,
}

impl Scoped {
    /// The tables of an account (twelve digits).
    pub fn new(state: Arc<dyn State>, account: &str) -> Scoped {
        Scoped { state, account: account.to_owned() }
    }

    fn table(&self, table: Table) -> Table {
        if check_table(table).is_err() {
            // It is refused as what it is.
            return table;
        }
        let mut names = NAMES.lock().expect("no holder of this lock can panic");
        names.entry((self.account.clone(), table)).or_insert_with(|| {
            let name = format!("{FOLDER}{}/{table}", self.account);
            assert!(name.len() <= TABLE_BYTES_MAX, "{name} is too long for a table");
            Box::leak(name.into_boxed_str())
        })
    }
}

/// The name of a table as the account knows it.
fn plain(table: Table) -> Table {
    let rest = table.strip_prefix(FOLDER).and_then(|rest| rest.split_once('/'));
    rest.map_or(table, |(_, name)| name)
}

/// Errors name tables as the account knows them.
fn unscoped(error: Error) -> Error {
    match error {
        Error::Conflict { table, index, current } => Error::Conflict { table: plain(table), index, current },
        Error::BadTable { table } => Error::BadTable { table: plain(table) },
        Error::WrittenTwice { table, index } => Error::WrittenTwice { table: plain(table), index },
        Error::Document { table, source } => Error::Document { table: plain(table), source },
        other => other,
    }
}

#[async_trait]
impl State for Scoped {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, Error> {
        self.state.get(self.table(table), key).await.map_err(unscoped)
    }

    async fn scan(&self, table: Table, range: Range, limit: usize) -> Result<Vec<Row>, Error> {
        self.state.scan(self.table(table), range, limit).await.map_err(unscoped)
    }

    async fn commit(&self, ops: Vec<Op>) -> Result<CommitInfo, Error> {
        let scoped = |op| match op {
            Op::Put { table, key, value, expect } => Op::Put { table: self.table(table), key, value, expect },
            Op::Delete { table, key, expect } => Op::Delete { table: self.table(table), key, expect },
            Op::Check { table, key, expect } => Op::Check { table: self.table(table), key, expect },
        };
        self.state.commit(ops.into_iter().map(scoped).collect()).await.map_err(unscoped)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{Expect, Memory};

    #[tokio::test]
    async fn passes_the_conformance_suite() {
        crate::conformance::all(&Scoped::new(Arc::new(Memory::new()), "111111111111")).await;
    }

    #[tokio::test]
    async fn accounts_do_not_see_one_another() {
        let whole: Arc<dyn State> = Arc::new(Memory::new());
        let (one, two) =
            (Scoped::new(Arc::clone(&whole), "111111111111"), Scoped::new(Arc::clone(&whole), "222222222222"));
        let put = |value: &'static str| Op::Put {
            table: "t/rows",
            key: b"k".to_vec(),
            value: Bytes::from_static(value.as_bytes()),
            expect: Expect::Absent,
        };
        for (state, value) in [(&one as &dyn State, "1"), (&two, "2"), (&*whole, "0")] {
            state.commit(vec![put(value)]).await.unwrap();
        }
        for (state, value) in [(&one as &dyn State, "1"), (&two, "2"), (&*whole, "0")] {
            let rows = state.scan("t/rows", Range::all(), 10).await.unwrap();
            assert_eq!(rows.iter().map(|row| &row.value[..]).collect::<Vec<_>>(), [value.as_bytes()]);
        }
    }
}
