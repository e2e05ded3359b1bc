//! What a rule file can't say: questions of scope, of data flow within a function, and of text inside strings. A rule
//! names its checks; a match must pass them all. Each check looks at one match and remembers nothing.

mod accumulate;
mod concurrency;
mod defaults;
mod loops;
mod resources;
mod rounds;
mod secrets;
mod sql;

use crate::tree::Match;

/// Whether a match stands.
pub(crate) type Check = fn(&Match<'_>) -> bool;

/// The check that rule files know by this name.
pub(crate) fn named(name: &str) -> Option<Check> {
    Some(match name {
        "every-round" => loops::every_round,
        "in-loop" => loops::in_loop,
        "varies-with-loop" => loops::varies_with_loop,
        "python-string-accumulator" => accumulate::python_string,
        "go-string-accumulator" => accumulate::go_string,
        "js-array-accumulator" => accumulate::js_array,
        "independent-await" => concurrency::independent_await,
        "guard-held-across-await" => concurrency::guard_held_across_await,
        "nearest-function-is-async" => concurrency::nearest_function_is_async,
        "parameter-is-mutated" => defaults::parameter_is_mutated,
        "never-closed" => resources::never_closed,
        "body-never-closed" => resources::body_never_closed,
        "rows-never-closed" => resources::rows_never_closed,
        "changed-in-loop" => rounds::changed_in_loop,
        "per-item" => rounds::per_item,
        "outlives-loop" => rounds::outlives_loop,
        "same-for-each-item" => rounds::same_for_each_item,
        "style-written-per-item" => rounds::style_written_per_item,
        "iterates-array" => rounds::iterates_array,
        "receiver-outlives-loop" => rounds::receiver_outlives_loop,
        "front-of-vector" => rounds::front_of_vector,
        "in-loop-or-condition" => rounds::in_loop_or_condition,
        "file-without-buffer" => rounds::file_without_buffer,
        "secret-literal" => secrets::secret_literal,
        "sql-with-value-spliced-in" => sql::value_spliced_in,
        _ => return None,
    })
}
