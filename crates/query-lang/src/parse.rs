//! From text to one statement, or to an error that says where and what was expected. What does not read is refused here.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Query as Body, Select, SetExpr, Statement, Value, Visit, VisitMut, Visitor, VisitorMut};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::dialect::Trino;
use crate::error::{Kind, Position, SqlError, place};
use crate::{DEPTH_MAX, Dialect, Query, SQL_BYTES_MAX, ddl, literal, measure, nearest, rewrite, text};

/// Words that begin a statement or a part of one: what a misspelt word may have meant.
const WORDS: &[&str] = &[
    "AND",
    "BETWEEN",
    "CROSS",
    "DISTINCT",
    "EXCEPT",
    "EXISTS",
    "FETCH",
    "FROM",
    "GROUP",
    "HAVING",
    "INNER",
    "INTERSECT",
    "JOIN",
    "LEFT",
    "LIMIT",
    "OFFSET",
    "ORDER",
    "OUTER",
    "RIGHT",
    "SELECT",
    "UNION",
    "UNNEST",
    "VALUES",
    "WHERE",
    "WITH",
];

/// Statements that change something, or would run another one.
const CHANGING: &[&str] = &[
    "ALTER",
    "ANALYZE",
    "CALL",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DELETE",
    "DENY",
    "DROP",
    "EXECUTE",
    "GRANT",
    "INSERT",
    "MERGE",
    "MSCK",
    "OPTIMIZE",
    "PREPARE",
    "REFRESH",
    "RENAME",
    "REPLACE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SET",
    "START",
    "TRUNCATE",
    "UNLOAD",
    "UPDATE",
    "USE",
    "VACUUM",
];

/// Reads one statement. `parameters` take the place of `?`, in order.
pub fn parse(sql: &str, dialect: Dialect, parameters: &[String]) -> Result<Query, SqlError> {
    if sql.len() > SQL_BYTES_MAX {
        return Err(SqlError::at(Kind::Syntax, None, format!("the statement is longer than {SQL_BYTES_MAX} bytes")));
    }
    let prepared = text::prepare(sql);
    let tokens = Tokenizer::new(&Trino, &prepared.text)
        .tokenize_with_location()
        .map_err(|error| SqlError::at(Kind::Syntax, Some(Position::from(error.location)), error.message))?;
    let words: Vec<&TokenWithSpan> =
        tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF)).collect();
    let Some(first) = words.first() else {
        return Err(SqlError::at(Kind::Syntax, None, "the statement is empty. Expecting: SELECT, WITH, VALUES"));
    };
    if dialect == Dialect::Athena
        && let Some(definition) = ddl::definition(&words)?
    {
        return Ok(Query::Definition(definition));
    }
    refuse_changing(first)?;
    measure::measure(&words)?;
    let (tokens, types) = text::fold_types(tokens.clone());

    let mut parser = Parser::new(&Trino).with_recursion_limit(DEPTH_MAX).with_tokens_with_locations(tokens.clone());
    let mut statement = parser.parse_statement().map_err(|error| syntax(error, &tokens))?;
    while parser.consume_token(&Token::SemiColon) {}
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        let many = matches!(&rest.token, Token::Word(word) if matches!(word.keyword, Keyword::SELECT | Keyword::WITH))
            || CHANGING.iter().any(|word| rest.token.to_string().eq_ignore_ascii_case(word));
        let message = if many {
            "Only one statement can be run at a time".to_owned()
        } else {
            // A misspelt word was taken for an alias: what is wrong stands behind it.
            let is_before = |token: &&TokenWithSpan| {
                token.span.end <= rest.span.start && !matches!(token.token, Token::Whitespace(_))
            };
            let before = tokens.iter().rfind(is_before);
            let before = before.map(|token| token.token.to_string()).unwrap_or_default();
            match nearest(&before, WORDS.iter().copied()).filter(|word| !word.eq_ignore_ascii_case(&before)) {
                Some(word) => format!("mismatched input '{}'. Expecting: <EOF>. Did you mean '{word}'?", rest.token),
                None => mismatched(&rest.token.to_string(), "<EOF>"),
            }
        };
        return Err(SqlError::at(Kind::Syntax, place(rest.span), message));
    }
    let Statement::Query(_) = &statement else {
        return Err(SqlError::at(Kind::NotReading, place(first.span), not_reading(&first.token.to_string())));
    };
    let mut reading = Reading;
    if let ControlFlow::Break(error) = Visit::visit(&statement, &mut reading) {
        return Err(error);
    }
    fill(&mut statement, dialect, parameters)?;
    rewrite::rewrite(statement, &prepared.stores, &types).map(|read| Query::Read(Box::new(read)))
}

/// Refuses what begins like a change, whatever comes behind.
fn refuse_changing(first: &TokenWithSpan) -> Result<(), SqlError> {
    let word = first.token.to_string();
    let changing = CHANGING.iter().any(|changing| word.eq_ignore_ascii_case(changing));
    let telling = ["EXPLAIN", "SHOW", "DESCRIBE", "DESC"].iter().any(|telling| word.eq_ignore_ascii_case(telling));
    if changing || telling {
        return Err(SqlError::at(Kind::NotReading, place(first.span), not_reading(&word)));
    }
    let begins = ["SELECT", "WITH", "VALUES", "("].iter().any(|begins| word.eq_ignore_ascii_case(begins));
    if begins {
        return Ok(());
    }
    Err(SqlError::at(Kind::Syntax, place(first.span), mismatched(&word, "'SELECT', 'VALUES', 'WITH'")))
}

