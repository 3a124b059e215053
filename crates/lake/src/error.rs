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
    if let Some(name) = text.strip_prefix("Column '").and_then(|rest| Some(rest.split_once("' cannot be resolved")?.0))
    {
        let mention = read.mentions.iter().rev().find(|mention| mention.name.split('.').any(|part| part == name));
        let rest = text.split_once("' cannot be resolved").map_or("", |(_, rest)| rest);
        let message = format!("Column '{}' cannot be resolved{rest}", mention.map_or(name, |mention| &mention.written));
        let error = QueryError::new(Kind::UnknownName, message);
        return match mention {
            Some(mention) => error.at(mention.position.line, mention.position.column),
            None => error,
        };
    }
    let between = |start: &str, end: &str| -> Option<String> {
        let (_, rest) = text.split_once(start)?;
        Some(rest.split_once(end)?.0.to_owned())
    };
    if let Some(name) = between("Ambiguous reference to unqualified field ", "\n").or_else(|| {
        text.split_once("Ambiguous reference to unqualified field ").map(|(_, name)| name.trim().to_owned())
    }) {
        let message = format!("Column '{}' is ambiguous", written(&name, read));
        return at_mention(QueryError::new(Kind::UnknownName, message), &name, read);
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
        let message =
            format!("'{}' must be an aggregate expression or appear in GROUP BY clause", written(&name, read));
        return at_mention(QueryError::new(Kind::Type, message), &name, read);
    }
    if text.contains("does not support logical expression") {
        let message =
            "this correlated subquery is not supported: join the tables, or compare columns that are no fields of rows";
        return QueryError::new(Kind::Syntax, message);
    }
    if let Some(message) = of_types(&text) {
        return QueryError::new(Kind::Type, message);
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
    let function = between("for function ", ":").or_else(|| between("function '", "'"));
    match function {
        Some(name) => at_mention(error, &name, read),
        None => error,
    }
}

/// What the engine calls types, and what Trino does.
const TYPES: &[(&str, &str)] = &[
    ("Timestamp(ms, \"UTC\")", "timestamp(3) with time zone"),
    ("Timestamp(ms)", "timestamp(3)"),
    ("Interval(MonthDayNano)", "interval"),
    ("LargeUtf8", "varchar"),
    ("Utf8View", "varchar"),
    ("Utf8", "varchar"),
    ("UInt64", "bigint"),
    ("Int64", "bigint"),
    ("Int32", "integer"),
    ("Float64", "double"),
    ("Boolean", "boolean"),
    ("Date32", "date"),
];

/// The text with Trino's names of types.
fn named(text: &str) -> String {
    TYPES.iter().fold(text.to_owned(), |text, (engine, trino)| text.replace(engine, trino))
}

/// Complaints about types, in Trino's words.
fn of_types(text: &str) -> Option<String> {
    let between = |start: &str, end: &str| -> Option<String> {
        let rest = text.split_once(start)?.1;
        let found = if end.is_empty() { rest.lines().next()? } else { rest.split_once(end)?.0 };
        Some(shortened(found))
    };
    let operators = [
        ("Cannot infer common argument type for comparison operation ", ""),
        ("Cannot infer common argument type for logical boolean operation ", ""),
        ("Cannot infer common argument type for regex operation ", ""),
        ("Cannot infer common argument type for operation ", ""),
        ("Cannot coerce arithmetic expression ", " to valid types"),
    ];
    if let Some(operator) = operators.iter().find_map(|(start, end)| between(start, end)) {
        return Some(format!("Cannot apply operator: {}", named(&operator)));
    }
    if text.contains("subquery should only return one column") {
        return Some("a subquery that is compared must have one column".to_owned());
    }
    if text.contains("Cannot create filter with non-boolean predicate") {
        let of = between("' returning ", "")?;
        return Some(format!("WHERE clause must evaluate to a boolean: actual type {}", named(&of)));
    }
    if let Some(value) = between("Error parsing timestamp from '", "'") {
        return Some(format!("Cannot cast '{value}' to TIMESTAMP(3)"));
    }
    let (value, rest) = text.split_once("Cannot cast string '")?.1.split_once("' to value of ")?;
    let of = rest.split_once(" type").map_or(rest, |(of, _)| of);
    Some(format!("Cannot cast '{}' to {}", shortened(value), named(of).to_uppercase()))
}

/// The name of a column that is not there.
fn unknown_column(text: &str) -> Option<String> {
    if let Some((_, rest)) = text.split_once("No field named ") {
        let ends = [". Valid fields", ". Did you", ".\n", "\n"].iter().filter_map(|end| rest.find(end)).min();
        let end = ends.unwrap_or(rest.len());
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
    // The name is right and what stands before it is wrong.
    let meant = meant.filter(|name| !name.eq_ignore_ascii_case(last));
    let meant = meant.map(|name| format!(". Did you mean '{name}'?")).unwrap_or_default();
    let error = QueryError::new(Kind::UnknownName, format!("Column '{written}' cannot be resolved{meant}"));
    match mention {
        Some(mention) => error.at(mention.position.line, mention.position.column),
        None => error,
    }
}

/// A name as it was written.
fn written<'a>(name: &'a str, read: &'a Read) -> &'a str {
    read.mention(name).map_or(name, |mention| mention.written.as_str())
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
    // The engine wraps what a function says of its arguments.
    let text = match text.split_once("user-defined coercion failed with: ") {
        Some((_, own)) => own
            .trim_start_matches("Error during planning: ")
            .split(". No function matches")
            .next()
            .unwrap_or(own)
            .to_owned(),
        None => text,
    };
    text.split("\n\nbacktrace").next().unwrap_or(&text).to_owned()
}

fn first_line(text: &str) -> String {
    shortened(text.lines().next().unwrap_or_default())
}
