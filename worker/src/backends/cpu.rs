//! The bounded pool that analysis runs on: few threads with large stacks, whatever the number of reviews. A panic in one
//! task ends that task only. Counts the CPU time of each task.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::oneshot;

type Task = Box<dyn FnOnce() + Send>;

/// A task was lost: it panicked, or the pool is ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the analysis of a file ended abnormally")]
pub struct Lost;

/// The pool. Dropping the last handle ends the threads when their tasks are done.
#[derive(Clone)]
pub struct CpuPool {
    tasks: mpsc::Sender<Task>,
    threads: usize,
}

impl CpuPool {
    /// Starts `threads` threads (0: one per hardware thread), each with `stack` bytes.
    pub fn start(threads: usize, stack: usize) -> std::io::Result<Self> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        };
        let (tasks, receiver) = mpsc::channel::<Task>();
        let receiver = Arc::new(Mutex::new(receiver));
        for n in 0..threads {
            let receiver = Arc::clone(&receiver);
            std::thread::Builder::new().name(format!("analysis-{n}")).stack_size(stack).spawn(move || {
                loop {
                    // Held only while waiting for a task, not while it runs.
                    let task = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(task) = task else { return };
                    task();
                }
            })?;
        }
        Ok(Self { tasks, threads })
    }

    /// How many tasks run at once.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Runs `work` and returns its result with the CPU time it took.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, Duration), Lost> {
        let (answer, result) = oneshot::channel();
        let task = Box::new(move || {
            if answer.is_closed() {
                return; // nobody waits any more: a deadline has passed
            }
            let before = cpu_time();
            if let Ok(value) = std::panic::catch_unwind(AssertUnwindSafe(work)) {
                let _ = answer.send((value, cpu_time().saturating_sub(before)));
            }
        });
        self.tasks.send(task).map_err(|_| Lost)?;
        result.await.map_err(|_| Lost)
    }
}

/// CPU time of the calling thread so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_loses_its_task_and_nothing_else() {
        let pool = CpuPool::start(1, 1 << 20).unwrap();
        assert_eq!(pool.run(|| panic!("on purpose")).await.unwrap_err(), Lost);
        assert_eq!(pool.run(|| 7).await.unwrap().0, 7);
    }

    #[tokio::test]
    async fn cpu_time_is_what_the_task_used() {
        let pool = CpuPool::start(2, 1 << 20).unwrap();
        let (sum, busy) = pool.run(|| (0..20_000_000u64).fold(0, |a, b| std::hint::black_box(a ^ b))).await.unwrap();
        let ((), idle) = pool.run(|| ()).await.unwrap();
        assert!(busy > idle, "{busy:?} > {idle:?}, {sum}");
    }
}
