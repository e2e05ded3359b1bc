//! SQS's own redrive: a task of AWS that moves all dead letters back, thousands a minute, bodies unchanged. Receiving
//! tells those messages by their attributes ([`super::letters::redriven_at`]), and attempts start afresh.

use serde::Serialize;

use super::SqsQueue;
use crate::aws::{Fault, count};
use crate::queue::QueueError;
use aws_sdk_sqs::types::QueueAttributeName;

/// The most messages a second that SQS moves.
pub const MAX_PER_SECOND: i32 = 500;

/// One task, as SQS lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MoveTask {
    /// For cancelling; only a running task has one.
    pub handle: Option<String>,
    /// RUNNING, COMPLETED, CANCELLING, CANCELLED or FAILED.
    pub status: String,
    /// Messages moved so far, about.
    pub moved: i64,
    /// Messages to move, about, when it began.
    pub to_move: Option<i64>,
    /// Why it failed.
    pub failure: Option<String>,
}

impl SqsQueue {
    /// Starts moving all dead letters back, at most `per_second` (up to [`MAX_PER_SECOND`]; `None`: as SQS likes). One
    /// task runs at a time. Returns its handle.
    pub async fn start_move(&self, per_second: Option<i32>) -> Result<String, QueueError> {
        if per_second.is_some_and(|rate| !(1..=MAX_PER_SECOND).contains(&rate)) {
            return Err(QueueError::Invalid(format!("messages a second are from 1 to {MAX_PER_SECOND}")));
        }
        let source = self.dead_letter_arn().await?;
        count("sqs", "StartMessageMoveTask");
        let call = self.client.start_message_move_task().source_arn(source);
        let started = call.set_max_number_of_messages_per_second(per_second).send().await;
        let started = started.map_err(|e| super::failed(&Fault::new("sqs:StartMessageMoveTask", &e)))?;
        Ok(started.task_handle().unwrap_or_default().to_owned())
    }

    /// The last tasks, newest first.
    pub async fn moves(&self) -> Result<Vec<MoveTask>, QueueError> {
        let source = self.dead_letter_arn().await?;
        count("sqs", "ListMessageMoveTasks");
        let listed = self.client.list_message_move_tasks().source_arn(source).max_results(10).send().await;
        let listed = listed.map_err(|e| super::failed(&Fault::new("sqs:ListMessageMoveTasks", &e)))?;
        let task = |task: &aws_sdk_sqs::types::ListMessageMoveTasksResultEntry| MoveTask {
            handle: task.task_handle().map(str::to_owned),
            status: task.status().unwrap_or("UNKNOWN").to_owned(),
            moved: task.approximate_number_of_messages_moved(),
            to_move: task.approximate_number_of_messages_to_move(),
            failure: task.failure_reason().map(str::to_owned),
        };
        Ok(listed.results().iter().map(task).collect())
    }

    /// Stops a running task; what it has moved stays moved. Returns about how many that were.
    pub async fn cancel_move(&self, handle: &str) -> Result<i64, QueueError> {
        count("sqs", "CancelMessageMoveTask");
        let cancelled = self.client.cancel_message_move_task().task_handle(handle).send().await;
        let cancelled = cancelled.map_err(|e| super::failed(&Fault::new("sqs:CancelMessageMoveTask", &e)))?;
        Ok(cancelled.approximate_number_of_messages_moved())
    }

    async fn dead_letter_arn(&self) -> Result<String, QueueError> {
        let attributes = self.attributes(&self.dead_url, [QueueAttributeName::QueueArn]).await?;
        attributes
            .get(&QueueAttributeName::QueueArn)
            .cloned()
            .ok_or_else(|| QueueError::Unavailable("SQS does not say the dead-letter queue's ARN".to_owned()))
    }
}
