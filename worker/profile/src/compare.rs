//! Two profiles, function by function: what each function uses on either side, as shares, and as times or bytes where the
//! values are that. Gives no verdict: one profile of each side says nothing of noise, and the difference of two figures
//! without an interval would be taken for one.

use std::collections::HashMap;

use crate::{FunctionUse, Functions, Profile, ProfileError, SampleType};

/// What a function uses on one side.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Use {
    /// Share of the profile in the function itself, 0 to 1.
    pub self_share: f64,
    /// Share of the profile in the function and what it calls, 0 to 1.
    pub total_share: f64,
    /// Time in the function itself, ms, if the values are times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_ms: Option<f64>,
    /// Time in the function and what it calls, ms, if the values are times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_ms: Option<f64>,
    /// Memory of the function itself, bytes, if the values are that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_bytes: Option<f64>,
    /// Memory of the function and what it calls, bytes, if the values are that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<f64>,
}

/// A function on both sides; absent where it isn't in the profile.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Compared {
    /// Its name in the head, else in the base.
    pub function: String,
    /// Its file in the head, else in the base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// In the base.
    pub base: Option<Use>,
    /// In the head.
    pub head: Option<Use>,
}

impl Compared {
    /// How far the shares are apart: what rows are ordered by.
    fn distance(&self) -> (f64, f64) {
        let apart = |of: fn(&Use) -> f64| {
            let side = |used: &Option<Use>| used.as_ref().map_or(0.0, of);
            (side(&self.head) - side(&self.base)).abs()
        };
        (apart(|used| used.self_share), apart(|used| used.total_share))
    }
}

/// Two profiles of the same sample type.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Comparison {
    /// What was measured.
    pub sample_type: SampleType,
    /// Samples of the base.
    pub base_samples: u64,
    /// Samples of the head.
    pub head_samples: u64,
    /// Time of all samples of the base, ms, if the values are times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_ms: Option<f64>,
    /// Time of all samples of the head, ms, if the values are times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_ms: Option<f64>,
    /// All functions of both, those whose shares are furthest apart first.
    pub rows: Vec<Compared>,
}

/// Compares two profiles by the sample type of this name; without one, by what the head is mostly read for.
///
/// A function is the same if name and file are; else, if it alone has its name among the rest, and its file's name is the
/// same: the two may have been built in different folders.
pub fn compare(base: &Profile, head: &Profile, sample_type: Option<&str>) -> Result<Comparison, ProfileError> {
    let (of_base, of_head) = types(base, head, sample_type)?;
    let kind = |profile: &Profile, index: usize| profile.sample_types[index].clone();
    let (base_kind, head_kind) = (kind(base, of_base), kind(head, of_head));
    let sides = [Side::of(base, of_base, &base_kind), Side::of(head, of_head, &head_kind)];
    let ms = |side: &Side<'_>| side.kind.ms.map(|ms| side.functions.total() * ms);
    let mut rows = rows(&sides);
    rows.sort_by(|a, b| {
        let ((a_self, a_total), (b_self, b_total)) = (a.distance(), b.distance());
        let by_distance = b_self.total_cmp(&a_self).then_with(|| b_total.total_cmp(&a_total));
        by_distance.then_with(|| (&a.function, &a.file).cmp(&(&b.function, &b.file)))
    });
    let [base_ms, head_ms] = sides.each_ref().map(ms);
    let (base_samples, head_samples) = (base.samples(), head.samples());
    Ok(Comparison { sample_type: head_kind, base_samples, head_samples, base_ms, head_ms, rows })
}

/// The sample type of either side: of one name, or of one meaning.
pub(crate) fn types(base: &Profile, head: &Profile, name: Option<&str>) -> Result<(usize, usize), ProfileError> {
    let of_head = head.choose(name)?;
    let wanted = &head.sample_types[of_head];
    if name.is_some() {
        return Ok((base.choose(name)?, of_head));
    }
    let unlike = || ProfileError::Unlike { base: base.measured(), head: wanted.name.clone() };
    // Two of one name are told apart by which of them is looked at when nobody asks.
    let usual = base.choose(None).ok().filter(|usual| base.sample_types[*usual].name == wanted.name);
    let of_base = usual.or_else(|| base.like(wanted)).ok_or_else(unlike)?;
    if base.total(of_base) > 0.0 { Ok((of_base, of_head)) } else { Err(ProfileError::NoSamples) }
}

