//! What the service does, as its callers see it.

use serde_json::json;

use crate::testing::{ACCOUNT, World, root, user};

#[tokio::test]
async fn a_queue_is_made_once() {
    let world = World::new().await;
    let url = world.queue("q", json!({"DelaySeconds": "1"})).await;
    assert_eq!(url, format!("http://localhost:4566/{ACCOUNT}/q"));
    assert_eq!(world.queue("q", json!({})).await, url);
    assert_eq!(world.queue("q", json!({"DelaySeconds": "1", "VisibilityTimeout": "30"})).await, url);
    let other = json!({"QueueName": "q", "Attributes": {"DelaySeconds": "2"}});
    let (code, text) = world.refused("CreateQueue", other).await;
    assert_eq!((code.as_str(), text.ends_with("attribute DelaySeconds")), ("QueueNameExists", true));
    world.run("DeleteQueue", json!({"QueueUrl": url})).await;
    assert_eq!(world.refused("CreateQueue", json!({"QueueName": "q"})).await.0, "QueueDeletedRecently");
    assert_eq!(world.refused("SendMessage", json!({"QueueUrl": url, "MessageBody": "x"})).await.0, "QueueDoesNotExist");
    world.pass(61);
    world.queue("q", json!({})).await;
}

#[tokio::test]
async fn a_message_is_out_until_it_is_deleted_or_its_time_is_over() {
    let mut world = World::new().await;
    let url = world.queue("q", json!({})).await;
    world.send(&url, "a").await;
    let first = world.receive(&url).await;
    assert_eq!(first.len(), 1);
    assert!(world.receive(&url).await.is_empty());
    // After a crash it is still out, and its handle still good.
    world.reopen().await;
    assert!(world.receive(&url).await.is_empty());
    world.pass(31);
    let second = world.receive(&url).await;
    assert_eq!(second.len(), 1);
    // The older handle deletes nothing.
    world.run("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": first[0].1})).await;
    let counts = world.run("GetQueueAttributes", json!({"QueueUrl": url, "AttributeNames": ["All"]})).await;
    assert_eq!(counts["Attributes"]["ApproximateNumberOfMessagesNotVisible"], "1");
    world.run("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": second[0].1})).await;
    world.reopen().await;
    world.pass(60);
    assert!(world.receive(&url).await.is_empty());
    let (code, _) = world.refused("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": "x"})).await;
    assert_eq!(code, "ReceiptHandleIsInvalid");
}

#[tokio::test]
async fn visibility_is_changed_while_a_message_is_out() {
    let world = World::new().await;
    let url = world.queue("q", json!({})).await;
    world.send(&url, "a").await;
    let handle = world.receive(&url).await.remove(0).1;
    let change = |secs: i64| json!({"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": secs});
    world.run("ChangeMessageVisibility", change(100)).await;
    world.pass(50);
    assert!(world.receive(&url).await.is_empty());
    assert_eq!(world.refused("ChangeMessageVisibility", change(43_200)).await.0, "InvalidParameterValue");
    assert_eq!(world.refused("ChangeMessageVisibility", change(43_201)).await.0, "InvalidParameterValue");
    world.run("ChangeMessageVisibility", change(0)).await;
    assert_eq!(world.refused("ChangeMessageVisibility", change(1)).await.0, "InvalidParameterValue");
    assert_eq!(world.receive(&url).await.len(), 1);
}

#[tokio::test]
async fn messages_come_late_and_go_early() {
    let world = World::new().await;
    let url = world.queue("q", json!({"MessageRetentionPeriod": "60"})).await;
    world.run("SendMessage", json!({"QueueUrl": url, "MessageBody": "late", "DelaySeconds": 10})).await;
    assert!(world.receive(&url).await.is_empty());
    world.pass(11);
    world.send(&url, "now").await;
    assert_eq!(world.bodies(&url).await, ["late", "now"]);
    world.pass(55);
    assert_eq!(world.bodies(&url).await, ["now"]);
    world.pass(60);
    assert!(world.receive(&url).await.is_empty());
    while world.sqs.round().await.unwrap() {}
    let rows = state::State::scan(&world.memory, "sqs/contents", state::Range::all(), 10).await.unwrap();
    assert!(rows.is_empty());
}

