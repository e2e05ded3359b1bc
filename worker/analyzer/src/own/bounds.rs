//! What a rule of somebody else's may cost: how large its matcher is, how large its regular expressions become, and how often
//! it looks through everything while it looks through everything. Reads the rule's YAML, compiles nothing but expressions.

use std::collections::BTreeSet;

use regex::RegexBuilder;
use serde_json::{Map, Value};

/// Nested this deep at most.
const MAX_DEPTH: usize = 24;
/// Parts of a matcher, all its lists and members.
const MAX_PARTS: usize = 1_000;
/// Regular expressions of one rule.
const MAX_EXPRESSIONS: usize = 32;
/// What one of them may take when it is compiled, bytes.
const MAX_EXPRESSION_BYTES: usize = 256 << 10;
/// Looks through a whole subtree, or all of a node's siblings or ancestors, within another such look. Each one multiplies the time by
/// the size of the file, or by the depth of its nesting.
const MAX_SWEEPS: usize = 2;

/// May this rule be used?
pub(super) fn check(rule: &Value) -> Result<(), String> {
    let mut count = Count::default();
    for part in ["rule", "constraints", "utils"] {
        count.visit(&rule[part], 0)?;
    }
    let empty = Map::new();
    let utils = rule["utils"].as_object().unwrap_or(&empty);
    let constraints = rule["constraints"].as_object().into_iter().flat_map(Map::values);
    for matcher in std::iter::once(&rule["rule"]).chain(constraints) {
        if sweeps(matcher, utils, &mut BTreeSet::new(), 0)? > MAX_SWEEPS {
            return Err(format!(
                "it looks through everything (stopBy: end) while it looks through everything, more than {MAX_SWEEPS} deep: \
                 that could take minutes"
            ));
        }
    }
    Ok(())
}

#[derive(Default)]
struct Count {
    parts: usize,
    expressions: usize,
}

impl Count {
    fn visit(&mut self, value: &Value, depth: usize) -> Result<(), String> {
        self.parts += 1;
        if depth > MAX_DEPTH || self.parts > MAX_PARTS {
            return Err(format!("it is larger than {MAX_PARTS} parts, or nested deeper than {MAX_DEPTH}"));
        }
        match value {
            Value::Array(list) => list.iter().try_for_each(|part| self.visit(part, depth + 1)),
            Value::Object(members) => members.iter().try_for_each(|(name, part)| {
                match part.as_str() {
                    Some(expression) if name == "regex" => self.expression(expression)?,
                    _ => {}
                }
                self.visit(part, depth + 1)
            }),
            _ => Ok(()),
        }
    }

    fn expression(&mut self, expression: &str) -> Result<(), String> {
        self.expressions += 1;
        if self.expressions > MAX_EXPRESSIONS {
            return Err(format!("it has more than {MAX_EXPRESSIONS} regular expressions"));
        }
        let compiled = RegexBuilder::new(expression).size_limit(MAX_EXPRESSION_BYTES).build();
        compiled.map(drop).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                "one of its regular expressions becomes too large: shorten it".to_owned()
            }
            _ => "one of its regular expressions can't be read".to_owned(),
        })
    }
}

/// How many such looks are nested in a matcher at most.
fn sweeps<'a>(
    matcher: &'a Value,
    utils: &'a Map<String, Value>,
    within: &mut BTreeSet<&'a str>,
    depth: usize,
) -> Result<usize, String> {
    // Utilities lead from one to another.
    if depth > 4 * MAX_DEPTH {
        return Err("its utilities are nested too deep".to_owned());
    }
    let Some(members) = matcher.as_object() else { return Ok(0) };
    let mut most = 0;
    for (name, part) in members {
        let parts: Vec<&Value> = part.as_array().map_or_else(|| vec![part], |list| list.iter().collect());
        for part in parts {
            let found = match name.as_str() {
                "has" | "inside" | "precedes" | "follows" => {
                    let stop = &part["stopBy"];
                    let own = usize::from(!stop.is_null() && stop != "neighbor");
                    own + sweeps(part, utils, within, depth + 1)?
                }
                "matches" => {
                    let Some((util, shape)) = part.as_str().and_then(|util| utils.get_key_value(util)) else {
                        continue;
                    };
                    if !within.insert(util) {
                        return Err(format!("its utility {} leads to itself", super::shown(util)));
                    }
                    let found = sweeps(shape, utils, within, depth + 1)?;
                    within.remove(util.as_str());
                    found
                }
                "all" | "any" | "not" | "stopBy" => sweeps(part, utils, within, depth + 1)?,
                _ => 0,
            };
            most = most.max(found);
        }
    }
    Ok(most)
}
