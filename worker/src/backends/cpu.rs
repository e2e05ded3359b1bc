//! The bounded pool that analysis runs on: few threads with large stacks, whatever the number of reviews.
//!
//! It takes a few tasks per thread; whoever comes then waits for a place, and that wait holds no thread. Places and
//! threads are given in turns between repositories, so that a pull request with thousands of files holds up no other.
//! A review has a [`CpuBudget`]. A panic in one task ends that task only; a task that nobody waits for any more is
//! dropped without a run.

pub mod budget;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eco_coder_shared::ids::RepoId;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::oneshot;

use self::budget::CpuBudget;
use crate::gate::{Gate, Permit};
use crate::turns::Turns;

/// Tasks taken in per thread, the one that runs included: enough that no thread waits for the next, few enough that a
/// repository that comes anew is soon served.
pub const PLACES_PER_THREAD: usize = 4;

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoResult {
    /// It panicked, or the pool is ending.
    #[error("the analysis of a file ended abnormally")]
    Lost,
    /// The review had no CPU time left when its turn came.
    #[error("the CPU time for one pull request was up (analysis.cpu_seconds)")]
    BudgetSpent,
}

/// The pool. Dropping the last handle ends the threads when what they have taken in is done.
#[derive(Clone)]
pub struct CpuPool {
    places: Gate,
    threads: usize,
    handle: Arc<Handle>,
}

struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.news.notify_all();
    }
}

#[derive(Default)]
struct Shared {
    ready: Mutex<Ready>,
    news: Condvar,
}

#[derive(Default)]
struct Ready {
    tasks: Turns<RepoId, Box<dyn Task>>,
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next task, in turns; `None`: the pool is over.
    fn next(&self) -> Option<Box<dyn Task>> {
        let mut ready = self.lock();
        loop {
            if let Some(task) = ready.tasks.take(|task| task.is_wanted()) {
                return Some(task);
            }
            if ready.ended {
                return None;
            }
            ready = self.news.wait(ready).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What a thread runs, whatever it returns.
trait Task: Send {
    /// Does anybody still wait for it?
    fn is_wanted(&self) -> bool;
    /// Runs it and answers.
    fn run(self: Box<Self>);
}

struct Errand<F, T> {
    work: F,
    budget: CpuBudget,
    answer: oneshot::Sender<Result<(T, Duration), NoResult>>,
    place: Permit,
}

impl<T: Send, F: FnOnce(Duration) -> T + Send> Task for Errand<F, T> {
    fn is_wanted(&self) -> bool {
        !self.answer.is_closed()
    }

    fn run(self: Box<Self>) {
        let Self { work, budget, answer, place } = *self;
        let left = budget.left();
        let result = if left.is_zero() {
            drop(work);
            Err(NoResult::BudgetSpent)
        } else {
            let before = cpu_time();
            // What the work holds is dropped in here, before anybody hears of its end.
            let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| work(left)));
            let took = cpu_time().saturating_sub(before);
            budget.charge(took);
            outcome.map(|value| (value, took)).map_err(|_| NoResult::Lost)
        };
        drop(place);
        // Nobody may wait any more: a deadline has passed.
        let _ = answer.send(result);
    }
}

impl CpuPool {
    /// Starts `threads` threads (0: one per hardware thread), each with `stack` bytes.
    pub fn start(threads: usize, stack: usize) -> std::io::Result<Self> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        };
        let shared = Arc::new(Shared::default());
        let handle = Arc::new(Handle(Arc::clone(&shared)));
        for n in 0..threads {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name(format!("analysis-{n}")).stack_size(stack).spawn(move || {
                while let Some(task) = shared.next() {
                    task.run();
                }
            })?;
        }
        Ok(Self { places: Gate::new(threads * PLACES_PER_THREAD), threads, handle })
    }

    /// A pool without threads: whoever brings a task does it, on the spot. For simulations, in which one thread does everything
    /// in an order that can be repeated.
    #[cfg(any(test, feature = "testing"))]
    pub fn on_the_spot() -> Self {
        Self { places: Gate::new(1), threads: 0, handle: Arc::new(Handle(Arc::default())) }
    }

    #[cfg(any(test, feature = "testing"))]
    fn work_off(&self) {
        if self.threads > 0 {
            return;
        }
        let next = || self.handle.0.lock().tasks.take(|task| task.is_wanted());
        while let Some(task) = next() {
            task.run();
        }
    }

    /// How many tasks run at once.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Waits for a place, in turns between repositories, then runs `work` and returns its result with the CPU time it
    /// took, which is charged to `budget`. `work` is told how much of the budget is left when it begins.
    pub async fn run<T: Send + 'static>(
        &self,
        repository: RepoId,
        budget: &CpuBudget,
        work: impl FnOnce(Duration) -> T + Send + 'static,
    ) -> Result<(T, Duration), NoResult> {
        let place = self.places.acquire(repository, 1).await;
        let (answer, result) = oneshot::channel();
        let shared = &self.handle.0;
        shared.lock().tasks.push(repository, Box::new(Errand { work, budget: budget.clone(), answer, place }));
        shared.news.notify_one();
        #[cfg(any(test, feature = "testing"))]
        self.work_off();
        result.await.unwrap_or(Err(NoResult::Lost))
    }
}

