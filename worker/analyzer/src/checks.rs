//! What a rule file can't say: questions of scope, of data flow within a function, and of text inside strings. A rule
//! names its checks; a match must pass them all. Each check looks at one match and remembers nothing.

mod accumulate;
mod concurrency;
mod defaults;
mod grown;
mod java;
mod loops;
mod outside;
mod resources;
mod rounds;
mod secrets;
mod sql;

use crate::tree::Match;

/// Whether a match stands.
pub(crate) type Check = fn(&Match<'_>) -> bool;

/// Whether a text can have what passes a check, told before it is parsed.
pub(crate) type Glance = fn(&str) -> bool;

/// The glance that comes with the check of this name.
pub(crate) fn glance(name: &str) -> Option<Glance> {
    match name {
        "python-string-accumulator" => Some(grown::python_string),
        "list-began-empty" => Some(grown::python_list),
        _ => None,
    }
}

/// The check that rule files know by this name.
pub(crate) fn named(name: &str) -> Option<Check> {
    Some(match name {
        "every-round" => loops::every_round,
        "in-loop" => loops::in_loop,
        "map-is-dictionary" => loops::map_is_dictionary,
        "sequence-is-fixed" => loops::sequence_is_fixed,
        "size-is-fixed" => loops::size_is_fixed,
        "list-outlives-round" => loops::list_outlives_round,
        "list-grows-in-loop" => loops::list_grows_in_loop,
        "loop-goes-on" => loops::loop_goes_on,
        "grown-from-round-to-round" => loops::grown_from_round_to_round,
        "same-queue-every-round" => loops::same_queue_every_round,
        "same-every-round" => loops::same_every_round,
        "varies-with-loop" => loops::varies_with_loop,
        "python-string-accumulator" => accumulate::python_string,
        "list-began-empty" => accumulate::list_began_empty,
        "go-string-accumulator" => accumulate::go_string,
        "csharp-string-accumulator" => accumulate::csharp_string,
        "php-copy-accumulator" => accumulate::php_copy,
        "js-array-accumulator" => accumulate::js_array,
        "independent-await" => concurrency::independent_await,
        "guard-held-across-await" => concurrency::guard_held_across_await,
        "nearest-function-is-async" => concurrency::nearest_function_is_async,
        "from-outside" => outside::from_outside,
        "parameter-is-mutated" => defaults::parameter_is_mutated,
        "java-array-list-began" => java::array_list_began,
        "java-boxed-local" => java::boxed_local,
        "java-unbuffered-file" => java::unbuffered_file,
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
