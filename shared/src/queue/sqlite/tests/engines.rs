//! The contract suite against this engine: in memory, on a file, and over two handles on one file, as two processes
//! would have them.

use super::*;
use crate::queue::contract::Engine;

/// How the queue is opened.
#[derive(Clone, Copy)]
enum Kind {
    Memory,
    File,
    TwoHandles,
}

struct Engines {
    kind: Kind,
    env: Arc<ManualEnv>,
    dir: TempDir,
}

impl Engines {
    fn new(kind: Kind) -> Self {
        Self { kind, env: clock(), dir: tempfile::tempdir().unwrap() }
    }
}

#[async_trait]
impl Engine for Engines {
    async fn fresh(&self) -> Arc<dyn JobQueue> {
        let path = self.dir.path().join(self.env.random_id());
        let open = || SqliteQueue::open(&path, self.env.clone()).unwrap();
        match self.kind {
            Kind::Memory => Arc::new(SqliteQueue::in_memory(self.env.clone()).unwrap()),
            Kind::File => Arc::new(open()),
            Kind::TwoHandles => Arc::new(Alternating { handles: [open(), open()], calls: AtomicUsize::new(0) }),
        }
    }

    async fn pass(&self, length: Duration) {
        self.env.advance(length);
    }
}

/// Each call goes to the other handle.
struct Alternating {
    handles: [SqliteQueue; 2],
    calls: AtomicUsize,
}

impl Alternating {
    fn next(&self) -> &SqliteQueue {
        &self.handles[self.calls.fetch_add(1, Ordering::SeqCst) % 2]
    }
}

#[async_trait]
impl JobQueue for Alternating {
    async fn send(&self, batch: Vec<NewMessage>) -> Result<Vec<Result<String, EntryError>>, QueueError> {
        self.next().send(batch).await
    }

    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Received>, QueueError> {
        self.next().receive(max, wait, visibility).await
    }

    async fn extend(
        &self,
        receipts: &[Receipt],
        visibility: Duration,
    ) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        self.next().extend(receipts, visibility).await
    }

    async fn ack(&self, receipts: &[Receipt]) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        self.next().ack(receipts).await
    }

    async fn defer(
        &self,
        received: &Received,
        body: String,
        delay: Duration,
    ) -> Result<Result<(), EntryError>, QueueError> {
        self.next().defer(received, body, delay).await
    }

    async fn dead_letter(&self, received: &Received, death: Death) -> Result<Result<(), EntryError>, QueueError> {
        self.next().dead_letter(received, death).await
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        self.next().depth().await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, QueueError> {
        self.next().dead_letters(limit).await
    }

    async fn redrive(&self, which: Redrive, rewrite: Rewrite) -> Result<u64, QueueError> {
        self.next().redrive(which, rewrite).await
    }

    async fn check(&self) -> Result<(), QueueError> {
        self.next().check().await
    }
}

mod in_memory {
    use super::{Engines, Kind};

    crate::queue_contract!(Engines::new(Kind::Memory));
}

mod on_a_file {
    use super::{Engines, Kind};

    crate::queue_contract!(Engines::new(Kind::File));
}

mod two_handles_on_a_file {
    use super::{Engines, Kind};

    crate::queue_contract!(Engines::new(Kind::TwoHandles));
}
