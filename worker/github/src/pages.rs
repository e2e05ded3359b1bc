//! Lists that come in pages: follows GitHub's `Link` headers, a bounded number of times. Never builds a next page's
//! address itself, and leaves it to the transport to refuse one on another server.

use std::ops::ControlFlow;

use serde::de::DeserializeOwned;

use crate::client::{GitHub, parse};
use crate::error::ApiError;
use crate::transport::{Request, Target};

/// GitHub's largest page.
pub(crate) const PAGE_SIZE: usize = 100;

impl GitHub {
    /// Gives `each` page to the closure until it breaks or the list ends; then `true`. `false` if there are more than
    /// `max_pages`.
    pub(crate) async fn pages<T: DeserializeOwned>(
        &self,
        first: Request,
        max_pages: usize,
        what: &'static str,
        mut each: impl FnMut(Vec<T>) -> ControlFlow<()> + Send,
    ) -> Result<bool, ApiError> {
        let mut request = first.query("per_page", PAGE_SIZE);
        for _ in 0..max_pages {
            let response = self.send(request.clone()).await?;
            if each(parse(&response, what)?).is_break() {
                return Ok(true);
            }
            match response.headers.value("link").and_then(next_link) {
                // The link has the whole query in it.
                Some(url) => request = Request { target: Target::Url(url.to_owned()), query: Vec::new(), ..request },
                None => return Ok(true),
            }
        }
        Ok(false)
    }
}

/// The URL of `rel="next"` in a `Link` header.
pub(crate) fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, link)) = rest.split_once('<') {
        let (url, after) = link.split_once('>')?;
        // Parameters reach to the next link.
        let (parameters, _) = after.split_once('<').unwrap_or((after, ""));
        let is_next = parameters.split([';', ',']).any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or_default();
            name.trim().eq_ignore_ascii_case("rel")
                && value.trim().trim_matches('"').split(' ').any(|rel| rel.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(url);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_wherever_it_stands() {
        for (header, next) in [
            (r#"<https://a/?page=2>; rel="next", <https://a/?page=9>; rel="last""#, Some("https://a/?page=2")),
            (r#"<https://a/?page=1>; rel="prev", <https://a/?x=1,2;3>; rel="next""#, Some("https://a/?x=1,2;3")),
            ("<https://a/?page=2>; title=x; rel=next", Some("https://a/?page=2")),
            (r#"<https://a/?page=1>; rel="first prev""#, None),
            (r#"<https://a/?rel="next">; rel="last""#, None),
            ("<https://a/?page=2", None),
            ("rel=next", None),
            ("", None),
        ] {
            assert_eq!(next_link(header), next, "{header}");
        }
    }
}
