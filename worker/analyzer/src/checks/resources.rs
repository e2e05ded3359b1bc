//! Things that must be closed.

use crate::tree::{Match, Node, enclosing_function, is_identifier};

/// A local variable that holds a resource, and that the function neither closes, nor returns, nor hands to anybody.
pub(super) fn never_closed(found: &Match<'_>) -> bool {
    let Some(name) = found.field("name").filter(|n| n.kind() == "identifier") else {
        return false;
    };
    let Some(function) = enclosing_function(found) else {
        return false;
    };
    let text = name.text();
    function.dfs().filter(|n| is_identifier(n) && n.text() == text && n.node_id() != name.node_id()).all(|used| {
        // Only `name.method(...)` with a method other than close keeps the resource here.
        used.parent().is_some_and(|parent| {
            let (holder, closers): (_, &[&str]) = match parent.kind().as_ref() {
                // Closing a channel closes the stream that it came from.
                "method_invocation" => ("object", &["close", "getChannel"]),
                "member_access_expression" => ("expression", &["Close", "Dispose"]),
                _ => return false,
            };
            parent.field(holder).is_some_and(|o| o.node_id() == used.node_id())
                && parent
                    .field("name")
                    .is_some_and(|method| closers.iter().all(|closer| !method.text().starts_with(closer)))
        })
    })
}

/// `resp, err := http.Get(...)` without `resp.Body.Close` in the function, the response staying there.
pub(super) fn body_never_closed(found: &Match<'_>) -> bool {
    let Some(name) = found.field("left").and_then(|list| list.child(0)) else { return false };
    let Some(function) = enclosing_function(found) else { return false };
    let text = name.text();
    let surely_http = found.field("right").is_some_and(|right| right.text().starts_with("http."));
    if text == "_" {
        return surely_http;
    }
    let mut read_as_response = surely_http;
    for used in function.dfs().filter(|n| is_identifier(n) && n.text() == text && n.node_id() != name.node_id()) {
        // `resp.StatusCode` and `resp.Body` handed to a reader keep the response here; anything else lets it go.
        let Some(selector) = used.parent().filter(|p| p.kind() == "selector_expression") else { return false };
        if is_close(&selector) || is_stored(&selector) {
            return false;
        }
        let field = selector.field("field").map(|f| f.text().into_owned()).unwrap_or_default();
        read_as_response |= matches!(field.as_str(), "Body" | "StatusCode" | "Status" | "Header");
    }
    read_as_response
}

/// `rows, err := db.Query(...)` where the function neither closes the rows, nor returns them, nor hands them to anybody, and
/// may leave before it has read them to their end.
pub(super) fn rows_never_closed(found: &Match<'_>) -> bool {
    let Some(name) = found.field("left").and_then(|list| list.child(0)) else { return false };
    let Some(function) = enclosing_function(found) else { return false };
    let text = name.text();
    let mut read = false;
    for used in function.dfs().filter(|n| is_identifier(n) && n.text() == text && n.node_id() != name.node_id()) {
        let Some(selector) = used.parent().filter(|p| p.kind() == "selector_expression") else { return false };
        let Some(method) = selector.field("field") else { return false };
        match method.text().as_ref() {
            "Next" => read = true,
            "Scan" | "StructScan" | "MapScan" | "Err" | "Columns" | "ColumnTypes" => {}
            _ => return false,
        }
    }
    read
}

/// Whether `resp.Body` is the start of `resp.Body.Close`.
fn is_close(selector: &Node<'_>) -> bool {
    selector.parent().is_some_and(|p| p.kind() == "selector_expression" && p.text().ends_with(".Close"))
}

/// Whether the value leaves through a return, a variable or a structure.
fn is_stored(selector: &Node<'_>) -> bool {
    selector.text().ends_with(".Body")
        && selector.ancestors().take_while(|a| a.kind() != "block").any(|a| {
            matches!(
                a.kind().as_ref(),
                "return_statement" | "composite_literal" | "assignment_statement" | "defer_statement"
            )
        })
        || selector.parent().is_some_and(|p| {
            p.kind() == "argument_list"
                && selector.text().ends_with(".Body")
                && p.parent().and_then(|call| call.field("function")).is_some_and(|f| {
                    let f = f.text();
                    !["io.", "ioutil.", "json.", "xml.", "bufio."].iter().any(|reader| f.starts_with(reader))
                })
        })
}
