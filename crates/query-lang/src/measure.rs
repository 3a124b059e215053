//! How long and how deep a statement may be, asked of its words before anything is built of them: a tree of any depth would have to
//! be walked, planned and freed by calls as deep.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::DEPTH_MAX;
use crate::error::{Kind, SqlError, place};

/// The most conditions in a row that AND and OR join, and the most operators in a row.
pub const CHAIN_MAX: usize = 1_000;

/// The most names and subscripts in one path: `a.b[1].c`.
const PATH_MAX: usize = 100;

/// The most queries that UNION and its like join.
const SETS_MAX: usize = 200;

/// What was counted between two brackets.
#[derive(Default)]
struct Level {
    conditions: usize,
    operators: usize,
    path: usize,
    sets: usize,
}

/// Refuses what is too deep.
pub(crate) fn measure(tokens: &[&TokenWithSpan]) -> Result<(), SqlError> {
    let mut levels = vec![Level::default()];
    for token in tokens {
        let refuse = |message: String| Err(SqlError::at(Kind::Syntax, place(token.span), message));
        let nested = levels.len() > 1;
        let Some(level) = levels.last_mut() else { return Ok(()) };
        match &token.token {
            Token::LParen | Token::LBracket => {
                if token.token == Token::LBracket {
                    level.path += 1;
                }
                levels.push(Level::default());
            }
            Token::RParen | Token::RBracket if nested => {
                levels.pop();
            }
            Token::Period => level.path += 1,
            Token::Comma => *level = Level { sets: level.sets, ..Level::default() },
            Token::Word(word) if word.quote_style.is_none() => match word.keyword {
                Keyword::AND | Keyword::OR => {
                    *level = Level { conditions: level.conditions + 1, sets: level.sets, ..Level::default() };
                }
                Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT => {
                    *level = Level { sets: level.sets + 1, ..Level::default() };
                }
                Keyword::SELECT
                | Keyword::FROM
                | Keyword::WHERE
                | Keyword::GROUP
                | Keyword::HAVING
                | Keyword::ORDER
                | Keyword::ON => {
                    *level = Level { sets: level.sets, ..Level::default() };
                }
                _ => {}
            },
            Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::Mod
            | Token::StringConcat
            | Token::Eq
            | Token::Neq
            | Token::Lt
            | Token::LtEq
            | Token::Gt
            | Token::GtEq => {
                level.operators += 1;
                level.path = 0;
            }
            _ => {}
        }
        if levels.len() > DEPTH_MAX {
            return refuse(format!("the statement is nested deeper than {DEPTH_MAX} levels"));
        }
        let Some(level) = levels.last() else { return Ok(()) };
        if level.conditions > CHAIN_MAX || level.operators > CHAIN_MAX {
            return refuse(format!(
                "more than {CHAIN_MAX} operators follow one another; IN takes any number of values"
            ));
        }
        if level.path > PATH_MAX {
            return refuse(format!("more than {PATH_MAX} names and subscripts follow one another"));
        }
        if level.sets > SETS_MAX {
            return refuse(format!("more than {SETS_MAX} queries are joined by UNION, EXCEPT or INTERSECT"));
        }
    }
    Ok(())
}
