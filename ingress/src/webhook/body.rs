//! Reads a request's body within its limits: length, time, and the memory of all bodies together. Never looks into it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::answer::Refusal;

/// What each body may hold without asking for room: nearly every delivery. It is bounded by the number of connections,
/// and it keeps a few long bodies from holding up the short ones.
const OWN_BYTES: usize = 64 * 1024;

/// Limits of bodies, and the room that they share.
pub(crate) struct BodyLimits {
    max_bytes: usize,
    timeout: Duration,
    room: Arc<Semaphore>,
}

/// A body in memory; its share of the room is given back when it is dropped.
pub(crate) struct Held {
    bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// A body within its own bytes.
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { bytes, _room: None }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl BodyLimits {
    /// `room` is in bytes, over all bodies, beyond [`OWN_BYTES`] of each.
    pub(crate) fn new(max_bytes: usize, timeout: Duration, room: usize) -> Self {
        Self { max_bytes, timeout, room: Arc::new(Semaphore::new(room.min(Semaphore::MAX_PERMITS))) }
    }

    /// When the body of a request whose headers are here now must be there.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Refuses a body whose announced length is over the limit before a byte of it is read.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<Option<usize>, Refusal> {
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
        match announced {
            Some(length) if length > self.max_bytes => Err(Refusal::TooLong { max_bytes: self.max_bytes }),
            announced => Ok(announced),
        }
    }

    /// Reads all of it. `announced` sizes the buffer; what is counted are the bytes that come. Room is taken for what
    /// has come, not for what is announced: an announcement costs its sender nothing.
    pub(crate) async fn read(
        &self,
        announced: Option<usize>,
        body: &mut Body,
        deadline: Instant,
    ) -> Result<Held, Refusal> {
        let mut kept: Vec<u8> = Vec::new();
        let mut room: Option<OwnedSemaphorePermit> = None;
        while let Some(frame) = timeout_at(deadline, body.frame()).await.map_err(|_| Refusal::BodySlow)? {
            let Ok(data) = frame.map_err(|_| Refusal::BodyBroken)?.into_data() else { continue };
            let length = kept.len() + data.len();
            if length > self.max_bytes {
                return Err(Refusal::TooLong { max_bytes: self.max_bytes });
            }
            if kept.is_empty() && data.len() <= OWN_BYTES && body.is_end_stream() {
                return Ok(Held::new(data));
            }
            if length > kept.capacity() {
                let capacity = next_capacity(kept.capacity(), length, announced, self.max_bytes);
                let wanted =
                    capacity.saturating_sub(OWN_BYTES) - room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
                if wanted > 0 {
                    let more = self.take_room(wanted, deadline).await?;
                    match &mut room {
                        Some(room) => room.merge(more),
                        None => room = Some(more),
                    }
                }
                kept.reserve_exact(capacity - kept.len());
            }
            kept.extend_from_slice(&data);
        }
        Ok(Held { bytes: kept.into(), _room: room })
    }

    async fn take_room(&self, bytes: usize, deadline: Instant) -> Result<OwnedSemaphorePermit, Refusal> {
        let permits = u32::try_from(bytes).map_err(|_| Refusal::NoRoom)?;
        let taken = timeout_at(deadline, Arc::clone(&self.room).acquire_many_owned(permits)).await;
        taken.map_err(|_| Refusal::NoRoom)?.map_err(|_| Refusal::NoRoom)
    }

    /// Reads off and drops the rest of a refused request's body. Closing while the sender still writes resets the
    /// connection, and the refusal would never be read. A sender that waits to be asked for the body isn't asked.
    pub(crate) async fn discard(&self, headers: &HeaderMap, body: &mut Body, deadline: Instant) {
        if headers.contains_key(header::EXPECT) {
            return;
        }
        let mut left = self.max_bytes.saturating_mul(2);
        while let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                return;
            }
        }
    }
}

