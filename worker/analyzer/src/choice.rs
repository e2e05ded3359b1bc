//! Which rules speak, and how loudly: a repository's say over what the rules say of themselves. Plain data.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::finding::{Category, Confidence, Severity};
use crate::own::OwnRules;
use crate::rule::RuleInfo;

/// What the caller wants to hear about.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether rules that are often wrong speak too.
    pub include_low_confidence: bool,
    /// Rule ids or aliases that stay silent, whatever the choice says.
    pub disabled_rules: BTreeSet<String>,
    /// The repository's choices: the later ones are about fewer paths, and go before the earlier ones.
    pub choices: Vec<Choice>,
    /// The repository's own rules.
    pub own_rules: Option<Arc<OwnRules>>,
}

impl Options {
    /// Does this rule speak?
    pub fn wants(&self, rule: &RuleInfo) -> bool {
        self.wants_named(|| Named::of(rule), rule.confidence)
    }

    pub(crate) fn wants_named<'r>(&self, rule: impl FnOnce() -> Named<'r>, confidence: Confidence) -> bool {
        let usual = confidence > Confidence::Low || self.include_low_confidence;
        if self.disabled_rules.is_empty() && self.choices.is_empty() {
            return usual;
        }
        let rule = rule();
        if rule.names.iter().any(|&name| self.disabled_rules.contains(name)) {
            return false;
        }
        self.choices.iter().rev().find_map(|choice| choice.decides(&rule, usual)).unwrap_or(usual)
    }

    /// As heavy as the choices make it, or else as it says itself.
    pub fn severity(&self, rule: &RuleInfo) -> Severity {
        let named = Named::of(rule);
        self.choices.iter().rev().find_map(|choice| choice.severity(&named)).unwrap_or(rule.severity)
    }
}

/// What a rule can be chosen by.
pub(crate) struct Named<'r> {
    /// The id, then the aliases.
    names: Vec<&'r str>,
    category: Category,
}

impl<'r> Named<'r> {
    pub(crate) fn new(id: &'r str, aliases: impl Iterator<Item = &'r str>, category: Category) -> Self {
        Self { names: std::iter::once(id).chain(aliases).collect(), category }
    }

    fn of(rule: &'r RuleInfo) -> Self {
        Self::new(&rule.id, rule.aliases.iter().map(String::as_str), rule.category)
    }
}

/// Of the rules that are there, those that speak, and their severities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// If there are any, nobody else speaks.
    pub only: Vec<Selector>,
    /// These speak too, whatever their confidence.
    pub on: Vec<Selector>,
    /// These are silent, even if the others name them.
    pub off: Vec<Selector>,
    /// Other severities than the rules' own; the last one that names a rule holds.
    pub severities: Vec<(Selector, Severity)>,
}

impl Choice {
    /// Is the rule on, as far as this choice is about it? `usual`: it would be if nobody chose.
    fn decides(&self, rule: &Named<'_>, usual: bool) -> Option<bool> {
        let among = |selectors: &[Selector]| selectors.iter().any(|selector| selector.names(rule));
        if among(&self.off) {
            return Some(false);
        }
        // Who names one rule means it; who names a category means what is usually on.
        let named = self.only.iter().any(|selector| selector.is_name() && selector.names(rule));
        if named || among(&self.on) {
            return Some(true);
        }
        (!self.only.is_empty()).then(|| usual && among(&self.only))
    }

    fn severity(&self, rule: &Named<'_>) -> Option<Severity> {
        self.severities.iter().rev().find(|(selector, _)| selector.names(rule)).map(|(_, severity)| *severity)
    }

    /// Every selector in it.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        let severities = self.severities.iter().map(|(selector, _)| selector);
        self.only.iter().chain(&self.on).chain(&self.off).chain(severities)
    }
}

/// Names rules: one by its id or an alias, those whose id begins alike, or a category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// `EC-PY-072`, `GCI72`, in any case.
    Name(String),
    /// `EC-PY-*`, without the star.
    Prefix(String),
    /// `Security`.
    Category(Category),
}

impl Selector {
    /// Does it name this rule?
    pub fn selects(&self, rule: &RuleInfo) -> bool {
        self.names(&Named::of(rule))
    }

    fn names(&self, rule: &Named<'_>) -> bool {
        match self {
            Self::Name(name) => rule.names.iter().any(|known| known.eq_ignore_ascii_case(name)),
            Self::Prefix(prefix) => rule
                .names
                .first()
                .and_then(|id| id.get(..prefix.len()))
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix)),
            Self::Category(category) => rule.category == *category,
        }
    }

    fn is_name(&self) -> bool {
        matches!(self, Self::Name(_))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
            Self::Category(category) => f.write_str(category.as_str()),
        }
    }
}

/// A text that can't name a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a rule: use an id (EC-PY-072), another of its names (GCI72), an id's beginning (EC-PY-*) or a category (Security)"
)]
pub struct NotASelector;

impl FromStr for Selector {
    type Err = NotASelector;