#[tokio::test]
async fn groups_keep_their_order_and_repetitions_are_dropped() {
    let mut world = World::new().await;
    let url = world.queue("q.fifo", json!({"FifoQueue": "true", "ContentBasedDeduplication": "true"})).await;
    let send = |group: &str, body: &str| json!({"QueueUrl": url, "MessageBody": body, "MessageGroupId": group});
    let first = world.run("SendMessage", send("g", "1")).await;
    assert_eq!(first["SequenceNumber"].as_str().unwrap().len(), 20);
    world.run("SendMessage", send("g", "2")).await;
    world.run("SendMessage", send("h", "3")).await;
    world.reopen().await;
    // Known after a restart too.
    assert_eq!(world.run("SendMessage", send("g", "1")).await, first);
    let one = world.run("ReceiveMessage", json!({"QueueUrl": url, "ReceiveRequestAttemptId": "a"})).await;
    assert_eq!(one["Messages"][0]["Body"], "1");
    // The same attempt again: the same message and handle.
    let again = world.run("ReceiveMessage", json!({"QueueUrl": url, "ReceiveRequestAttemptId": "a"})).await;
    assert_eq!(one, again);
    // The group is closed, the other is not.
    assert_eq!(world.bodies(&url).await, ["3"]);
    world.run("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": one["Messages"][0]["ReceiptHandle"]})).await;
    assert_eq!(world.bodies(&url).await, ["2"]);
    world.pass(301);
    world.run("SendMessage", send("g", "1")).await;
    assert_eq!(world.bodies(&url).await, ["2", "1", "3"]);
    let missing = json!({"QueueUrl": url, "MessageBody": "x"});
    assert_eq!(world.refused("SendMessage", missing).await.0, "MissingParameter");
}

#[tokio::test]
async fn numbers_only_grow_though_messages_go_and_the_server_starts_anew() {
    let mut world = World::new().await;
    let url = world.queue("q.fifo", json!({"FifoQueue": "true", "ContentBasedDeduplication": "true"})).await;
    let send = |body: &str| json!({"QueueUrl": url, "MessageBody": body, "MessageGroupId": "g"});
    let first = world.run("SendMessage", send("1")).await;
    let (_, handle) = world.receive(&url).await.remove(0);
    world.run("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": handle})).await;
    // Nothing is left of it but what it is known by, and the clock stands.
    world.reopen().await;
    let second = world.run("SendMessage", send("2")).await;
    assert!(first["SequenceNumber"].as_str() < second["SequenceNumber"].as_str(), "{first} {second}");
}

#[tokio::test]
async fn batches_fail_in_part() {
    let world = World::new().await;
    let url = world.queue("q", json!({"MaximumMessageSize": "1024"})).await;
    let batch = |entries: serde_json::Value| json!({"QueueUrl": url, "Entries": entries});
    let long = "x".repeat(1025);
    let entries =
        json!([{"Id": "a", "MessageBody": "a"}, {"Id": "b", "MessageBody": long}, {"Id": "c", "MessageBody": "\u{1}"}]);
    let done = world.run("SendMessageBatch", batch(entries)).await;
    assert_eq!(
        (&done["Successful"][0]["Id"], &done["Failed"][0]["Code"]),
        (&json!("a"), &json!("InvalidParameterValue"))
    );
    assert_eq!(done["Failed"][1]["Code"], "InvalidMessageContents");
    let check = async |entries: serde_json::Value, code: &str| {
        assert_eq!(world.refused("SendMessageBatch", batch(entries)).await.0, code);
    };
    check(json!([]), "EmptyBatchRequest").await;
    check(json!([{"Id": "a", "MessageBody": "a"}, {"Id": "a", "MessageBody": "a"}]), "BatchEntryIdsNotDistinct").await;
    check(json!([{"Id": "a b", "MessageBody": "a"}]), "InvalidBatchEntryId").await;
    let many: Vec<_> = (0..11).map(|id| json!({"Id": id.to_string(), "MessageBody": "a"})).collect();
    check(json!(many), "TooManyEntriesInBatchRequest").await;
    let handle = world.receive(&url).await.remove(0).1;
    let entries = json!([{"Id": "a", "ReceiptHandle": handle}, {"Id": "b", "ReceiptHandle": "x"}]);
    let done = world.run("DeleteMessageBatch", batch(entries)).await;
    assert_eq!((done["Successful"].as_array().unwrap().len(), &done["Failed"][0]["Id"]), (1, &json!("b")));
}

