//! What is kept of messages of topics under a key, and what happens when the key is off.

use std::sync::atomic::Ordering;

use ports::{HandOver, Notice, OnBehalf, Topics};
use serde_json::{Value, json};

use crate::testing::{ACCOUNT, KEY, World, queue};

/// Everything that is kept of deliveries and messages.
async fn kept(world: &World) -> String {
    let mut all = String::new();
    for table in ["sns/messages", "sns/pending", "sns/known", "sns/numbers"] {
        let scanned = state::scan_all(&*world.state, table, state::Range::all(), |row| {
            all.push_str(&String::from_utf8_lossy(&row.key));
            all.push_str(&String::from_utf8_lossy(&row.value));
            Ok::<_, state::Error>(true)
        });
        scanned.await.unwrap();
    }
    all
}

async fn topic_under(world: &World, name: &str, key: &str) -> String {
    let arn = world.topic(name).await;
    let set = json!({"TopicArn": arn, "AttributeName": "KmsMasterKeyId", "AttributeValue": key});
    world.run("SetTopicAttributes", set).await;
    arn
}

async fn disclose(world: &World, topic: &str) {
    let attributes = json!({"hidden-name": {"DataType": "String", "StringValue": "hidden value"}});
    let publish = json!({"TopicArn": topic, "Message": "hidden text", "Subject": "hidden subject",
        "MessageAttributes": attributes});
    world.run("Publish", publish).await;
    world.rest().await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_under_a_key_is_kept_sealed_and_delivered_in_clear() {
    let world = World::new().await;
    let open = world.topic("open").await;
    let queue_arn = queue("q");
    world.subscribe(&open, "https", "https://fails.example/", json!({})).await;
    world.endpoints.say.lock().unwrap().push_back(500);
    disclose(&world, &open).await;
    // Without a key all four are there to be seen.
    assert_eq!(kept(&world).await.matches("hidden").count(), 4);
    world.run("DeleteTopic", json!({"TopicArn": open})).await;
    world.rest().await;
    assert_eq!(kept(&world).await.matches("hidden").count(), 0);

    let topic = topic_under(&world, "t", KEY).await;
    world.subscribe(&topic, "https", "https://fails.example/", json!({})).await;
    world.subscribe(&topic, "sqs", &queue_arn, json!({"RawMessageDelivery": "true"})).await;
    world.endpoints.say.lock().unwrap().push_back(500);
    disclose(&world, &topic).await;
    let rows = kept(&world).await;
    assert!(rows.contains("sealed") && !rows.contains("hidden"), "{rows}");
    // What went out at once went out in clear, and so does what waited while the server was away.
    assert_eq!(world.queues.0.lock().unwrap()[0].body, "hidden text");
    let world = world.crashed().await;
    world.pass_secs(21).await;
    world.rest().await;
    let body: Value = serde_json::from_slice(&world.endpoints.got.lock().unwrap()[0].body).unwrap();
    assert_eq!((&body["Message"], &body["Subject"]), (&json!("hidden text"), &json!("hidden subject")));
    assert_eq!(body["MessageAttributes"]["hidden-name"]["Value"], "hidden value");
    assert_eq!(kept(&world).await, "");
}

#[tokio::test(start_paused = true)]
async fn publishing_under_a_key_that_cannot_be_used_is_refused_in_aws_words() {
    let world = World::new().await;
    let topic = topic_under(&world, "t", KEY).await;
    let none = topic_under(&world, "none", "alias/none").await;
    let publish = |topic: &str| json!({"TopicArn": topic, "Message": "m"});
    world.run("Publish", publish(&topic)).await;
    let missing = "Key 'arn:aws:kms:us-east-1:111111111111:alias/none' does not exist";
    let refused = world.refused("Publish", publish(&none)).await;
    assert_eq!(refused, ("KMSNotFound".to_owned(), missing.to_owned()));
    let notice = |by: &'static str| Notice {
        by: OnBehalf { principal: by, source_arn: "arn".to_owned(), source_account: ACCOUNT.into() },
        topic_arn: topic.clone(),
        subject: None,
        message: "m".to_owned(),
        attributes: Vec::new(),
        once: None,
    };
    Topics::publish(&*world.sns, notice("cloudwatch.amazonaws.com")).await.unwrap();
    let denied = Topics::publish(&*world.sns, notice("outsider.amazonaws.com")).await.unwrap_err();
    assert_eq!(denied, HandOver::Invalid("no".to_owned()));
    // At once, though a data key is in use.
    world.keys.is_off.store(true, Ordering::SeqCst);
    let refused = world.refused("Publish", publish(&topic)).await;
    assert_eq!(refused, ("KMSDisabled".to_owned(), format!("{KEY} is disabled.")));
    let entries = json!([{"Id": "1", "Message": "m"}]);
    let batch = json!({"TopicArn": topic, "PublishBatchRequestEntries": entries});
    assert_eq!(world.refused("PublishBatch", batch).await.0, "KMSDisabled");
}

#[tokio::test(start_paused = true)]
async fn deliveries_wait_while_the_key_is_off_and_then_go_to_the_dead_letter_queue() {
    let world = World::new().await;
    let topic = topic_under(&world, "t", KEY).await;
    let redrive = json!({"RedrivePolicy": json!({"deadLetterTargetArn": queue("dead")}).to_string()});
    world.subscribe(&topic, "https", "https://h.example/", redrive).await;
    world.endpoints.say.lock().unwrap().push_back(500);
    world.publish(&topic, "hidden").await;
    world.rest().await;
    assert_eq!(world.sent(), 1);
    world.keys.is_off.store(true, Ordering::SeqCst);
    // Three retries, none of which leaves the server, then attempts at the queue.
    for _ in 0..6 {
        world.pass_secs(21).await;
    }
    assert_eq!((world.sent(), world.queues.0.lock().unwrap().len()), (1, 0));
    world.keys.is_off.store(false, Ordering::SeqCst);
    world.pass_secs(21).await;
    world.rest().await;
    let got = world.queues.0.lock().unwrap();
    assert_eq!((world.sent(), got.len(), got[0].queue_arn.clone()), (1, 1, queue("dead")));
    assert!(got[0].body.contains("\"Message\" : \"hidden\""));
}
