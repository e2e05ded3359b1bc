//! A payload read in full, duplicate keys and all, and the facts in it that decide. The second opinion on `event`.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Any JSON.
pub(super) enum Tree {
    Null,
    Flag(bool),
    /// From 0 to 2^64 - 1, written without a fraction or an exponent.
    Whole(u64),
    /// Every other number.
    Number,
    Text(String),
    List(Vec<Tree>),
    /// In the order of the text, names repeated if it repeats them.
    Object(Vec<(String, Tree)>),
}

/// Why there are no facts.
pub(super) enum Unlike {
    /// It must be refused.
    Wrong,
    /// Nothing is claimed about it.
    Unclear,
}

/// What a `pull_request` payload says, as far as it decides.
pub(super) struct Facts<'a> {
    pub(super) action: &'a str,
    pub(super) number: u64,
    pub(super) draft: bool,
    pub(super) state: &'a str,
    pub(super) updated_at: &'a str,
    pub(super) head: &'a str,
    pub(super) by_bot: bool,
    pub(super) labels: Vec<&'a str>,
    pub(super) removed_label: Option<&'a str>,
    pub(super) base_changed: bool,
    pub(super) repository: &'a str,
    pub(super) repository_id: u64,
}

/// Reads the facts; a name that is needed must be there, once.
pub(super) fn facts(payload: &Tree) -> Result<Facts<'_>, Unlike> {
    let pull = payload.field("pull_request")?.ok_or(Unlike::Wrong)?;
    let repository = payload.field("repository")?.ok_or(Unlike::Wrong)?;
    let head = pull.field("head")?.ok_or(Unlike::Wrong)?;
    let by_bot = match pull.field("user")?.filter(|user| !matches!(user, Tree::Null)) {
        None => false,
        Some(user) => {
            let (login, kind) = (user.text("login")?, user.text("type")?);
            kind == "Bot" || login.ends_with("[bot]")
        }
    };
    let labels = match pull.field("labels")? {
        None => Vec::new(),
        Some(Tree::List(labels)) => labels.iter().map(|label| label.text("name")).collect::<Result<_, _>>()?,
        Some(_) => return Err(Unlike::Wrong),
    };
    let removed = payload.field("label")?.filter(|label| !matches!(label, Tree::Null));
    let changes = payload.field("changes")?.filter(|changes| !matches!(changes, Tree::Null));
    let base = changes.map(|changes| changes.field("base")).transpose()?.flatten();
    Ok(Facts {
        action: payload.text("action")?,
        number: pull.whole("number")?,
        draft: match pull.field("draft")? {
            None | Some(Tree::Null) => false,
            Some(Tree::Flag(draft)) => *draft,
            Some(_) => return Err(Unlike::Wrong),
        },
        state: pull.text("state")?,
        updated_at: pull.text("updated_at")?,
        head: text(head.first("sha")?)?,
        by_bot,
        labels,
        removed_label: removed.map(|label| label.text("name")).transpose()?,
        base_changed: base.is_some_and(|base| !matches!(base, Tree::Null)),
        repository: text(repository.first("full_name")?)?,
        repository_id: whole(repository.first("id")?)?,
    })
}

impl Tree {
    fn field(&self, name: &str) -> Result<Option<&Tree>, Unlike> {
        match self {
            Self::Object(fields) => {
                let mut found = fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
                let first = found.next();
                if found.next().is_some() { Err(Unlike::Wrong) } else { Ok(first) }
            }
            // Serde reads an array as a struct without its names; another reader need not.
            Self::List(_) => Err(Unlike::Unclear),
            _ => Err(Unlike::Wrong),
        }
    }

    /// Of an object that is read only until all is known: what is repeated may be seen, or not.
    fn first(&self, name: &str) -> Result<Option<&Tree>, Unlike> {
        match self {
            Self::Object(fields) if fields.iter().filter(|(key, _)| key == name).count() > 1 => Err(Unlike::Unclear),
            _ => self.field(name),
        }
    }

    fn text(&self, name: &str) -> Result<&str, Unlike> {
        text(self.field(name)?)
    }

    fn whole(&self, name: &str) -> Result<u64, Unlike> {
        whole(self.field(name)?)
    }
}

fn text(field: Option<&Tree>) -> Result<&str, Unlike> {
    match field {
        Some(Tree::Text(text)) => Ok(text),
        _ => Err(Unlike::Wrong),
    }
}

fn whole(field: Option<&Tree>) -> Result<u64, Unlike> {
    match field {
        Some(Tree::Whole(number)) => Ok(*number),
        _ => Err(Unlike::Wrong),
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson)
    }
}

struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = Tree;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Tree, E> {
        Ok(Tree::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Whole(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Tree, A::Error> {
        let mut object = Vec::new();
        while let Some(field) = fields.next_entry()? {
            object.push(field);
        }
        Ok(Tree::Object(object))
    }
}
