//! CodeGuru's recommendations for a service, as they are kept: the first ones, each bounded in length. Their words are
//! made inert where they are shown.

use aws_sdk_codeguruprofiler::types::{Match, Pattern, Recommendation};

use crate::results::{ServiceMatch, ServiceRecommendation};
use eco_coder_profile::shown;

/// How many are kept.
const MAX_RECOMMENDATIONS: usize = 20;
/// Places of one recommendation that are kept.
const MAX_MATCHES: usize = 5;
/// A description or a step, characters: more than a report shows.
const MAX_TEXT: usize = 2_000;

/// Those that are kept, and how many there are.
pub(super) type Kept = (Vec<ServiceRecommendation>, usize);

/// Takes over what fits.
pub(super) fn kept(all: &[Recommendation]) -> Kept {
    (all.iter().filter_map(recommendation).take(MAX_RECOMMENDATIONS).collect(), all.len())
}

/// `None`: it recommends nothing.
fn recommendation(given: &Recommendation) -> Option<ServiceRecommendation> {
    let pattern = given.pattern()?;
    let name = [pattern.name(), pattern.id()].into_iter().flatten().map(|text| shown(text.as_bytes()));
    Some(ServiceRecommendation {
        name: name.into_iter().find(|name| !name.is_empty())?,
        description: pattern.description().and_then(text),
        resolution_steps: pattern.resolution_steps().and_then(text),
        // The SDK says 0 where nothing was said.
        threshold_percent: Some(pattern.threshold_percent()).filter(|share| *share > 0.0 && *share <= 100.0),
        top_matches: given.top_matches().iter().filter_map(|m| place(m, pattern)).take(MAX_MATCHES).collect(),
    })
}

fn place(found: &Match, pattern: &Pattern) -> Option<ServiceMatch> {
    let target = usize::try_from(found.target_frames_index().unwrap_or(-1)).ok();
    let target = target.and_then(|index| pattern.target_frames().get(index)?.last());
    let named = [found.frame_address(), target.map(String::as_str)].into_iter().flatten();
    let function_name = named.map(|text| shown(text.as_bytes())).find(|name| !name.is_empty())?;
    let threshold_breach_value = found.threshold_breach_value().filter(|value| value.is_finite());
    Some(ServiceMatch { function_name, threshold_breach_value })
}

fn text(given: &str) -> Option<String> {
    let visible = given.chars().filter(|c| !c.is_control() || *c == '\n').take(MAX_TEXT).collect::<String>();
    Some(visible.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use aws_sdk_codeguruprofiler::primitives::DateTime;

    use super::*;

    fn given(pattern: Pattern, matches: usize) -> Recommendation {
        let time = DateTime::from_secs(0);
        let one = Match::builder().frame_address("a.b:c").target_frames_index(0).threshold_breach_value(41.5).build();
        let recommendation = Recommendation::builder().all_matches_count(1).all_matches_sum(1.0).pattern(pattern);
        recommendation.start_time(time).end_time(time).set_top_matches(Some(vec![one; matches])).build().unwrap()
    }

    #[test]
    fn recommendations_are_kept_up_to_their_bounds_and_what_is_beyond_is_cut() {
        let named = || Pattern::builder().name("n").description("d".repeat(MAX_TEXT + 1));
        let (at, total) = kept(&vec![given(named().build(), MAX_MATCHES); MAX_RECOMMENDATIONS]);
        assert_eq!((at.len(), total, at[0].top_matches.len()), (MAX_RECOMMENDATIONS, MAX_RECOMMENDATIONS, MAX_MATCHES));
        let (past, total) = kept(&vec![given(named().build(), MAX_MATCHES + 1); MAX_RECOMMENDATIONS + 1]);
        assert_eq!((past, total), (at.clone(), MAX_RECOMMENDATIONS + 1));
        assert_eq!(at[0].description.as_ref().unwrap().chars().count(), MAX_TEXT);
        let whole = kept(&[given(named().description("d".repeat(MAX_TEXT)).build(), 0)]).0;
        assert_eq!(whole[0].description, at[0].description);
    }

    #[test]
    fn what_is_not_said_is_absent() {
        let (bare, _) = kept(&[given(Pattern::builder().id("p-1").build(), 0), given(Pattern::builder().build(), 1)]);
        assert_eq!(bare.len(), 1, "one without a name recommends nothing");
        assert_eq!((bare[0].name.as_str(), bare[0].threshold_percent, &bare[0].description), ("p-1", None, &None));
        let target = vec!["x".to_owned(), "y:z\u{202e}".to_owned()];
        let pattern = Pattern::builder().name("n").threshold_percent(10.0).target_frames(target).build();
        let found = Match::builder().target_frames_index(0).build();
        assert_eq!(place(&found, &pattern).unwrap().function_name, "y:z");
        for index in [-1, 1, i32::MAX] {
            assert_eq!(place(&Match::builder().target_frames_index(index).build(), &pattern), None);
        }
    }
}
