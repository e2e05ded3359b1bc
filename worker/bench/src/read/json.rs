//! Which form a file has, by what is in it, and lists of figures that end at a bound.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Broken, Found, MAX_SAMPLES, criterion, go, printable};

/// The form of a file.
#[derive(Debug, PartialEq)]
pub(super) enum Kind {
    Hyperfine,
    Pytest,
    Jmh,
    CriterionSample,
    CriterionName,
    /// JSON messages, one a line: cargo-criterion, `go test -json`.
    Lines,
    /// Text, perhaps of `go test -bench`.
    Text,
    /// JSON that is none of these.
    Other,
    /// It starts like JSON and is none.
    Broken(String),
}

/// The keys that the forms are known by.
#[derive(serde::Deserialize)]
struct Probe {
    results: Option<IgnoredAny>,
    benchmarks: Option<IgnoredAny>,
    iters: Option<IgnoredAny>,
    times: Option<IgnoredAny>,
    full_id: Option<IgnoredAny>,
    reason: Option<IgnoredAny>,
    #[serde(rename = "Action")]
    action: Option<IgnoredAny>,
}

#[derive(serde::Deserialize)]
struct JmhProbe {
    #[serde(rename = "primaryMetric")]
    primary: Option<IgnoredAny>,
}

pub(super) fn kind_of(bytes: &[u8]) -> Kind {
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => match serde_json::from_slice::<Probe>(bytes) {
            Ok(Probe { results: Some(_), .. }) => Kind::Hyperfine,
            Ok(Probe { benchmarks: Some(_), .. }) => Kind::Pytest,
            Ok(Probe { iters: Some(_), times: Some(_), .. }) => Kind::CriterionSample,
            Ok(Probe { full_id: Some(_), .. }) => Kind::CriterionName,
            Ok(Probe { reason: Some(_), .. } | Probe { action: Some(_), .. }) => Kind::Lines,
            Ok(_) => Kind::Other,
            Err(error) => {
                let first = bytes.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
                let message = first.and_then(|line| serde_json::from_slice::<Probe>(line).ok());
                match message {
                    Some(Probe { reason: Some(_), .. } | Probe { action: Some(_), .. }) => Kind::Lines,
                    _ => Kind::Broken(printable(&format!("no JSON: {error}"))),
                }
            }
        },
        Some(b'[') => match serde_json::from_slice::<Capped<Element<JmhProbe>>>(bytes) {
            Ok(Capped(results))
                if results.iter().any(|Element(probe)| probe.as_ref().is_some_and(|probe| probe.primary.is_some())) =>
            {
                Kind::Jmh
            }
            Ok(_) => Kind::Other,
            Err(error) => Kind::Broken(printable(&format!("no JSON: {error}"))),
        },
        _ => Kind::Text,
    }
}

/// JSON messages, one a line, between lines of anything else.
pub(super) fn lines(bytes: &[u8], found: &mut Found) -> Result<(), Broken> {
    let mut tests = go::Messages::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(probe) = serde_json::from_slice::<Probe>(line) else { continue };
        if probe.reason.is_some() {
            criterion::message(line, found)?;
        } else if probe.action.is_some() {
            tests.message(line);
        }
    }
    tests.into_text().iter().for_each(|text| go::read(text.as_bytes(), found));
    Ok(())
}

/// A list that is refused beyond [`MAX_SAMPLES`], before it is held.
#[derive(Debug)]
pub(super) struct Capped<T>(pub(super) Vec<T>);

impl<T> Default for Capped<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Capped<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
            type Value = Capped<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MAX_SAMPLES}")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    if values.len() == MAX_SAMPLES {
                        return Err(serde::de::Error::custom(format!("a list of more than {MAX_SAMPLES}")));
                    }
                    values.push(value);
                }
                Ok(Capped(values))
            }
        }
        deserializer.deserialize_seq(List(PhantomData))
    }
}

/// An element of a list: an object, or something else that is passed over.
pub(super) struct Element<T>(pub(super) Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Element<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Any<T> {
            type Value = Element<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|value| Element(Some(value)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Element(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Element(None))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Element(None))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Element(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Element(None))
            }

            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Element(None))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Element(None))
            }
        }
        deserializer.deserialize_any(Any(PhantomData))
    }
}

/// A figure that may be no number: JMH writes `"NaN"`, as text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figure(pub(super) f64);

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Figure;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Figure(number))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Figure(number as f64))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Figure(number as f64))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Figure(f64::NAN))
            }

            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Figure(f64::NAN))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Figure(f64::NAN))
            }
        }
        deserializer.deserialize_any(Number)
    }
}

/// The numbers of a list of figures.
pub(super) fn numbers(figures: &Capped<Figure>) -> Vec<f64> {
    figures.0.iter().map(|figure| figure.0).collect()
}
