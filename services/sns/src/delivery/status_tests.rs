//! What is told of deliveries, and that nothing waits for it.

use std::sync::atomic::Ordering;

use ports::Figures;
use serde_json::{Value, json};

use crate::testing::{ACCOUNT, World, queue};

const ROLE: &str = "arn:aws:iam::111111111111:role/feedback";

async fn topic_that_asks(world: &World, name: &str, attributes: &[(&str, &str)]) -> String {
    let arn = world.topic(name).await;
    for (name, value) in attributes {
        let set = json!({"TopicArn": arn, "AttributeName": name, "AttributeValue": value});
        world.run("SetTopicAttributes", set).await;
    }
    arn
}

/// What was told, with the groups' names and without what is new each time.
async fn told(world: &World) -> Vec<(String, Value)> {
    world.rest().await;
    world.sns.statuses.settle().await;
    let got = std::mem::take(&mut *world.groups.got.lock().unwrap());
    let told = got.into_iter().map(|(target, mut event)| {
        assert_eq!((target.role_arn.as_str(), target.by.principal), (ROLE, "sns.amazonaws.com"));
        assert!(target.by.source_arn.starts_with("arn:aws:sns:us-east-1:"));
        let start = format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:");
        let name = target.group_arn.strip_prefix(&start).unwrap().strip_suffix(":*").unwrap().to_owned();
        let delivery = event["delivery"].as_object_mut().unwrap();
        assert_eq!(delivery.remove("deliveryId").unwrap().as_str().unwrap().len(), 36);
        (name, event)
    });
    told.collect()
}

fn lost(world: &World) -> f64 {
    let mut figures = Vec::new();
    world.sns.figures(&mut figures);
    let lost = figures.iter().find(|one| {
        one.name == "cairn_notification_statuses_total" && one.labels.iter().any(|(_, value)| *value == "lost")
    });
    lost.map_or(0.0, |one| match one.value {
        ports::FigureValue::Counter(value) => value,
        _ => 0.0,
    })
}