struct Side<'p> {
    functions: Functions<'p>,
    kind: &'p SampleType,
}

impl<'p> Side<'p> {
    fn of(profile: &'p Profile, sample_type: usize, kind: &'p SampleType) -> Self {
        Self { functions: Functions::of(profile, sample_type), kind }
    }

    fn used(&self, one: &FunctionUse<'_>) -> Use {
        let times = |value: f64, of: Option<f64>| of.map(|of| value * of);
        Use {
            self_share: self.functions.share(one.itself),
            total_share: self.functions.share(one.total),
            self_ms: times(one.itself, self.kind.ms),
            total_ms: times(one.total, self.kind.ms),
            self_bytes: times(one.itself, self.kind.bytes),
            total_bytes: times(one.total, self.kind.bytes),
        }
    }
}

fn rows(sides: &[Side<'_>; 2]) -> Vec<Compared> {
    let [base, head] = sides.each_ref().map(|side| side.functions.iter().collect::<Vec<_>>());
    let mut partner: Vec<Option<usize>> = vec![None; head.len()];
    let mut is_taken = vec![false; base.len()];
    // The nearest first: module, too; then name and file; then name and the file's name; then the name alone, if either side
    // has no file. Each only where both sides have just one.
    for key in [in_module, in_file, in_file_of_name, by_name] {
        let mut waiting: HashMap<Key<'_>, [Vec<usize>; 2]> = HashMap::new();
        let free = base.iter().enumerate().filter(|(place, _)| !is_taken[*place]);
        free.for_each(|(place, one)| waiting.entry(key(one)).or_default()[0].push(place));
        let free = head.iter().enumerate().filter(|(place, _)| partner[*place].is_none());
        free.for_each(|(place, one)| waiting.entry(key(one)).or_default()[1].push(place));
        for [of_base, of_head] in waiting.into_values() {
            let ([of_base], [of_head]) = (of_base.as_slice(), of_head.as_slice()) else { continue };
            let has_files = !base[*of_base].function.file.is_empty() && !head[*of_head].function.file.is_empty();
            let is_by_name_alone = key(&head[*of_head]) == by_name(&head[*of_head]);
            if !(is_by_name_alone && has_files) {
                partner[*of_head] = Some(*of_base);
                is_taken[*of_base] = true;
            }
        }
    }
    let row = |one: &FunctionUse<'_>, base: Option<Use>, head: Option<Use>| Compared {
        function: one.function.name.to_string(),
        file: Some(one.function.file.to_string()).filter(|file| !file.is_empty()),
        base,
        head,
    };
    let of_head = head.iter().zip(&partner).map(|(one, partner)| {
        let used = partner.and_then(|place| base.get(place)).map(|one| sides[0].used(one));
        row(one, used, Some(sides[1].used(one)))
    });
    let gone = base.iter().zip(&is_taken).filter(|(_, is_taken)| !**is_taken);
    of_head.chain(gone.map(|(one, _)| row(one, Some(sides[0].used(one)), None))).collect()
}

/// Name, file, module; empty: whatever it is.
type Key<'p> = (&'p str, &'p str, &'p str);

fn in_module<'p>(one: &FunctionUse<'p>) -> Key<'p> {
    (&one.function.name, &one.function.file, &one.function.module)
}

fn in_file<'p>(one: &FunctionUse<'p>) -> Key<'p> {
    (&one.function.name, &one.function.file, "")
}

fn in_file_of_name<'p>(one: &FunctionUse<'p>) -> Key<'p> {
    let file: &str = &one.function.file;
    (&one.function.name, file.rsplit(['/', '\\']).next().unwrap_or(file), "")
}

fn by_name<'p>(one: &FunctionUse<'p>) -> Key<'p> {
    (&one.function.name, "", "")
}

#[cfg(test)]
mod tests;