/// CPU time of the calling thread so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt;
    use futures_util::future::join_all;

    use super::*;

    const A: RepoId = RepoId(1);
    const B: RepoId = RepoId(2);

    fn pool(threads: usize) -> CpuPool {
        CpuPool::start(threads, 1 << 20).unwrap()
    }

    /// Keeps the pool's one thread busy until the sender is dropped.
    fn hold(pool: &CpuPool) -> (mpsc::Sender<()>, impl Future<Output = Result<((), Duration), NoResult>> + use<>) {
        let (held, until) = mpsc::channel::<()>();
        let pool = pool.clone();
        let budget = CpuBudget::unlimited();
        let mut busy = Box::pin(async move { pool.run(A, &budget, move |_| until.recv().unwrap_or(())).await });
        assert!((&mut busy).now_or_never().is_none());
        (held, busy)
    }

    #[tokio::test]
    async fn a_panic_loses_its_task_and_nothing_else() {
        let (pool, budget) = (pool(1), CpuBudget::unlimited());
        assert_eq!(pool.run(A, &budget, |_| panic!("on purpose")).await.unwrap_err(), NoResult::Lost);
        assert_eq!(pool.run(A, &budget, |_| 7).await.unwrap().0, 7);
    }

    #[tokio::test]
    async fn cpu_time_is_what_the_task_used_and_is_charged() {
        let (pool, budget) = (pool(2), CpuBudget::new(Duration::from_hours(1)));
        let spin = |_| (0..20_000_000u64).fold(0, |a, b| std::hint::black_box(a ^ b));
        let (sum, busy) = pool.run(A, &budget, spin).await.unwrap();
        assert!(budget.left() + busy <= Duration::from_hours(1) + Duration::from_micros(1));
        let ((), idle) = pool.run(A, &budget, |_| ()).await.unwrap();
        assert!(busy > idle, "{busy:?} > {idle:?}, {sum}");
    }

    #[tokio::test]
    async fn a_review_without_cpu_time_left_runs_nothing_more_and_others_do() {
        let (pool, budget) = (pool(1), CpuBudget::new(Duration::from_millis(1)));
        budget.charge(Duration::from_millis(1));
        let (ran, told) = mpsc::channel::<()>();
        let spent = pool.run(A, &budget, move |_| ran.send(()).unwrap()).await;
        assert_eq!(spent.unwrap_err(), NoResult::BudgetSpent);
        assert!(told.recv().is_err(), "it did not run, and what it held is dropped");
        let left = pool.run(A, &CpuBudget::new(Duration::from_secs(5)), |left| left).await.unwrap().0;
        assert_eq!(left, Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_file_of_one_repository_is_soon_analysed_behind_five_thousand_of_another() {
        let (pool, budget) = (pool(1), CpuBudget::unlimited());
        let (held, busy) = hold(&pool);
        let (done, order) = mpsc::channel();
        let waiting = Arc::new(tokio::sync::Semaphore::new(0));
        let keys = || std::iter::repeat_n(A, 5000).chain([B]);
        let tasks: Vec<_> = keys()
            .map(|key| {
                let (pool, done, budget, waiting) = (pool.clone(), done.clone(), budget.clone(), waiting.clone());
                tokio::spawn(async move {
                    waiting.add_permits(1);
                    pool.run(key, &budget, move |_| done.send(key).unwrap()).await
                })
            })
            .collect();
        drop(waiting.acquire_many(5001).await.unwrap());
        drop(held);
        busy.await.unwrap();
        assert!(join_all(tasks).await.into_iter().all(|task| task.unwrap().is_ok()));
        drop(done);
        let place = order.iter().position(|key| key == B).unwrap();
        // Behind those that had places, and those that took them meanwhile.
        assert!(place <= 2 * PLACES_PER_THREAD, "place {place}");
    }

    #[tokio::test]
    async fn what_is_cancelled_does_not_run_and_leaves_its_place() {
        let (pool, budget) = (pool(1), CpuBudget::unlimited());
        let (held, busy) = hold(&pool);
        let (ran, told) = mpsc::channel();
        for _ in 0..3 * PLACES_PER_THREAD {
            let ran = ran.clone();
            assert!(pool.run(A, &budget, move |_| ran.send(()).unwrap()).now_or_never().is_none());
        }
        drop((held, ran));
        busy.await.unwrap();
        assert_eq!(pool.run(A, &budget, |_| 7).await.unwrap().0, 7);
        assert!(told.recv().is_err(), "none ran");
        assert_eq!(pool.places.in_use(), 0);
    }

    #[tokio::test]
    async fn tasks_taken_in_are_done_when_the_pool_goes() {
        let pool = pool(1);
        let (held, busy) = hold(&pool);
        let budget = CpuBudget::unlimited();
        let taken_in = pool.clone();
        let mut last = Box::pin(async move { taken_in.run(A, &budget, |_| 7).await });
        assert!((&mut last).now_or_never().is_none());
        drop((pool, held));
        busy.await.unwrap();
        assert_eq!(last.await.unwrap().0, 7);
    }
}
