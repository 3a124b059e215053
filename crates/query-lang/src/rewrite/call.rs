//! Calls: what the engine has under another name or in another shape. Everything else is a function of the crate that runs queries.

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident,
    ObjectName, OrderByExpr, OrderByOptions, Value, VisitMut,
};

use super::expr::Forgiving;
use super::{Rewriter, Step, build, stop};
use crate::Position;
use crate::error::Kind;
use crate::functions;

impl Rewriter<'_> {
    /// Rewrites a call, whose arguments are rewritten.
    pub(super) fn call(&mut self, name: &str, expr: &mut Expr, position: Option<Position>) -> Step {
        let Expr::Function(function) = expr else { return Step::Continue(()) };
        if matches!(function.args, FunctionArguments::None) {
            function.args = build::list(Vec::new());
        }
        if !matches!(function.parameters, FunctionArguments::None) {
            return stop(Kind::Syntax, position, format!("mismatched input '(' after {name}(…)"));
        }
        let args = plain_args(function);
        let wrong = |expected: &str| {
            let message = format!("Unexpected parameters for function {name}. Expected: {name}({expected})");
            stop(Kind::Type, position, message)
        };
        let rewritten = match (name, args.as_deref()) {
            ("if", Some([condition, yes])) => build::case(condition.clone(), yes.clone(), None),
            ("if", Some([condition, yes, no])) => build::case(condition.clone(), yes.clone(), Some(no.clone())),
            ("if", _) => return wrong("boolean, T, T"),
            ("try", Some([inner])) => {
                let mut inner = inner.clone();
                let _ = VisitMut::visit(&mut inner, &mut Forgiving);
                build::nested(inner)
            }
            ("try", _) => return wrong("T"),
            ("mod", Some([a, b])) => build::binary(a.clone(), BinaryOperator::Modulo, b.clone()),
            ("bitwise_and", Some([a, b])) => build::binary(a.clone(), BinaryOperator::BitwiseAnd, b.clone()),
            ("bitwise_or", Some([a, b])) => build::binary(a.clone(), BinaryOperator::BitwiseOr, b.clone()),
            ("bitwise_xor", Some([a, b])) => build::binary(a.clone(), BinaryOperator::BitwiseXor, b.clone()),
            ("bitwise_left_shift", Some([a, b])) => {
                build::binary(a.clone(), BinaryOperator::PGBitwiseShiftLeft, b.clone())
            }
            ("bitwise_right_shift", Some([a, b])) => {
                build::binary(a.clone(), BinaryOperator::PGBitwiseShiftRight, b.clone())
            }
            ("bitwise_not", Some([a])) => build::binary(build::number(-1), BinaryOperator::BitwiseXor, a.clone()),
            ("concat", Some(args)) if !args.is_empty() => build::call("trino_concat", args.to_vec()),
            ("greatest" | "least", Some(args)) if !args.is_empty() => {
                let Some(any_null) = build::any_null(args) else { return Step::Continue(()) };
                build::case(any_null, build::null(), Some(build::call(name, args.to_vec())))
            }
            ("all_match", Some([array, Expr::Lambda(lambda)]))
            | ("none_match", Some([array, Expr::Lambda(lambda)])) => {
                let mut lambda = lambda.clone();
                if name == "all_match" {
                    let body = std::mem::replace(lambda.body.as_mut(), build::null());
                    *lambda.body = not(build::nested(body));
                }
                not(build::call("array_any_match", vec![array.clone(), Expr::Lambda(lambda)]))
            }
            ("array_sort", Some([array])) => {
                build::call("array_sort", vec![array.clone(), build::text("ASC"), build::text("NULLS LAST")])
            }
            ("array_sort", _) => {
                return stop(Kind::Unsupported, position, "array_sort with a comparison of its own is not supported");
            }
            ("array_position", Some([array, element])) => build::call(
                "coalesce",
                vec![bigint(build::call("array_position", vec![array.clone(), element.clone()])), build::number(0)],
            ),
            ("length" | "char_length" | "character_length", Some([x])) => {
                bigint(build::call("length", vec![x.clone()]))
            }
            ("strpos", Some([x, what])) => bigint(build::call("strpos", vec![x.clone(), what.clone()])),
            ("levenshtein_distance", Some([a, b])) => bigint(build::call("levenshtein", vec![a.clone(), b.clone()])),
            ("map_filter" | "transform_keys" | "transform_values", Some([map, Expr::Lambda(lambda)])) => {
                match over_entries(name, map, lambda) {
                    Some(rewritten) => rewritten,
                    None => return wrong("map, (k, v) -> expression"),
                }
            }
            ("array_remove", Some([array, element])) => {
                build::call("array_remove_all", vec![array.clone(), element.clone()])
            }
            ("repeat", Some(args)) => build::call("trino_repeat", args.to_vec()),
            ("trim_array", Some([array, count])) => {
                let left = build::binary(
                    build::call("cardinality", vec![array.clone()]),
                    BinaryOperator::Minus,
                    count.clone(),
                );
                build::call("slice", vec![array.clone(), build::number(1), left])
            }
            ("sequence", Some(args)) => build::call("trino_sequence", args.to_vec()),
            ("row", Some(args)) if !args.is_empty() => build::call("trino_row", args.to_vec()),
            ("map", Some([])) => {
                build::call("trino_cast", vec![build::text("{}"), build::text("map(varchar,varchar)")])
            }
            ("date", Some([x])) => build::call("trino_cast", vec![x.clone(), build::text("date")]),
            (
                "year" | "quarter" | "month" | "week" | "week_of_year" | "day" | "day_of_month" | "day_of_week" | "dow"
                | "day_of_year" | "doy" | "year_of_week" | "yow" | "hour" | "minute" | "second" | "millisecond"
                | "timezone_hour" | "timezone_minute",
                Some([x]),
            ) => build::call("trino_part", vec![build::text(name), x.clone()]),
            ("current_timezone", Some([])) => build::text("UTC"),
            ("current_date", Some([])) => {
                build::call("trino_cast", vec![build::call("now", Vec::new()), build::text("date")])
            }
            ("localtimestamp", _) => {
                build::call("trino_cast", vec![build::call("now", Vec::new()), build::text("timestamp(3)")])
            }
            ("now" | "current_timestamp", _) => build::call("now", Vec::new()),
            ("e", Some([])) => build::call("exp", vec![Expr::value(Value::Number("1.0".to_owned(), false))]),
            ("infinity" | "nan", Some([])) => build::call("trino_cast", vec![build::text(name), build::text("double")]),
            ("is_finite", Some([x])) => build::binary(
                build::call("abs", vec![x.clone()]),
                BinaryOperator::Lt,
                build::call("trino_cast", vec![build::text("infinity"), build::text("double")]),
            ),
            ("is_infinite", Some([x])) => build::binary(
                build::call("abs", vec![x.clone()]),
                BinaryOperator::Eq,
                build::call("trino_cast", vec![build::text("infinity"), build::text("double")]),
            ),
            ("replace", Some([x, what])) => build::call("replace", vec![x.clone(), what.clone(), build::text("")]),
            ("to_utf8", Some([x])) => build::call("trino_cast", vec![x.clone(), build::text("varbinary")]),
            ("to_base64", Some([x])) => build::call("encode", vec![x.clone(), build::text("base64pad")]),
            ("to_hex", Some([x])) => {
                build::call("upper", vec![build::call("encode", vec![x.clone(), build::text("hex")])])
            }
            ("md5" | "sha256" | "sha512", Some([x])) => build::call("digest", vec![x.clone(), build::text(name)]),
            _ => return self.aggregate(name, expr, args, position),
        };
        *expr = rewritten;
        Step::Continue(())
    }

    /// Aggregates in another shape; what is left only changes its name.
    fn aggregate(&mut self, name: &str, expr: &mut Expr, args: Option<Vec<Expr>>, position: Option<Position>) -> Step {
        let Expr::Function(function) = expr else { return Step::Continue(()) };
        match (name, args.as_deref()) {
            ("count_if", Some([condition])) => {
                reshape(function, "count", vec![build::case(condition.clone(), build::number(1), None)]);
            }
            ("approx_distinct", Some([x, ..])) => reshape(function, "approx_distinct", vec![x.clone()]),
            ("approx_percentile", Some([_, Expr::Array(_)])) => {
                return stop(Kind::Unsupported, position, "approx_percentile takes one percentage at a time");
            }
            ("approx_percentile", Some([x, percentage])) => {
                reshape(function, "approx_percentile_cont", vec![x.clone(), percentage.clone()]);
            }
            ("approx_percentile", Some([x, weight, percentage])) => {
                let args = vec![x.clone(), weight.clone(), percentage.clone()];
                reshape(function, "approx_percentile_cont_with_weight", args);
            }
            ("arbitrary" | "any_value", Some([x])) => {
                let x = x.clone();
                only_where(function, Expr::IsNotNull(Box::new(x.clone())));
                reshape(function, "first_value", vec![x]);
            }
            ("max_by" | "min_by", Some([x, by])) => {
                if function.over.is_some() {
                    return stop(Kind::Unsupported, position, format!("{name} is not supported as a window function"));
                }
                let (x, by) = (x.clone(), by.clone());
                only_where(function, Expr::IsNotNull(Box::new(by.clone())));
                reshape(function, "first_value", vec![x]);
                order(function, by, name == "min_by");
            }
            ("max_by" | "min_by", Some([x, by, count])) => {
                let (x, by, count) = (x.clone(), by.clone(), count.clone());
                only_where(function, Expr::IsNotNull(Box::new(by.clone())));
                reshape(function, "array_agg", vec![x]);
                order(function, by, name == "min_by");
                *expr = build::call("slice", vec![expr.clone(), build::number(1), count]);
            }
            ("histogram", Some([x])) => {
                let x = x.clone();
                only_where(function, Expr::IsNotNull(Box::new(x.clone())));
                reshape(function, "array_agg", vec![x]);
                *expr = build::call("trino_count_values", vec![expr.clone()]);
            }
            ("map_agg" | "multimap_agg", Some([key, value])) => {
                let (key, value) = (key.clone(), value.clone());
                only_where(function, Expr::IsNotNull(Box::new(key.clone())));
                let mut values = function.clone();
                reshape(function, "array_agg", vec![key]);
                reshape(&mut values, "array_agg", vec![value]);
                let into = if name == "map_agg" { "trino_map_of" } else { "trino_multimap_of" };
                *expr = build::call(into, vec![expr.clone(), Expr::Function(values)]);
            }
            ("set_agg", Some([x])) => {
                let x = x.clone();
                reshape(function, "array_agg", vec![x]);
                if let FunctionArguments::List(list) = &mut function.args {
                    list.duplicate_treatment = Some(sqlparser::ast::DuplicateTreatment::Distinct);
                }
            }
            ("geometric_mean", Some([x])) => {
                let x = build::call("ln", vec![x.clone()]);
                reshape(function, "avg", vec![x]);
                *expr = build::call("exp", vec![expr.clone()]);
            }
            ("listagg", Some([x, ..])) => {
                let (x, separator) = (x.clone(), args.as_deref().and_then(|args| args.get(1)).cloned());
                let by = std::mem::take(&mut function.within_group);
                reshape(function, "array_agg", vec![x.clone()]);
                only_where(function, Expr::IsNotNull(Box::new(x)));
                if let FunctionArguments::List(list) = &mut function.args {
                    list.clauses.retain(|clause| !matches!(clause, FunctionArgumentClause::OnOverflow(_)));
                    if !by.is_empty() {
                        list.clauses.push(FunctionArgumentClause::OrderBy(by));
                    }
                }
                let separator = separator.unwrap_or_else(|| build::text(""));
                *expr = build::call("array_join", vec![expr.clone(), separator]);
            }
            _ => {
                if let Some((_, engine)) = functions::RENAMED.iter().find(|(trino, _)| *trino == name) {
                    function.name = ObjectName::from(vec![Ident::new(*engine)]);
                } else {
                    function.name = ObjectName::from(vec![Ident::new(name)]);
                }
            }
        }
        Step::Continue(())
    }
}