fn not_reading(word: &str) -> String {
    format!("{} is not supported: only SELECT statements are allowed", word.to_uppercase())
}

/// Trino's words for a wrong word, and the word that was perhaps meant.
fn mismatched(found: &str, expected: &str) -> String {
    let meant = nearest(found, WORDS.iter().copied()).filter(|word| !word.eq_ignore_ascii_case(found));
    let meant = meant.map(|word| format!(". Did you mean '{word}'?")).unwrap_or_default();
    format!("mismatched input '{found}'. Expecting: {expected}{meant}")
}

/// The parser's complaint, with the place in the user's text.
fn syntax(error: ParserError, tokens: &[TokenWithSpan]) -> SqlError {
    let (ParserError::TokenizerError(message) | ParserError::ParserError(message)) = error else {
        return SqlError::at(Kind::Syntax, None, format!("the statement is nested deeper than {DEPTH_MAX} levels"));
    };
    let (message, position) = match message.rsplit_once(" at Line: ") {
        Some((message, place)) => {
            let mut numbers = place.split(", Column: ").filter_map(|number| number.trim().parse::<u32>().ok());
            let position = numbers.next().zip(numbers.next()).map(|(line, column)| Position { line, column });
            (message.to_owned(), position)
        }
        None => {
            let end =
                tokens.iter().rev().find(|token| token.token != Token::EOF).map(|token| Position::from(token.span.end));
            (message, end)
        }
    };
    let message = match message.strip_prefix("Expected: ").and_then(|rest| rest.split_once(", found: ")) {
        Some((expected, found)) => {
            let found = if found == "EOF" { "<EOF>" } else { found };
            mismatched(found, expected)
        }
        None => message,
    };
    SqlError::at(Kind::Syntax, position, message)
}

/// Looks for what does not read, or is not Trino's, anywhere in the tree.
#[derive(Default)]
struct Reading;

impl Reading {
    fn refuse(position: Option<Position>, what: &str) -> ControlFlow<SqlError> {
        ControlFlow::Break(SqlError::at(Kind::Unsupported, position, format!("{what} is not supported")))
    }
}

impl Visitor for Reading {
    type Break = SqlError;

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<SqlError> {
        match statement {
            Statement::Query(_) => ControlFlow::Continue(()),
            _ => {
                let word = statement.to_string();
                let word = word.split_whitespace().next().unwrap_or_default();
                ControlFlow::Break(SqlError::at(Kind::NotReading, None, not_reading(word)))
            }
        }
    }

    fn pre_visit_query(&mut self, query: &Body) -> ControlFlow<SqlError> {
        if !query.locks.is_empty() {
            return ControlFlow::Break(SqlError::at(Kind::NotReading, None, not_reading("FOR UPDATE")));
        }
        if query.for_clause.is_some() || query.settings.is_some() || query.format_clause.is_some() {
            return Self::refuse(None, "FOR, SETTINGS or FORMAT after a query");
        }
        if !query.pipe_operators.is_empty() {
            return Self::refuse(None, "|>");
        }
        match query.body.as_ref() {
            SetExpr::Table(_) => Self::refuse(None, "TABLE"),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                ControlFlow::Break(SqlError::at(Kind::NotReading, None, not_reading("A statement that changes rows")))
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<SqlError> {
        let position = place(select.select_token.0.span);
        if select.into.is_some() {
            return ControlFlow::Break(SqlError::at(Kind::NotReading, position, not_reading("SELECT INTO")));
        }
        let strange = [
            (select.top.is_some(), "TOP"),
            (!select.lateral_views.is_empty(), "LATERAL VIEW"),
            (select.prewhere.is_some(), "PREWHERE"),
            (!select.connect_by.is_empty(), "CONNECT BY"),
            (
                !select.cluster_by.is_empty() || !select.distribute_by.is_empty() || !select.sort_by.is_empty(),
                "CLUSTER BY",
            ),
            (select.qualify.is_some(), "QUALIFY"),
            (select.projection.is_empty(), "SELECT without columns"),
            (select.exclude.is_some(), "EXCLUDE"),
        ];
        match strange.iter().find(|(is_there, _)| *is_there) {
            Some((_, what)) => Self::refuse(position, what),
            None => ControlFlow::Continue(()),
        }
    }
}

/// Puts parameters in the place of question marks.
fn fill(statement: &mut Statement, dialect: Dialect, parameters: &[String]) -> Result<(), SqlError> {
    struct Fill<'a> {
        dialect: Dialect,
        parameters: &'a [String],
        found: usize,
    }
    impl VisitorMut for Fill<'_> {
        type Break = ();
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            let is_mark =
                matches!(expr, Expr::Value(value) if matches!(&value.value, Value::Placeholder(mark) if mark == "?"));
            if is_mark {
                if let Some(text) = self.parameters.get(self.found) {
                    *expr = literal::parameter(text, self.dialect);
                }
                self.found += 1;
            }
            ControlFlow::Continue(())
        }
    }
    let mut fill = Fill { dialect, parameters, found: 0 };
    let _ = VisitMut::visit(statement, &mut fill);
    if fill.found == parameters.len() {
        return Ok(());
    }
    let message = format!("Incorrect number of parameters: expected {} but found {}", fill.found, parameters.len());
    Err(SqlError::at(Kind::Type, None, message))
}
