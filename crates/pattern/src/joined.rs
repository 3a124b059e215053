//! Conditions joined by `&&`, `||` and parentheses, whatever a condition is. `&&` binds tighter than `||`.

use crate::{PatternError, cursor::Cursor};

/// How deep parentheses may nest.
const DEPTH_MAX: usize = 128;

/// An expression as it was written.
#[derive(Clone, Debug)]
pub(crate) enum Expr<L> {
    All(Vec<Expr<L>>),
    Any(Vec<Expr<L>>),
    One(L),
}

impl<L> Expr<L> {
    /// Reads as much as there is of one; `leaf` reads a condition.
    pub fn parse(
        cursor: &mut Cursor<'_>,
        leaf: &impl Fn(&mut Cursor<'_>) -> Result<L, PatternError>,
    ) -> Result<Expr<L>, PatternError> {
        any(cursor, leaf, 0)
    }

    /// Whether it is true, if each condition is as `of` says.
    pub fn holds(&self, of: &impl Fn(&L) -> bool) -> bool {
        match self {
            Expr::All(parts) => parts.iter().all(|part| part.holds(of)),
            Expr::Any(parts) => parts.iter().any(|part| part.holds(of)),
            Expr::One(leaf) => of(leaf),
        }
    }

    /// Of how many conditions this is so.
    pub fn count(&self, of: &impl Fn(&L) -> bool) -> usize {
        match self {
            Expr::All(parts) | Expr::Any(parts) => parts.iter().map(|part| part.count(of)).sum(),
            Expr::One(leaf) => usize::from(of(leaf)),
        }
    }
}

fn any<L>(
    cursor: &mut Cursor<'_>,
    leaf: &impl Fn(&mut Cursor<'_>) -> Result<L, PatternError>,
    depth: usize,
) -> Result<Expr<L>, PatternError> {
    joined(cursor, "||", Expr::Any, |cursor| joined(cursor, "&&", Expr::All, |cursor| one(cursor, leaf, depth)))
}

fn joined<L>(
    cursor: &mut Cursor<'_>,
    sign: &str,
    join: fn(Vec<Expr<L>>) -> Expr<L>,
    part: impl Fn(&mut Cursor<'_>) -> Result<Expr<L>, PatternError>,
) -> Result<Expr<L>, PatternError> {
    let first = part(cursor)?;
    cursor.skip_space();
    if !cursor.rest().starts_with(sign) {
        return Ok(first);
    }
    let mut parts = vec![first];
    while cursor.eat(sign) {
        parts.push(part(cursor)?);
        cursor.skip_space();
    }
    Ok(join(parts))
}

fn one<L>(
    cursor: &mut Cursor<'_>,
    leaf: &impl Fn(&mut Cursor<'_>) -> Result<L, PatternError>,
    depth: usize,
) -> Result<Expr<L>, PatternError> {
    cursor.skip_space();
    let start = cursor.at();
    if !cursor.eat("(") {
        return leaf(cursor).map(Expr::One);
    }
    if depth == DEPTH_MAX {
        return Err(cursor.wrong_at(start, "parentheses nest too deeply"));
    }
    let inner = any(cursor, leaf, depth + 1)?;
    cursor.skip_space();
    if cursor.eat(")") { Ok(inner) } else { Err(cursor.wrong("')' was expected")) }
}
