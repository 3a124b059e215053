//! A filter policy out of its JSON text, within AWS's limits.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::{Comparison, Field, Filter, Group, Scope, Test};

/// The largest policy. Source: SNS developer guide, "Filter policy constraints".
const POLICY_BYTES_MAX: usize = 256 << 10;
/// Keys of a policy. Source: the same.
const KEYS_MAX: usize = 5;
/// The product of how many values each key has. Source: the same.
const COMBINATIONS_MAX: u64 = 150;
/// The largest number, either side of zero. Source: the same.
const NUMBER_MAX: f64 = 1e9;
/// How deep keys lie in keys: more than any message has that a person wrote.
const DEPTH_MAX: u64 = 32;

type Result<T> = std::result::Result<T, String>;

impl Filter {
    /// Reads a policy. What is wrong with it is told in AWS's words.
    pub fn parse(text: &str, scope: Scope) -> Result<Filter> {
        if text.len() > POLICY_BYTES_MAX {
            return Err("FilterPolicy: Filter policy is too large".to_owned());
        }
        let root: Value = serde_json::from_str(text).map_err(|_| "FilterPolicy: failed to parse JSON.".to_owned())?;
        let Value::Object(root) = root else {
            return Err("FilterPolicy: Filter policy must be an object".to_owned());
        };
        let mut reader = Reader { scope, keys: 0 };
        let (all, combinations) = reader.group(&root, 1)?;
        if reader.keys > KEYS_MAX {
            return Err("FilterPolicy: Filter policy can not have more than 5 keys".to_owned());
        }
        if combinations > COMBINATIONS_MAX {
            return Err("FilterPolicy: Filter policy is too complex".to_owned());
        }
        Ok(Filter { scope, all })
    }
}

struct Reader {
    scope: Scope,
    keys: usize,
}

impl Reader {
    /// A group, and how many combinations of values it has.
    fn group(&mut self, object: &Map<String, Value>, depth: u64) -> Result<(Group, u64)> {
        if depth > DEPTH_MAX {
            return Err("FilterPolicy: Filter policy is too complex".to_owned());
        }
        let mut group = Group::default();
        let mut combinations = 1_u64;
        for (name, value) in object {
            if let Some(alternatives) = alternatives(name, value) {
                let mut groups = Vec::new();
                let mut sum = 0_u64;
                for alternative in alternatives {
                    let (one, count) = self.group(alternative, depth)?;
                    groups.push(one);
                    sum = sum.saturating_add(count);
                }
                combinations = combinations.saturating_mul(sum);
                group.alternatives.push(groups);
                continue;
            }
            if depth == 1 {
                self.keys += 1;
            }
            match value {
                Value::Object(below) => {
                    if self.scope == Scope::Attributes {
                        return Err(
                            "Filter policy scope MessageAttributes does not support nested filter policy".to_owned()
                        );
                    }
                    if below.is_empty() {
                        return Err("FilterPolicy: Empty objects are not allowed".to_owned());
                    }
                    let (below, count) = self.group(below, depth + 1)?;
                    combinations = combinations.saturating_mul(count);
                    group.fields.push((name.clone(), Field::Below(below)));
                }
                Value::Array(tests) => {
                    if tests.is_empty() {
                        return Err("FilterPolicy: Empty arrays are not allowed".to_owned());
                    }
                    let level = if self.scope == Scope::Body { depth } else { 1 };
                    combinations = combinations.saturating_mul(tests.len() as u64).saturating_mul(level);
                    let tests = tests.iter().map(test).collect::<Result<_>>()?;
                    group.fields.push((name.clone(), Field::Any(tests)));
                }
                _ => return Err(format!("FilterPolicy: \"{name}\" must be an object or an array")),
            }
        }
        Ok((group, combinations))
    }
}

/// The groups of an `$or`. One whose value is something else is a key of that name. Source: the developer guide, "AND/OR logic".
fn alternatives<'v>(name: &str, value: &'v Value) -> Option<Vec<&'v Map<String, Value>>> {
    const RESERVED: [&str; 8] =
        ["anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard"];
    let list = value.as_array().filter(|list| name == "$or" && list.len() >= 2)?;
    let groups: Vec<_> = list.iter().filter_map(Value::as_object).collect();
    let is_plain = groups.len() == list.len()
        && groups.iter().all(|group| !group.is_empty() && group.keys().all(|key| !RESERVED.contains(&key.as_str())));
    is_plain.then_some(groups)
}

fn test(value: &Value) -> Result<Test> {
    match value {
        Value::Object(rule) => operator(rule),
        other => literal(other),
    }
}

