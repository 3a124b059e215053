//! The tables that statements may name, and what they stand for.

use ports::StoreId;
use ports::lake::{Dialect, EVENTS, QueryTable};

use super::sources::Named;

/// See the module.
pub struct Tables {
    dialect: Dialect,
    known: Vec<QueryTable>,
    /// What has the columns of records.
    records: Vec<StoreId>,
}

impl Tables {
    /// The tables of these sources.
    pub fn new(dialect: Dialect, sources: &[Named]) -> Tables {
        let own: &[&str] = match dialect {
            Dialect::Lake => &[EVENTS],
            Dialect::Athena => &["default.cloudtrail_logs", "default.events"],
        };
        let mut known = Vec::new();
        for Named { name, store, .. } in sources {
            let names = match (name.as_str(), dialect) {
                ("", _) => own.iter().map(|name| (*name).to_owned()).collect(),
                (name, Dialect::Athena) if !name.contains('.') => vec![format!("default.{name}")],
                (name, _) => vec![name.to_owned()],
            };
            known.extend(names.into_iter().map(|name| QueryTable { name, store: store.clone() }));
        }
        let records = sources.iter().filter(|source| source.records).map(|source| source.store.clone()).collect();
        Tables { dialect, known, records }
    }

    /// Those that have names.
    pub fn known(&self) -> &[QueryTable] {
        &self.known
    }

    /// Takes another name for the files, that a statement defines.
    pub fn define(&mut self, parts: &[String]) {
        let store = self.known.first().map(|table| table.store.clone());
        let name = match parts {
            [one] => format!("default.{one}"),
            more => more[more.len().saturating_sub(2)..].join("."),
        };
        if let Some(store) = store.filter(|_| self.known.iter().all(|table| table.name != name)) {
            self.known.push(QueryTable { name, store });
        }
    }

    /// The tables for a statement. Where there is but one table of records, the ID of any event data store is its name too: a statement
    /// that was written for Lake runs as it is.
    pub fn of(&self, read: &query_lang::Read) -> Vec<QueryTable> {
        let mut tables = self.known.clone();
        let [only] = self.records.as_slice() else { return tables };
        let is_id = |name: &str| name.split('-').count() >= 4;
        let ids = read.tables.iter().filter_map(|table| table.parts.last()).filter(|name| is_id(name));
        if self.dialect == Dialect::Lake {
            tables.extend(ids.map(|name| QueryTable { name: name.clone(), store: only.clone() }));
        }
        tables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_named_as_in_the_dialect() {
        let store = |number: u32| StoreId::parse(&format!("from-{number}")).unwrap();
        let source =
            |name: &str, number: u32, records: bool| Named { name: name.to_owned(), store: store(number), records };
        let names = |tables: &[QueryTable]| tables.iter().map(|table| table.name.clone()).collect::<Vec<_>>();
        let read = |sql: &str| match query_lang::parse(sql, query_lang::Dialect::Lake, &[]).unwrap() {
            query_lang::Query::Read(read) => read,
            query_lang::Query::Definition(_) => panic!("{sql}"),
        };
        let mut athena = Tables::new(Dialect::Athena, &[source("", 0, true), source("b", 1, true)]);
        athena.define(&["trail".to_owned()]);
        assert_eq!(names(&athena.known), ["default.cloudtrail_logs", "default.events", "default.b", "default.trail"]);
        assert_eq!(athena.known[3].store, store(0));
        let id = "0e12f3f4-5678-90ab-cdef-0123456789ab";
        let asked = read(&format!("SELECT 1 FROM events, {id}, other"));
        // A table of other columns beside does not make the ID doubtful.
        let one = Tables::new(Dialect::Lake, &[source("", 0, true), source("sums", 1, false)]);
        assert_eq!(names(&one.of(&asked)), ["events", "sums", id]);
        let two = Tables::new(Dialect::Lake, &[source("", 0, true), source("b", 1, true)]);
        assert_eq!(names(&two.of(&asked)), ["events", "b"]);
    }
}