#[tokio::test]
async fn dead_letters_go_aside_and_come_back() {
    let mut world = World::new().await;
    let dead = world.queue("dead", json!({})).await;
    let arn = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:dead");
    let redrive = json!({"deadLetterTargetArn": arn, "maxReceiveCount": 2}).to_string();
    let url = world.queue("q", json!({"RedrivePolicy": redrive, "VisibilityTimeout": "0"})).await;
    let id = world.send(&url, "a").await;
    assert_eq!((world.receive(&url).await.len(), world.receive(&url).await.len()), (1, 1));
    assert!(world.receive(&url).await.is_empty());
    world.reopen().await;
    let got =
        world.run("ReceiveMessage", json!({"QueueUrl": dead, "VisibilityTimeout": 0, "AttributeNames": ["All"]})).await;
    let message = &got["Messages"][0];
    assert_eq!((message["MessageId"].as_str(), message["Body"].as_str()), (Some(id.as_str()), Some("a")));
    assert!(message["Attributes"]["DeadLetterQueueSourceArn"].as_str().unwrap().ends_with(":q"));
    let sources = world.run("ListDeadLetterSourceQueues", json!({"QueueUrl": dead})).await;
    assert_eq!(sources["queueUrls"], json!([url]));
    let task = world.run("StartMessageMoveTask", json!({"SourceArn": arn})).await;
    let handle = task["TaskHandle"].as_str().unwrap();
    while world.sqs.move_step(handle).await.unwrap() {}
    let tasks = world.run("ListMessageMoveTasks", json!({"SourceArn": arn})).await;
    assert_eq!(
        (&tasks["Results"][0]["Status"], &tasks["Results"][0]["ApproximateNumberOfMessagesMoved"]),
        (&json!("COMPLETED"), &json!(1))
    );
    assert_eq!(world.bodies(&url).await, ["a"]);
    let none = json!({"SourceArn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q")});
    assert_eq!(world.refused("StartMessageMoveTask", none).await.0, "InvalidParameterValue");
    let deny = json!({"QueueUrl": dead, "Attributes": {"RedriveAllowPolicy": r#"{"redrivePermission":"denyAll"}"#}});
    world.run("SetQueueAttributes", deny).await;
    let set = json!({"QueueUrl": url, "Attributes": {"RedrivePolicy": redrive}});
    assert_eq!(world.refused("SetQueueAttributes", set).await.0, "InvalidParameterValue");
}

#[tokio::test]
async fn who_may_do_what_is_said_by_policies() {
    let world = World::new().await;
    let url = world.queue("q", json!({})).await;
    let send = json!({"QueueUrl": url, "MessageBody": "x"});
    let refused = world.by(user(ACCOUNT, "alice"), "SendMessage", send.clone()).await.unwrap_err();
    assert_eq!(refused.code, "AccessDeniedException");
    assert!(refused.message.contains("sqs:sendmessage on resource: arn:aws:sqs:us-east-1:111111111111:q"), "{refused}");
    let permission = json!({"QueueUrl": url, "Label": "l", "AWSAccountIds": [ACCOUNT], "Actions": ["SendMessage"]});
    world.run("AddPermission", permission.clone()).await;
    assert_eq!(world.refused("AddPermission", permission).await.0, "InvalidParameterValue");
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:user/alice")}, "Action": "SQS:SendMessage",
        "Resource": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q"),
    }]});
    world.run("RemovePermission", json!({"QueueUrl": url, "Label": "l"})).await;
    let set = json!({"QueueUrl": url, "Attributes": {"Policy": policy.to_string()}});
    world.run("SetQueueAttributes", set).await;
    world.by(user(ACCOUNT, "alice"), "SendMessage", send.clone()).await.unwrap();
    let own = json!({"QueueUrl": url});
    assert!(world.by(user("222222222222", "bob"), "DeleteQueue", own).await.is_err());
    assert!(world.by(root(), "SendMessage", send).await.is_ok());
}