fn literal(value: &Value) -> Result<Test> {
    Ok(match value {
        Value::String(text) => Test::Text(text.clone()),
        Value::Number(_) => Test::Number(number(value, "=")?),
        Value::Bool(value) => Test::Bool(*value),
        Value::Null => Test::Null,
        Value::Array(_) | Value::Object(_) => {
            return Err("FilterPolicy: Match value must be String, number, true, false, or null".to_owned());
        }
    })
}

fn operator(rule: &Map<String, Value>) -> Result<Test> {
    let mut members = rule.iter();
    let (Some((name, value)), None) = (members.next(), members.next()) else {
        return Err("FilterPolicy: Only one key allowed in match expression".to_owned());
    };
    let text = || match value {
        Value::String(text) => Ok(text.clone()),
        _ => Err(format!("FilterPolicy: {name} match pattern must be a string")),
    };
    Ok(match name.as_str() {
        "prefix" => Test::Prefix(text()?),
        "suffix" => Test::Suffix(text()?),
        "equals-ignore-case" => Test::IgnoringCase(text()?.to_lowercase()),
        "exists" => match value {
            Value::Bool(value) => Test::Exists(*value),
            _ => return Err("FilterPolicy: exists match pattern must be either true or false.".to_owned()),
        },
        "cidr" => cidr(&text()?)?,
        "numeric" => numeric(value)?,
        "anything-but" => Test::AnythingBut(anything_but(value)?),
        other => return Err(format!("FilterPolicy: Unrecognized match type {other}")),
    })
}

fn anything_but(value: &Value) -> Result<Vec<Test>> {
    match value {
        Value::Array(list) if list.is_empty() => Err("FilterPolicy: Empty arrays are not allowed".to_owned()),
        Value::Array(list) => list.iter().map(literal).collect(),
        Value::Object(rule) => match operator(rule)? {
            inner @ (Test::Prefix(_) | Test::Suffix(_) | Test::IgnoringCase(_)) => Ok(vec![inner]),
            _ => Err("FilterPolicy: Unsupported anything-but pattern".to_owned()),
        },
        one => Ok(vec![literal(one)?]),
    }
}

fn cidr(text: &str) -> Result<Test> {
    let malformed = || format!("FilterPolicy: Malformed CIDR, one '/' required: {text}");
    let (address, bits) = text.split_once('/').ok_or_else(malformed)?;
    let address: IpAddr = address.parse().map_err(|_| format!("FilterPolicy: Malformed IP address: {address}"))?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.parse().ok().filter(|bits| *bits <= most);
    Ok(Test::Cidr(
        address,
        bits.ok_or_else(|| format!("FilterPolicy: Malformed CIDR, mask bits must be an integer: {text}"))?,
    ))
}

fn number(value: &Value, operator: &str) -> Result<f64> {
    let number = value.as_f64().ok_or_else(|| format!("FilterPolicy: Value of {operator} must be numeric"))?;
    if number.abs() > NUMBER_MAX {
        return Err(format!("FilterPolicy: Value of {operator} must be between -1.0E9 and 1.0E9, inclusive"));
    }
    Ok(number)
}

fn numeric(value: &Value) -> Result<Test> {
    let Value::Array(parts) = value else {
        return Err("FilterPolicy: Value of numeric must be an array.".to_owned());
    };
    let mut comparisons = Vec::new();
    let mut parts = parts.iter();
    while let Some(operator) = parts.next() {
        let Some(operator) = operator.as_str() else {
            return Err(format!("FilterPolicy: Invalid member in numeric match: {operator}"));
        };
        let comparison = match operator {
            "=" => Comparison::Equal,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            other => return Err(format!("FilterPolicy: Unrecognized numeric range operator: {other}")),
        };
        let bound = parts.next().ok_or_else(|| format!("FilterPolicy: Value of {operator} must be numeric"))?;
        comparisons.push((comparison, number(bound, operator)?));
    }
    match comparisons.as_slice() {
        [] => Err("FilterPolicy: Invalid member in numeric match: ]".to_owned()),
        [_] => Ok(Test::Numeric(comparisons)),
        [
            (Comparison::Greater | Comparison::GreaterOrEqual, low),
            (Comparison::Less | Comparison::LessOrEqual, high),
        ] => {
            if low >= high {
                return Err("FilterPolicy: Bottom must be less than top".to_owned());
            }
            Ok(Test::Numeric(comparisons))
        }
        _ => Err("FilterPolicy: Too many elements in numeric expression".to_owned()),
    }
}