    fn from_str(text: &str) -> Result<Self, NotASelector> {
        let text = text.trim();
        let name = text.strip_suffix('*').unwrap_or(text);
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '@' | ':' | '+');
        if name.is_empty() || name.len() > 64 || !name.chars().all(legal) {
            return Err(NotASelector);
        }
        if name.len() < text.len() {
            return Ok(Self::Prefix(name.to_owned()));
        }
        let category = Category::ALL.into_iter().find(|category| category.as_str().eq_ignore_ascii_case(name));
        Ok(category.map_or_else(|| Self::Name(name.to_owned()), Self::Category))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::rules;

    fn selectors(texts: &[&str]) -> Vec<Selector> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn heard(choices: &[Choice]) -> BTreeSet<String> {
        let options = Options { choices: choices.to_vec(), ..Options::default() };
        rules().into_iter().filter(|rule| options.wants(rule)).map(|rule| rule.id).collect()
    }

    fn only(texts: &[&str]) -> Choice {
        Choice { only: selectors(texts), ..Choice::default() }
    }

    fn on(texts: &[&str]) -> Choice {
        Choice { on: selectors(texts), ..Choice::default() }
    }

    fn off(texts: &[&str]) -> Choice {
        Choice { off: selectors(texts), ..Choice::default() }
    }

    #[test]
    fn a_selector_is_a_name_a_beginning_or_a_category() {
        let rules = rules();
        let selects = |text: &str| {
            let selector: Selector = text.parse().unwrap();
            rules.iter().filter(|rule| selector.selects(rule)).count()
        };
        assert_eq!(selects("ec-py-072"), 1);
        assert!(selects("GCI72") >= 1);
        assert!(selects("EC-PY-*") > 50 && selects("EC-PY-*") < rules.len());
        assert_eq!(selects("security"), rules.iter().filter(|rule| rule.category == Category::Security).count());
        assert_eq!(selects("EC-PY-9999"), 0);
        for wrong in ["", "*", "a b", "EC-PY-072; rm", "'x'"] {
            assert_eq!(wrong.parse::<Selector>(), Err(NotASelector), "{wrong}");
        }
        assert_eq!("EC-PY-*".parse::<Selector>().unwrap().to_string(), "EC-PY-*");
    }

    #[test]
    fn off_beats_on_and_on_beats_only() {
        let all = heard(&[]);
        let secure = heard(&[only(&["Security"])]);
        assert!(!secure.is_empty() && secure.len() < all.len() && secure.is_subset(&all));
        let more = heard(&[Choice { on: selectors(&["EC-PY-072"]), ..only(&["Security"]) }]);
        assert_eq!(more.len(), secure.len() + 1);
        let less = heard(&[Choice { on: selectors(&["EC-PY-072"]), ..off(&["EC-PY-*"]) }]);
        assert!(!less.iter().any(|id| id.starts_with("EC-PY-")));
    }

    #[test]
    fn a_later_choice_goes_before_an_earlier_one() {
        let again = heard(&[off(&["EC-PY-*"]), on(&["EC-PY-072"])]);
        assert!(again.contains("EC-PY-072") && !again.contains("EC-PY-105"));
        let secure = heard(&[only(&["Security"])]);
        assert_eq!(heard(&[on(&["EC-PY-072"]), only(&["Security"])]), secure);
        assert_eq!(heard(&[only(&["Security"]), Choice::default()]), secure);
    }

    #[test]
    fn a_rule_of_low_confidence_speaks_when_it_is_named() {
        let low = rules().into_iter().find(|rule| rule.confidence == Confidence::Low).unwrap();
        assert!(!heard(&[]).contains(&low.id));
        assert!(!heard(&[only(&[low.category.as_str()])]).contains(&low.id));
        assert!(heard(&[on(&[&low.id])]).contains(&low.id));
        assert!(heard(&[only(&[&low.id])]).contains(&low.id));
    }

    #[test]
    fn what_an_operator_disabled_stays_silent() {
        let disabled_rules = ["EC-PY-072".to_owned()].into();
        let options = Options { disabled_rules, choices: vec![on(&["EC-PY-072"])], ..Options::default() };
        let rule = rules().into_iter().find(|rule| rule.id == "EC-PY-072").unwrap();
        assert!(!options.wants(&rule));
    }

    #[test]
    fn the_last_severity_holds() {
        let rule = rules().into_iter().find(|rule| rule.id == "EC-PY-072").unwrap();
        let severity = |names: &[(&str, Severity)]| {
            let severities = names.iter().map(|(name, severity)| (name.parse().unwrap(), *severity)).collect();
            Choice { severities, ..Choice::default() }
        };
        let mut options = Options::default();
        assert_eq!(options.severity(&rule), rule.severity);
        options.choices.push(severity(&[("EC-PY-*", Severity::Info), ("EC-PY-072", Severity::Critical)]));
        assert_eq!(options.severity(&rule), Severity::Critical);
        options.choices.push(severity(&[("Performance", Severity::Low), ("Energy", Severity::Low)]));
        assert_eq!(options.severity(&rule), Severity::Low);
    }
}
