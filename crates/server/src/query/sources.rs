//! What `--from` names: folders and files become the table of records, and tables of Parquet files with columns of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Env;
use lake::{Outside, ParquetFile, ParquetFiles};
use ports::StoreId;

use super::files::{Files, Found, Part};
use crate::commands::Failure;

/// A table of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// In lower case. Empty: records that have the dialect's own names.
    pub name: String,
    /// What it reads.
    pub store: StoreId,
    /// Whether it has the columns of records.
    pub records: bool,
}

/// All that can be asked.
#[derive(Default)]
pub struct Sources {
    /// What there is, by the names that the engine knows.
    pub outside: BTreeMap<StoreId, Outside>,
    /// The tables, those of records first.
    pub named: Vec<Named>,
    /// Those that tell what could not be read.
    files: Vec<Arc<Files>>,
    /// Files that could not even be opened.
    problems: Vec<String>,
}

impl Sources {
    /// Looks into all that the command line names.
    pub fn open(env: &Env, all: &[String]) -> Result<Sources, Failure> {
        let mut sources = Sources::default();
        let mut records: Vec<(String, Vec<Part>)> = Vec::new();
        let mut tables: Vec<(String, ParquetFiles)> = Vec::new();
        for (name, path) in all.iter().map(|text| source(text)) {
            let found = Found::below(env, &path)?;
            let mut parts: Vec<Part> = found.logs.into_iter().map(Part::Log).collect();
            let mut own: Vec<ParquetFiles> = Vec::new();
            for file in &found.parquet {
                match ParquetFile::open(env, file) {
                    Ok(opened) => take(Arc::new(opened), &mut own, &mut parts),
                    // Of a folder the rest can be asked; the one file that was named must be readable.
                    Err(problem) if *file == path => return Err(problem.into()),
                    Err(problem) => sources.problems.push(problem),
                }
            }
            if parts.is_empty() && own.is_empty() {
                return Err(sources.problems.join("\n").into());
            }
            let only = !name.is_empty() && parts.is_empty();
            if only && own.len() > 1 {
                let names: Vec<String> = own.iter().map(table_name).collect();
                return Err(format!(
                    "{} has {} tables with different columns ({}), which cannot all be called {name}: leave the name out",
                    path.display(),
                    own.len(),
                    names.join(", ")
                )
                .into());
            }
            tables.extend(own.into_iter().map(|table| (if only { name.clone() } else { table_name(&table) }, table)));
            if parts.is_empty() {
                continue;
            }
            match records.iter_mut().find(|(other, _)| *other == name) {
                None => records.push((name, parts)),
                // Several sources without a name are one table.
                Some((_, more)) if name.is_empty() => more.extend(parts),
                Some(_) => return Err(format!("two sources are called {name}").into()),
            }
        }
        sources.put(env, records, tables)?;
        Ok(sources)
    }

    /// No records: they have their columns all the same.
    pub fn none(env: &Env) -> Sources {
        let store = StoreId::events();
        let none = Outside::Records(Arc::new(Files::new(env.clone(), Vec::new())));
        let named = vec![Named { name: String::new(), store: store.clone(), records: true }];
        Sources { outside: BTreeMap::from([(store, none)]), named, ..Sources::default() }
    }

    fn put(
        &mut self,
        env: &Env,
        records: Vec<(String, Vec<Part>)>,
        tables: Vec<(String, ParquetFiles)>,
    ) -> Result<(), Failure> {
        let mut taken: BTreeSet<String> = BTreeSet::new();
        for (number, (name, parts)) in records.into_iter().enumerate() {
            let own = ["events".to_owned(), "cloudtrail_logs".to_owned()];
            taken.extend(if name.is_empty() { own.to_vec() } else { vec![name.clone()] });
            let store = StoreId::parse(&format!("from-{number}")).ok_or("too many sources")?;
            let files = Arc::new(Files::new(env.clone(), parts));
            self.files.push(files.clone());
            self.outside.insert(store.clone(), Outside::Records(files));
            self.named.push(Named { name, store, records: true });
        }
        for (number, (name, files)) in tables.into_iter().enumerate() {
            let store = StoreId::parse(&format!("table-{number}")).ok_or("too many tables")?;
            let name = free(&name, &taken);
            taken.insert(name.clone());
            self.outside.insert(store.clone(), Outside::Table(Arc::new(files)));
            self.named.push(Named { name, store, records: false });
        }
        Ok(())
    }

    /// What could not be read until now, a line each.
    pub fn problems(&self) -> BTreeSet<String> {
        let unopened = self.problems.iter().cloned();
        unopened.chain(self.files.iter().flat_map(|files| files.problems())).collect()
    }
}

/// Puts a Parquet file beside those with the same columns, and its rows among the records if they are some.
fn take(file: Arc<ParquetFile>, tables: &mut Vec<ParquetFiles>, parts: &mut Vec<Part>) {
    if !tables.iter_mut().any(|table| table.add(&file)) {
        tables.push(ParquetFiles::new(file.clone()));
    }
    if file.has_records() {
        parts.extend((0..file.row_groups()).map(|group| Part::Rows(file.clone(), group)));
        if file.row_groups() == 0 {
            // There is a table of records, if an empty one.
            parts.push(Part::Rows(file, 0));
        }
    }
}

/// A source as it is named on the command line.
fn source(text: &str) -> (String, PathBuf) {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    match text.split_once('=') {
        Some((name, path)) if is_name(name) && !Path::new(text).exists() => (name.to_lowercase(), PathBuf::from(path)),
        _ => (String::new(), PathBuf::from(text)),
    }
}

/// What a table of Parquet files is called: as its file without the ending, or as the folder that has all of them.
fn table_name(files: &ParquetFiles) -> String {
    let paths: Vec<&Path> = files.paths().collect();
    let name = match paths.as_slice() {
        [one] => one.file_stem(),
        [first, rest @ ..] => first
            .ancestors()
            .skip(1)
            .find(|folder| rest.iter().all(|path| path.starts_with(folder)))
            .and_then(Path::file_name),
        [] => None,
    };
    let plain: String = name
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' })
        .collect();
    match plain.chars().next() {
        None => "files".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("_{plain}"),
        Some(_) => plain,
    }
}

/// The name, or one made of it that no other table has.
fn free(name: &str, taken: &BTreeSet<String>) -> String {
    let numbered = (2..).map(|number: u64| format!("{name}_{number}"));
    let mut names = [name.to_owned(), format!("{name}_parquet")].into_iter().chain(numbered);
    names.find(|name| !taken.contains(name)).expect("there are more numbers than tables")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_may_have_names() {
        let check =
            |text: &str, name: &str, path: &str| assert_eq!(source(text), (name.to_owned(), PathBuf::from(path)));
        check("logs", "", "logs");
        check("Prod=logs/a", "prod", "logs/a");
        check("audit.prod=logs", "audit.prod", "logs");
        check("./a=b", "", "./a=b");
    }

    #[test]
    fn names_are_not_given_twice() {
        let taken = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(free("a", &taken(&["events"])), "a");
        assert_eq!(free("events", &taken(&["events"])), "events_parquet");
        assert_eq!(free("a", &taken(&["a", "a_parquet", "a_2"])), "a_3");
    }
}
