//! Recorded answers, for what no emulator does: SQS's own redrive task, throttling, a batch that fails in part.

use aws_sdk_sqs::error::ErrorMetadata;
use aws_sdk_sqs::operation::cancel_message_move_task::CancelMessageMoveTaskOutput;
use aws_sdk_sqs::operation::get_queue_attributes::GetQueueAttributesOutput;
use aws_sdk_sqs::operation::list_message_move_tasks::ListMessageMoveTasksOutput;
use aws_sdk_sqs::operation::receive_message::ReceiveMessageError;
use aws_sdk_sqs::operation::send_message_batch::{SendMessageBatchError, SendMessageBatchOutput};
use aws_sdk_sqs::operation::start_message_move_task::{StartMessageMoveTaskError, StartMessageMoveTaskOutput};
use aws_sdk_sqs::types::{ListMessageMoveTasksResultEntry, SendMessageBatchResultEntry};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

use super::*;

const DEAD_ARN: &str = "arn:aws:sqs:us-east-1:123456789012:eco-coder-dead";

fn queue(rules: &[&Rule]) -> SqsQueue {
    let client = mock_client!(aws_sdk_sqs, RuleMode::MatchAny, rules);
    SqsQueue::with_clients(client.clone(), client, "main".to_owned(), "dead".to_owned(), Arc::new(SystemEnv))
}

fn arn_of_the_dead() -> Rule {
    mock!(Client::get_queue_attributes)
        .match_requests(|call| call.queue_url() == Some("dead"))
        .then_output(|| GetQueueAttributesOutput::builder().attributes(QueueAttributeName::QueueArn, DEAD_ARN).build())
}

fn message(body: &str) -> NewMessage {
    NewMessage { group: "7".to_owned(), body: body.to_owned(), delay: Duration::ZERO }
}

#[tokio::test]
async fn a_move_task_is_started_listed_and_cancelled() {
    let arn = arn_of_the_dead();
    let start = mock!(Client::start_message_move_task)
        .match_requests(|call| {
            call.source_arn() == Some(DEAD_ARN) && call.max_number_of_messages_per_second() == Some(500)
        })
        .then_output(|| StartMessageMoveTaskOutput::builder().task_handle("handle").build());
    let list = mock!(Client::list_message_move_tasks).then_output(|| {
        let running = ListMessageMoveTasksResultEntry::builder()
            .task_handle("handle")
            .status("RUNNING")
            .approximate_number_of_messages_moved(40)
            .approximate_number_of_messages_to_move(100_000);
        let failed = ListMessageMoveTasksResultEntry::builder().status("FAILED").failure_reason("AccessDenied");
        ListMessageMoveTasksOutput::builder().results(running.build()).results(failed.build()).build()
    });
    let cancel = mock!(Client::cancel_message_move_task)
        .match_requests(|call| call.task_handle() == Some("handle"))
        .then_output(|| CancelMessageMoveTaskOutput::builder().approximate_number_of_messages_moved(41).build());
    let queue = queue(&[&arn, &start, &list, &cancel]);
    assert_eq!(queue.start_move(Some(MAX_PER_SECOND)).await.unwrap(), "handle");
    let tasks = queue.moves().await.unwrap();
    assert_eq!((tasks[0].status.as_str(), tasks[0].moved, tasks[0].to_move), ("RUNNING", 40, Some(100_000)));
    assert_eq!((&tasks[1].handle, tasks[1].failure.as_deref()), (&None, Some("AccessDenied")));
    assert_eq!(queue.cancel_move("handle").await.unwrap(), 41);
    assert!(matches!(queue.start_move(Some(501)).await, Err(QueueError::Invalid(_))));
    assert!(matches!(queue.start_move(Some(0)).await, Err(QueueError::Invalid(_))));
}

#[tokio::test]
async fn a_role_that_may_not_is_told_which_action_it_needs() {
    let arn = arn_of_the_dead();
    let denied = mock!(Client::start_message_move_task).then_error(|| {
        StartMessageMoveTaskError::generic(
            ErrorMetadata::builder().code("AccessDenied").message("User is not authorized").build(),
        )
    });
    let error = queue(&[&arn, &denied]).start_move(None).await.unwrap_err().to_string();
    assert!(error.contains("allow sqs:StartMessageMoveTask"), "{error}");
}

#[tokio::test]
async fn throttling_is_told_apart_and_says_when_to_come_again() {
    let throttled = mock!(Client::receive_message)
        .then_error(|| ReceiveMessageError::generic(ErrorMetadata::builder().code("ThrottlingException").build()));
    let error = queue(&[&throttled]).receive(1, Duration::ZERO, Duration::ZERO).await.unwrap_err();
    assert_eq!(error, QueueError::Throttled(THROTTLED));
}

#[tokio::test]
async fn a_batch_that_fails_in_part_is_answered_entry_by_entry() {
    let partly = mock!(Client::send_message_batch).then_output(|| {
        let ok = |id: &str| {
            SendMessageBatchResultEntry::builder().id(id).message_id(format!("m{id}")).md5_of_message_body("x").build()
        };
        let failed = BatchResultErrorEntry::builder().id("1").code("InternalError").sender_fault(false).build();
        SendMessageBatchOutput::builder().successful(ok("0").unwrap()).failed(failed.unwrap()).build().unwrap()
    });
    let sent = queue(&[&partly]).send(vec![message("a"), message("b"), message("c")]).await.unwrap();
    assert_eq!(sent[0], Ok("m0".to_owned()));
    assert!(matches!(&sent[1], Err(EntryError::Refused(words)) if words.contains("InternalError")));
    // What SQS says nothing of is not stored, as far as anybody knows.
    assert!(matches!(&sent[2], Err(EntryError::Refused(_))));
}

#[tokio::test]
async fn a_call_that_fails_fails_its_ten_and_not_the_others() {
    let fails = mock!(Client::send_message_batch)
        .match_requests(|call| call.entries().iter().any(|entry| entry.message_body() == "bad"))
        .then_error(|| SendMessageBatchError::generic(ErrorMetadata::builder().code("InternalFailure").build()));
    let works = mock!(Client::send_message_batch)
        .match_requests(|call| call.entries().iter().all(|entry| entry.message_group_id() == Some("7")))
        .then_output(|| {
            let ids = (0..10).map(|n| {
                let entry = SendMessageBatchResultEntry::builder().id(n.to_string()).message_id("m");
                entry.md5_of_message_body("x").build().unwrap()
            });
            SendMessageBatchOutput::builder()
                .set_successful(Some(ids.collect()))
                .set_failed(Some(vec![]))
                .build()
                .unwrap()
        });
    let mut batch = vec![message("good"); 20];
    batch[13] = message("bad");
    let sent = queue(&[&fails, &works]).send(batch).await.unwrap();
    let stored: Vec<_> = sent.iter().map(Result::is_ok).collect();
    assert_eq!(stored[..10], [true; 10]);
    assert_eq!(stored[10..], [false; 10]);
}