/// Twice as much each time, from [`OWN_BYTES`], but no more than is announced or allowed, and enough for `needed`.
fn next_capacity(now: usize, needed: usize, announced: Option<usize>, max_bytes: usize) -> usize {
    let most = announced.unwrap_or(max_bytes).min(max_bytes);
    needed.max(now.saturating_mul(2).max(OWN_BYTES).min(most))
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use futures_util::stream;
    use proptest::prelude::*;

    use super::*;

    fn body(chunks: Vec<Vec<u8>>) -> Body {
        Body::from_stream(stream::iter(chunks.into_iter().map(Ok::<_, std::convert::Infallible>)))
    }

    fn limits(max_bytes: usize, room: usize) -> BodyLimits {
        BodyLimits::new(max_bytes, Duration::from_secs(5), room)
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_sent_and_the_room_comes_back(
            sizes in proptest::collection::vec(0_usize..60_000, 0..8),
            announce: bool,
        ) {
            let chunks: Vec<Vec<u8>> = sizes.iter().enumerate().map(|(i, n)| vec![u8::try_from(i).unwrap(); *n]).collect();
            let sent = chunks.concat();
            let limits = limits(200_000, 200_000);
            let announced = announce.then_some(sent.len());
            let read = block_on(limits.read(announced, &mut body(chunks), limits.deadline()));
            if sent.len() > 200_000 {
                let refusal = read.err();
                prop_assert_eq!(refusal, Some(Refusal::TooLong { max_bytes: 200_000 }));
            } else {
                let held = read.unwrap();
                prop_assert_eq!(held.bytes(), &sent[..]);
                let taken = 200_000 - limits.room.available_permits();
                prop_assert!(taken + OWN_BYTES >= sent.len() && taken <= 200_000 - OWN_BYTES, "took {taken}");
            }
            prop_assert_eq!(limits.room.available_permits(), 200_000);
        }
    }

    #[test]
    fn announcing_much_takes_no_room_from_others() {
        let limits = limits(1 << 20, 1 << 20);
        block_on(async {
            let silent: Vec<_> =
                (0..20).map(|_| Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>())).collect();
            for mut body in silent {
                let soon = Instant::now() + Duration::from_millis(1);
                assert!(matches!(limits.read(Some(1 << 20), &mut body, soon).await, Err(Refusal::BodySlow)));
            }
            assert_eq!(limits.room.available_permits(), 1 << 20);
        });
    }

    #[test]
    fn when_the_room_is_full_a_long_body_is_told_to_come_again_and_a_short_one_passes() {
        let limits = limits(1 << 20, 1 << 20);
        block_on(async {
            let all = limits.take_room(1 << 20, limits.deadline()).await.unwrap();
            let soon = Instant::now() + Duration::from_millis(1);
            let mut long = body(vec![vec![0; 100_000], vec![0; 100_000]]);
            assert!(matches!(limits.read(None, &mut long, soon).await, Err(Refusal::NoRoom)));
            let mut short = body(vec![vec![0; 30_000], vec![0; 30_000]]);
            assert_eq!(limits.read(None, &mut short, limits.deadline()).await.map(|h| h.bytes().len()), Ok(60_000));
            drop(all);
            let mut long = body(vec![vec![0; 100_000], vec![0; 100_000]]);
            assert!(limits.read(None, &mut long, limits.deadline()).await.is_ok());
        });
    }

    #[test]
    fn a_refused_body_is_read_off_only_so_far_and_never_asked_for() {
        let limits = limits(1_000, 1 << 20);
        let endless = || {
            Body::from_stream(
                stream::repeat(Ok::<_, std::convert::Infallible>(Bytes::from_static(&[0; 100]))).take(1 << 30),
            )
        };
        block_on(async {
            limits.discard(&HeaderMap::new(), &mut endless(), limits.deadline()).await;
            let mut headers = HeaderMap::new();
            headers.insert(header::EXPECT, axum::http::HeaderValue::from_static("100-continue"));
            let mut unasked = body(vec![vec![1; 10]]);
            limits.discard(&headers, &mut unasked, limits.deadline()).await;
            assert_eq!(unasked.collect().await.unwrap().to_bytes().len(), 10);
        });
    }
}