#[tokio::test]
async fn services_send_under_the_queues_policy() {
    use ports::{HandOver, OnBehalf, QueueMessage, Queues};
    let world = World::new().await;
    let url = world.queue("q", json!({})).await;
    let arn = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q");
    let topic = format!("arn:aws:sns:us-east-1:{ACCOUNT}:t");
    let message = |queue_arn: &str, once: Option<&str>| QueueMessage {
        by: OnBehalf { principal: "sns.amazonaws.com", source_arn: topic.clone(), source_account: ACCOUNT.into() },
        queue_arn: queue_arn.to_owned(),
        body: "x".to_owned(),
        attributes: vec![("a".to_owned(), "String".to_owned(), "b".to_owned())],
        group_id: None,
        deduplication_id: once.map(str::to_owned),
    };
    let send = async |arn: &str, once: Option<&str>| Queues::send(&*world.sqs, message(arn, once)).await;
    assert!(matches!(send(&arn, None).await, Err(HandOver::Denied(_))));
    assert!(matches!(send(&format!("{arn}2"), None).await, Err(HandOver::NotFound(_))));
    let policy = json!({"Statement": [{
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }]});
    world.run("SetQueueAttributes", json!({"QueueUrl": url, "Attributes": {"Policy": policy.to_string()}})).await;
    let first = send(&arn, Some("1")).await.unwrap();
    assert_eq!(send(&arn, Some("1")).await.unwrap(), first);
    assert_ne!(send(&arn, Some("2")).await.unwrap(), first);
    let got = world
        .run("ReceiveMessage", json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}))
        .await;
    assert_eq!(got["Messages"].as_array().unwrap().len(), 2);
    assert_eq!(got["Messages"][0]["MessageAttributes"]["a"]["StringValue"], "b");
}

#[tokio::test]
async fn queues_are_emptied_once_a_minute_and_listed_by_name() {
    let mut world = World::new().await;
    for name in ["b", "a", "c"] {
        world.queue(name, json!({})).await;
    }
    let url = world.queue("a", json!({})).await;
    world.send(&url, "x").await;
    world.run("PurgeQueue", json!({"QueueUrl": url})).await;
    assert_eq!(world.refused("PurgeQueue", json!({"QueueUrl": url})).await.0, "PurgeQueueInProgress");
    world.reopen().await;
    assert!(world.receive(&url).await.is_empty());
    let page = world.run("ListQueues", json!({"MaxResults": 2})).await;
    assert!(page["QueueUrls"][1].as_str().unwrap().ends_with("/b"));
    let rest = world.run("ListQueues", json!({"MaxResults": 2, "NextToken": page["NextToken"]})).await;
    assert_eq!((rest["QueueUrls"].as_array().unwrap().len(), rest.get("NextToken")), (1, None));
    assert_eq!(world.run("ListQueues", json!({"QueueNamePrefix": "z"})).await, json!({}));
    world.run("TagQueue", json!({"QueueUrl": url, "Tags": {"k": "v", "l": "w"}})).await;
    world.run("UntagQueue", json!({"QueueUrl": url, "TagKeys": ["l"]})).await;
    assert_eq!(world.run("ListQueueTags", json!({"QueueUrl": url})).await["Tags"], json!({"k": "v"}));
}

#[tokio::test]
async fn who_waits_is_woken() {
    let world = World::new().await;
    let url = world.queue("q", json!({})).await;
    let wait = world.run("ReceiveMessage", json!({"QueueUrl": url, "WaitTimeSeconds": 20}));
    let send = async {
        tokio::task::yield_now().await;
        world.send(&url, "x").await;
    };
    let (got, ()) = tokio::join!(wait, send);
    assert_eq!(got["Messages"][0]["Body"], "x");
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_vain_is_answered_in_time() {
    let world = World::new().await;
    let url = world.queue("q", json!({"ReceiveMessageWaitTimeSeconds": "3"})).await;
    let within = async |ms| tokio::time::timeout(std::time::Duration::from_millis(ms), world.receive(&url)).await;
    assert!(within(2_900).await.is_err());
    assert_eq!(within(3_100).await.unwrap(), []);
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_gives_nothing() {
    let world = World::new().await;
    let url = world.queue("q", json!({})).await;
    world.send(&url, "a").await;
    world.memory.set_full(true);
    assert_eq!(
        world.refused("SendMessage", json!({"QueueUrl": url, "MessageBody": "b"})).await.0,
        "ServiceUnavailable"
    );
    assert_eq!(world.refused("ReceiveMessage", json!({"QueueUrl": url})).await.0, "ServiceUnavailable");
    world.memory.set_full(false);
    assert_eq!(world.bodies(&url).await, ["a"]);
}
