//! Names of functions, taken apart: what a function is in, and what it is called, without types, arguments and closures.

/// The parts of a name, outermost first: `com.acme.Orders.search(int)` is `com`, `acme`, `Orders`, `search`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path(Vec<Box<str>>);

impl Path {
    pub(super) fn of(name: &str) -> Self {
        // `<orders::Store as Display>::fmt` is in `orders::Store`.
        let implemented = name.strip_prefix('<').and_then(|rest| rest.split_once(" as "));
        let rest = implemented.and_then(|(of, rest)| Some((of, rest.split_once(">::")?.1)));
        let plain = rest.map_or_else(|| bare(name), |(of, method)| format!("{}::{}", bare(of), bare(method)));
        let parts = plain.split([':', '.', '#', '/', '\\']).map(str::trim).filter(|part| is_part(part));
        Self(parts.map(Into::into).collect())
    }

    /// What it is called itself; empty: nothing that tells it from another.
    pub(super) fn last(&self) -> &str {
        self.0.last().map_or("", |last| last)
    }

    /// Is one the other's end?
    pub(super) fn is_like(&self, other: &Self) -> bool {
        !self.0.is_empty() && !other.0.is_empty() && (self.0.ends_with(&other.0) || other.0.ends_with(&self.0))
    }

    /// For a name like `other`, of a function in the file: if it says more than that, does the file's path say it, too? What
    /// it is in is the file or a folder, or a type in the file.
    pub(super) fn fits(&self, other: &Self, file: &str) -> bool {
        let more = self.0.len().saturating_sub(other.0.len());
        let stem = |part: &str| part.split('.').next().unwrap_or(part).to_lowercase();
        let places: Vec<String> = file.split('/').map(stem).collect();
        let mut inward = places.iter().rev();
        let of_folder = ["mod", "lib", "index", "__init__"];
        let module = inward.find(|place| !of_folder.contains(&place.as_str()));
        let mut outward = self.0[..more].iter().rev().map(|part| part.to_lowercase());
        let (nearest, next) = (outward.next(), outward.next());
        nearest.as_ref().is_none_or(|nearest| places.contains(nearest)) || next.is_some() && next.as_ref() == module
    }
}

/// Without what stands in brackets, except that a receiver's own are dropped: `(*Store).Search` is `Store.Search`.
fn bare(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    let (mut angles, mut rounds) = (0_u32, 0_u32);
    let mut before = ' ';
    for (at, c) in name.char_indices() {
        match c {
            '<' => angles += 1,
            '>' if before != '-' => angles = angles.saturating_sub(1),
            '(' if !name[at..].starts_with("(*") => rounds += 1,
            ')' => rounds = rounds.saturating_sub(1),
            '(' | '*' => {}
            _ if angles == 0 && rounds == 0 => plain.push(c),
            _ => {}
        }
        before = c;
    }
    plain
}

/// Closures and numbers of them are no parts: what they do is done by the function that they are in.
fn is_part(part: &str) -> bool {
    let is_closure = part.starts_with('{') || part.ends_with('}');
    let number = part.strip_prefix("func").unwrap_or(part);
    let is_number = number.bytes().all(|b| b.is_ascii_digit());
    !part.is_empty() && !is_closure && !is_number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        for (name, parts) in [
            ("search", "search"),
            ("Orders.search", "Orders search"),
            ("com.acme.Orders.search(int, java.lang.String)", "com acme Orders search"),
            ("com/acme/Orders.search", "com acme Orders search"),
            ("orders::Store<T>::search::{{closure}}", "orders Store search"),
            ("orders::Store::search::{closure#0}", "orders Store search"),
            ("<orders::Store<T> as core::fmt::Display>::fmt", "orders Store fmt"),
            ("github.com/acme/app/orders.(*Store).Search.func1", "github com acme app orders Store Search"),
            ("ns::f(std::vector<int, std::allocator<int> > const&)", "ns f"),
            ("Orders#search", "Orders search"),
            ("outer.<locals>.inner", "outer inner"),
            ("<lambda>", ""),
            ("(anonymous)", ""),
            ("", ""),
        ] {
            assert_eq!(Path::of(name).0.join(" "), parts, "{name}");
        }
    }

    #[test]
    fn a_longer_name_must_be_what_the_path_says() {
        let name = |name: &str| Path::of(name);
        let search = name("search");
        assert!(name("com.acme.Orders.search").fits(&search, "src/main/java/com/acme/Orders.java"));
        assert!(!name("com.acme.Books.search").fits(&search, "src/main/java/com/acme/Orders.java"));
        assert!(name("shop::orders::search").fits(&search, "src/orders.rs"));
        assert!(name("shop::orders::Store::search").fits(&search, "src/orders/mod.rs"));
        assert!(!name("regex::exec::search").fits(&search, "src/orders.rs"));
        assert!(search.fits(&name("Orders.search"), "anything"));
        assert!(name("Orders.search").is_like(&search) && search.is_like(&name("Orders.search")));
        assert!(!name("Orders.search").is_like(&name("Store.search")));
        assert!(!name("<lambda>").is_like(&name("<lambda>")));
    }
}