/// The arguments, if all are plain expressions.
fn plain_args(function: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    list.args
        .iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        })
        .collect()
}

/// Another function with other arguments; DISTINCT, FILTER, OVER and ORDER BY stay.
fn reshape(function: &mut Function, name: &str, args: Vec<Expr>) {
    function.name = ObjectName::from(vec![Ident::new(name)]);
    if let FunctionArguments::List(list) = &mut function.args {
        list.args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    }
}

/// Adds a condition to FILTER.
fn only_where(function: &mut Function, condition: Expr) {
    function.filter = Some(Box::new(match function.filter.take() {
        Some(before) => build::binary(*before, BinaryOperator::And, condition),
        None => condition,
    }));
}

/// Orders what an aggregate sees.
fn order(function: &mut Function, by: Expr, ascending: bool) {
    let by = OrderByExpr {
        expr: by,
        options: OrderByOptions { asc: Some(ascending), nulls_first: Some(false) },
        with_fill: None,
    };
    if let FunctionArguments::List(list) = &mut function.args {
        list.clauses.push(FunctionArgumentClause::OrderBy(vec![by]));
    }
}

fn bigint(expr: Expr) -> Expr {
    build::call("trino_cast", vec![expr, build::text("bigint")])
}

/// A lambda over keys and values of a map, as one over its entries.
fn over_entries(name: &str, map: &Expr, lambda: &sqlparser::ast::LambdaFunction) -> Option<Expr> {
    const ENTRY: &str = "$entry";
    let sqlparser::ast::OneOrManyWithParens::Many(params) = &lambda.params else { return None };
    let [key, value] = params.as_slice() else { return None };
    let field = |number: usize| {
        let args = vec![Expr::Identifier(build::ident(ENTRY)), build::text(format!("field{number}"))];
        build::call("trino_field", args)
    };
    let mut body = lambda.body.as_ref().clone();
    let mut fields = Parameters { fields: [(&key.name.value, field(0)), (&value.name.value, field(1))] };
    let _ = VisitMut::visit(&mut body, &mut fields);
    let mut of_entry = lambda.clone();
    let mut entry = key.clone();
    entry.name = build::ident(ENTRY);
    of_entry.params = sqlparser::ast::OneOrManyWithParens::One(entry);
    let (function, body) = match name {
        "map_filter" => ("array_filter", body),
        "transform_keys" => ("array_transform", build::call("trino_row", vec![body, field(1)])),
        _ => ("array_transform", build::call("trino_row", vec![field(0), body])),
    };
    *of_entry.body = body;
    let entries = build::call("map_entries", vec![map.clone()]);
    Some(build::call("map_from_entries", vec![build::call(function, vec![entries, Expr::Lambda(of_entry)])]))
}

/// Puts fields in the place of a lambda's parameters.
struct Parameters<'a> {
    fields: [(&'a String, Expr); 2],
}

impl sqlparser::ast::VisitorMut for Parameters<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> std::ops::ControlFlow<()> {
        if let Expr::Identifier(ident) = expr
            && let Some((_, field)) = self.fields.iter().find(|(name, _)| **name == ident.value)
        {
            *expr = field.clone();
        }
        std::ops::ControlFlow::Continue(())
    }
}

fn not(expr: Expr) -> Expr {
    Expr::UnaryOp { op: sqlparser::ast::UnaryOperator::Not, expr: Box::new(expr) }
}