#[tokio::test(start_paused = true)]
async fn deliveries_are_told_of_in_the_guides_form() {
    let world = World::new().await;
    let families = ["HTTP", "SQS", "Lambda"];
    let names: Vec<String> = families
        .iter()
        .flat_map(|family| ["Success", "Failure"].map(|outcome| format!("{family}{outcome}FeedbackRoleArn")))
        .collect();
    let attributes: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), ROLE)).collect();
    let topic = topic_that_asks(&world, "t", &attributes).await;
    world.subscribe(&topic, "https", "https://h.example/x", json!({})).await;
    assert_eq!(told(&world).await, [], "questions are not told of");
    let id = world.publish(&topic, "hello").await;
    let notification = json!({"messageMD5Sum": "5d41402abc4b2a76b9719d911017c592", "messageId": id, "topicArn": topic,
        "timestamp": "2023-11-14 22:13:20.000"});
    let delivery = json!({"destination": "https://h.example/x", "providerResponse": "", "dwellTimeMs": 0, "attempts": 1,
        "statusCode": 200});
    let event = json!({"notification": notification, "delivery": delivery, "status": "SUCCESS"});
    let group = format!("sns/us-east-1/{ACCOUNT}/t");
    assert_eq!(told(&world).await, [(group.clone(), event)]);

    // A failure is told of once, when nobody tries any more.
    world.endpoints.say.lock().unwrap().extend([500, 0, 503, 502]);
    world.publish(&topic, "bad").await;
    assert_eq!(told(&world).await, []);
    for _ in 0..3 {
        world.pass_secs(21).await;
    }
    let failed = told(&world).await;
    assert_eq!((failed.len(), &failed[0].0), (1, &format!("{group}/Failure")));
    let delivery = &failed[0].1["delivery"];
    assert_eq!(
        (&delivery["attempts"], &delivery["statusCode"], &failed[0].1["status"]),
        (&json!(4), &json!(502), &json!("FAILURE"))
    );
    assert!(delivery["dwellTimeMs"].as_i64().unwrap() >= 60_000);
    assert_eq!(world.groups.made.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn queues_and_functions_answer_as_aws_services_do() {
    let world = World::new().await;
    let attributes = [
        ("SQSSuccessFeedbackRoleArn", ROLE),
        ("SQSFailureFeedbackRoleArn", ROLE),
        ("LambdaSuccessFeedbackRoleArn", ROLE),
    ];
    let topic = topic_that_asks(&world, "t", &attributes).await;
    let function = "arn:aws:lambda:us-east-1:111111111111:function:f";
    for (protocol, endpoint) in [("sqs", queue("q")), ("sqs", queue("gone")), ("lambda", function.to_owned())] {
        world.subscribe(&topic, protocol, &endpoint, json!({})).await;
    }
    world.publish(&topic, "hello").await;
    let mut found: Vec<Value> = told(&world).await.into_iter().map(|(_, event)| event["delivery"].clone()).collect();
    found.sort_by_key(|delivery| delivery["statusCode"].as_i64());
    let response =
        |at: usize| -> Value { serde_json::from_str(found[at]["providerResponse"].as_str().unwrap()).unwrap() };
    let codes: Vec<i64> = found.iter().map(|one| one["statusCode"].as_i64().unwrap()).collect();
    assert_eq!(codes, [200, 202, 400]);
    assert_eq!(
        (response(0)["sqsMessageId"].as_str(), response(0)["sqsRequestId"].as_str().unwrap().len()),
        (Some("m"), 36)
    );
    assert_eq!(response(1)["lambdaRequestId"].as_str().unwrap().len(), 36);
    let refused = json!({"ErrorCode": "AWS.SimpleQueueService.NonExistentQueue", "ErrorMessage": "no such queue",
        "sqsRequestId": "Unrecoverable"});
    assert_eq!(response(2), refused);
}

#[tokio::test(start_paused = true)]
async fn successes_are_sampled() {
    let world = World::new().await;
    let ask = |rate: &'static str| [("SQSSuccessFeedbackRoleArn", ROLE), ("SQSSuccessFeedbackSampleRate", rate)];
    for (name, rate, expected) in [("none", "0", 0..1), ("half", "50", 60..140), ("all", "100", 200..201)] {
        let topic = topic_that_asks(&world, name, &ask(rate)).await;
        world.subscribe(&topic, "sqs", &queue(name), json!({"RawMessageDelivery": "true"})).await;
        for _ in 0..200 {
            world.publish(&topic, "m").await;
        }
        let count = told(&world).await.len();
        assert!(expected.contains(&count), "{name}: {count}");
    }
    let set = |value: &str| json!({"TopicArn": crate::testing::topic("all"), "AttributeName": "SQSSuccessFeedbackRoleArn", "AttributeValue": value});
    assert_eq!(world.refused("SetTopicAttributes", set("role")).await.0, "InvalidParameter");
    world.run("SetTopicAttributes", set("")).await;
    world.publish(&crate::testing::topic("all"), "m").await;
    assert_eq!(told(&world).await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn groups_that_refuse_or_hang_hold_up_no_delivery() {
    let world = World::new().await;
    let topic = topic_that_asks(&world, "t", &[("SQSSuccessFeedbackRoleArn", ROLE)]).await;
    world.subscribe(&topic, "sqs", &queue("q"), json!({"RawMessageDelivery": "true"})).await;
    world.groups.refuses.store(true, Ordering::SeqCst);
    world.publish(&topic, "m").await;
    assert_eq!(told(&world).await, []);
    assert_eq!((world.queues.0.lock().unwrap().len(), lost(&world)), (1, 1.0));
    world.groups.hangs.store(true, Ordering::SeqCst);
    for _ in 0..800 {
        world.publish(&topic, "m").await;
    }
    world.rest().await;
    // They are delivered, and what nobody can take any more is counted.
    assert_eq!(world.queues.0.lock().unwrap().len(), 801);
    assert!(lost(&world) > 100.0, "{}", lost(&world));
}
