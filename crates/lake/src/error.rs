//! Errors of the engine, in the words of Trino, with the place in the user's text where it is known.

use datafusion::error::DataFusionError;
use ports::lake::{QueryError, QueryErrorKind as Kind};
use query_lang::{Read, SqlError};

/// How much of a value an error repeats.
const SHOWN_CHARS_MAX: usize = 200;

/// The beginning of a long text.
pub(crate) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// A refused statement.
pub(crate) fn of_sql(error: SqlError) -> QueryError {
    let kind = match error.kind {
        query_lang::Kind::Syntax | query_lang::Kind::Unsupported => Kind::Syntax,
        query_lang::Kind::UnknownName => Kind::UnknownName,
        query_lang::Kind::Type => Kind::Type,
        query_lang::Kind::NotReading => Kind::NotReading,
    };
    let refused = QueryError::new(kind, error.message);
    match error.position {
        Some(position) => refused.at(position.line, position.column),
        None => refused,
    }
}

/// A complaint of the engine about a statement. `names` are those that columns have.
pub(crate) fn of_engine(error: &DataFusionError, read: &Read, names: &[String]) -> QueryError {
    let text = plain_text(error);
    if let DataFusionError::ResourcesExhausted(_) = root(error) {
        return QueryError::new(
            Kind::TooMuchMemory,
            "Query exceeded the memory it may use. Select fewer columns, filter by eventTime, or group by fewer values",
        );
    }
    if let Some(name) = unknown_column(&text) {
        return unresolved(&name, read, names);
    }
    let between = |start: &str, end: &str| -> Option<String> {
        let (_, rest) = text.split_once(start)?;
        Some(rest.split_once(end)?.0.to_owned())
    };
    if let Some(name) = between("Ambiguous reference to unqualified field ", "\n").or_else(|| {
        text.split_once("Ambiguous reference to unqualified field ").map(|(_, name)| name.trim().to_owned())
    }) {
        return at_mention(QueryError::new(Kind::UnknownName, format!("Column '{name}' is ambiguous")), &name, read);
    }
    if text.contains("Divide by zero") || text.contains("DivideByZero") {
        return QueryError::new(Kind::Type, "Division by zero");
    }
    if text.contains("must be in the GROUP BY clause") || text.contains("must appear in the GROUP BY clause") {
        let name = between(
            "Column in SELECT must be in GROUP BY or an aggregate function: While expanding wildcard, column \"",
            "\"",
        )
        .or_else(|| between("column \"", "\""))
        .unwrap_or_default();
        let name = name.rsplit('.').next().unwrap_or_default().to_owned();
        let message = format!("'{name}' must be an aggregate expression or appear in GROUP BY clause");
        return at_mention(QueryError::new(Kind::Type, message), &name, read);
    }
    if text.contains("verflow") {
        return QueryError::new(Kind::Type, first_line(&text));
    }
    let kind = match root(error) {
        DataFusionError::Execution(_) | DataFusionError::Plan(_) | DataFusionError::ArrowError(..) => Kind::Type,
        DataFusionError::SchemaError(..) => Kind::UnknownName,
        DataFusionError::NotImplemented(_) => Kind::Syntax,
        _ => Kind::Internal,
    };
    let error = QueryError::new(kind, first_line(&text));
    // A function that complains of its arguments is named in the text.
    let function = between("function ", ":").or_else(|| between("function '", "'"));
    match function {
        Some(name) => at_mention(error, &name, read),
        None => error,
    }
}

/// The name of a column that is not there.
fn unknown_column(text: &str) -> Option<String> {
    if let Some((_, rest)) = text.split_once("No field named ") {
        let end = rest.find(". Valid fields").or_else(|| rest.find(". Did you")).unwrap_or(rest.len());
        let name = rest[..end].trim().trim_end_matches('.');
        return Some(name.replace('"', ""));
    }
    let (_, rest) = text.split_once("could not parse compound identifier from [")?;
    let (parts, _) = rest.split_once(']')?;
    Some(parts.split(", ").map(|part| part.trim_matches('"')).collect::<Vec<_>>().join("."))
}

/// Trino's complaint about a name, and the name that was perhaps meant.
fn unresolved(name: &str, read: &Read, names: &[String]) -> QueryError {
    let mention = read.mention(name).or_else(|| {
        let last = name.rsplit('.').next().unwrap_or(name);
        read.mention(last).or_else(|| read.mentions.iter().find(|mention| mention.name.ends_with(&format!(".{last}"))))
    });
    let written = mention.map_or(name, |mention| mention.written.as_str());
    let last = written.rsplit('.').next().unwrap_or(written);
    let meant = query_lang::nearest(last, names.iter().map(String::as_str));
    let meant = meant.map(|name| format!(". Did you mean '{name}'?")).unwrap_or_default();
    let error = QueryError::new(Kind::UnknownName, format!("Column '{written}' cannot be resolved{meant}"));
    match mention {
        Some(mention) => error.at(mention.position.line, mention.position.column),
        None => error,
    }
}

fn at_mention(error: QueryError, name: &str, read: &Read) -> QueryError {
    let last = name.rsplit('.').next().unwrap_or(name);
    match read.mention(name).or_else(|| read.mention(last)) {
        Some(mention) => error.at(mention.position.line, mention.position.column),
        None => error,
    }
}

/// The error below all wrappings.
fn root(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => root(inner),
        DataFusionError::Shared(inner) => root(inner),
        DataFusionError::Collection(all) => all.first().map_or(error, root),
        DataFusionError::External(inner) => match inner.downcast_ref::<DataFusionError>() {
            Some(inner) => root(inner),
            None => error,
        },
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            datafusion::arrow::error::ArrowError::ExternalError(inner) => match inner.downcast_ref::<DataFusionError>()
            {
                Some(inner) => root(inner),
                None => error,
            },
            _ => error,
        },
        _ => error,
    }
}

/// What the error says, without the engine's own words around it.
fn plain_text(error: &DataFusionError) -> String {
    let text = match root(error) {
        DataFusionError::Execution(text) | DataFusionError::Plan(text) | DataFusionError::NotImplemented(text) => {
            text.clone()
        }
        DataFusionError::ArrowError(inner, _) => inner.to_string(),
        DataFusionError::SchemaError(inner, _) => inner.to_string(),
        other => other.to_string(),
    };
    text.split("\n\nbacktrace").next().unwrap_or(&text).to_owned()
}

fn first_line(text: &str) -> String {
    shortened(text.lines().next().unwrap_or_default())
}
