//! What a rule file can't say: questions of scope, of data flow within a function, and of text inside strings. A rule
//! names its checks; a match must pass them all. Each check looks at one match and remembers nothing.

mod accumulate;
mod concurrency;
mod defaults;
mod java;
mod loops;
mod resources;
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
        "loop-goes-on" => loops::loop_goes_on,
        "grown-from-round-to-round" => loops::grown_from_round_to_round,
        "same-queue-every-round" => loops::same_queue_every_round,
        "same-every-round" => loops::same_every_round,
        "varies-with-loop" => loops::varies_with_loop,
        "python-string-accumulator" => accumulate::python_string,
        "list-began-empty" => accumulate::list_began_empty,
        "go-string-accumulator" => accumulate::go_string,
        "js-array-accumulator" => accumulate::js_array,
        "independent-await" => concurrency::independent_await,
        "guard-held-across-await" => concurrency::guard_held_across_await,
        "nearest-function-is-async" => concurrency::nearest_function_is_async,
        "parameter-is-mutated" => defaults::parameter_is_mutated,
        "java-array-list-began" => java::array_list_began,
        "java-boxed-local" => java::boxed_local,
        "java-unbuffered-file" => java::unbuffered_file,
        "never-closed" => resources::never_closed,
        "body-never-closed" => resources::body_never_closed,
        "secret-literal" => secrets::secret_literal,
        "sql-with-value-spliced-in" => sql::value_spliced_in,
        _ => return None,
    })
}
