//! The service as a whole: topics and subscriptions, who gets what, and what happens when subscribers do not do as they should.

use ports::{Caller, Notice, OnBehalf, Topics};
use serde_json::{Value, json};

use crate::testing::{ACCOUNT, World, of_account, queue, topic};

fn body(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn topics_are_made_once_and_shown_as_aws_shows_them() {
    let world = World::new().await;
    let arn = world.topic("alerts").await;
    assert_eq!(arn, topic("alerts"));
    assert_eq!(world.topic("alerts").await, arn);
    let shown = world.run("GetTopicAttributes", json!({"TopicArn": arn})).await;
    let shown = &shown["Attributes"];
    assert_eq!(shown["Owner"], ACCOUNT);
    assert_eq!((&shown["SubscriptionsConfirmed"], &shown["DisplayName"]), (&json!("0"), &json!("")));
    let policy = body(shown["Policy"].as_str().unwrap().as_bytes());
    assert_eq!(policy["Id"], "__default_policy_ID");
    assert_eq!(policy["Statement"][0]["Condition"]["StringEquals"]["AWS:SourceOwner"], ACCOUNT);
    let different = json!({"Name": "alerts", "Attributes": {"DisplayName": "x"}});
    let text = "Invalid parameter: Attributes Reason: Topic already exists with different attributes";
    assert_eq!(world.refused("CreateTopic", different).await, ("InvalidParameter".to_owned(), text.to_owned()));
    assert_eq!(world.refused("CreateTopic", json!({"Name": "a b"})).await.1, "Invalid parameter: Topic Name");
    world.run("DeleteTopic", json!({"TopicArn": arn})).await;
    world.run("DeleteTopic", json!({"TopicArn": arn})).await;
    let missing = world.refused("GetTopicAttributes", json!({"TopicArn": arn})).await;
    assert_eq!(missing, ("NotFound".to_owned(), "Topic does not exist".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn permissions_are_statements_of_the_policy() {
    let world = World::new().await;
    let arn = world.topic("t").await;
    let add = json!({"TopicArn": arn, "Label": "L", "AWSAccountId": ["222222222222"], "ActionName": ["Publish"]});
    let other = of_account("222222222222");
    let publish = json!({"TopicArn": arn, "Message": "m"});
    let denied = world.by(other.clone(), "Publish", publish.clone()).await.unwrap_err();
    assert_eq!(denied.code, "AuthorizationError", "{denied}");
    world.run("AddPermission", add.clone()).await;
    world.by(other.clone(), "Publish", publish.clone()).await.unwrap();
    assert_eq!(world.refused("AddPermission", add).await.1, "Invalid parameter: Statement already exists");
    world.run("RemovePermission", json!({"TopicArn": arn, "Label": "L"})).await;
    assert!(world.by(other, "Publish", publish).await.is_err());
    let shown = world.run("GetTopicAttributes", json!({"TopicArn": arn})).await;
    let policy = shown["Attributes"]["Policy"].as_str().unwrap();
    assert_eq!(policy, crate::topic::default_policy(&arn, ACCOUNT));
}

#[tokio::test(start_paused = true)]
async fn endpoints_are_asked_before_they_get_anything() {
    let world = World::new().await;
    let arn = world.topic("t").await;
    let input = json!({"TopicArn": arn, "Protocol": "https", "Endpoint": "https://h.example/x"});
    assert_eq!(world.run("Subscribe", input.clone()).await["SubscriptionArn"], "pending confirmation");
    world.publish(&arn, "too early").await;
    world.rest().await;
    let (kind, question) = {
        let got = world.endpoints.got.lock().unwrap();
        assert_eq!(got.len(), 1);
        let kind = got[0].headers.iter().find(|(name, _)| name == "x-amz-sns-message-type").unwrap().1.clone();
        (kind, body(&got[0].body))
    };
    assert_eq!((kind.as_str(), &question["Type"]), ("SubscriptionConfirmation", &json!("SubscriptionConfirmation")));
    let token = question["Token"].as_str().unwrap();
    let url = format!("http://cairn.example:4566/?Action=ConfirmSubscription&TopicArn={arn}&Token={token}");
    assert_eq!(question["SubscribeURL"], url);
    let bad = world.refused("ConfirmSubscription", json!({"TopicArn": arn, "Token": "x"})).await;
    assert_eq!(bad.1, "Invalid parameter: Token");
    let confirm = json!({"TopicArn": arn, "Token": token});
    let confirmed = world.by(Caller::Anonymous, "ConfirmSubscription", confirm.clone()).await.unwrap();
    let again = world.by(Caller::Anonymous, "ConfirmSubscription", confirm).await.unwrap();
    assert_eq!(confirmed, again);
    let one = confirmed["SubscriptionArn"].as_str().unwrap();
    assert_eq!(world.run("Subscribe", input).await["SubscriptionArn"], one);
    world.publish(&arn, "now").await;
    world.rest().await;
    let message = body(&world.endpoints.got.lock().unwrap().last().unwrap().body);
    assert_eq!((&message["Message"], &message["Type"]), (&json!("now"), &json!("Notification")));
    // Whoever reads a message may end the subscription, and take it back.
    world.by(Caller::Anonymous, "Unsubscribe", json!({"SubscriptionArn": one})).await.unwrap();
    world.rest().await;
    let farewell = body(&world.endpoints.got.lock().unwrap().last().unwrap().body);
    assert_eq!(farewell["Type"], "UnsubscribeConfirmation");
    assert_eq!(world.run("ListSubscriptionsByTopic", json!({"TopicArn": arn})).await["Subscriptions"], json!([]));
    let back = json!({"TopicArn": arn, "Token": farewell["Token"]});
    let back = world.by(Caller::Anonymous, "ConfirmSubscription", back).await.unwrap();
    assert_eq!(back["SubscriptionArn"], one);
    world.run("Unsubscribe", json!({"SubscriptionArn": one})).await;
    world.run("Unsubscribe", json!({"SubscriptionArn": one})).await;
    assert_eq!(world.refused("GetSubscriptionAttributes", json!({"SubscriptionArn": one})).await.0, "NotFound");
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_tried_again_and_ends_in_the_dead_letter_queue() {
    let world = World::new().await;
    let arn = world.topic("t").await;
    let redrive = json!({"RedrivePolicy": format!(r#"{{"deadLetterTargetArn":"{}"}}"#, queue("dead"))});
    world.subscribe(&arn, "http", "http://h.example/x", redrive).await;
    world.endpoints.say.lock().unwrap().extend([500, 0, 302, 429]);
    world.publish(&arn, "m").await;
    world.rest().await;
    for tries in 1..=3 {
        assert_eq!(world.sent(), tries);
        world.pass_secs(19).await;
        assert_eq!(world.sent(), tries, "it is 20 seconds");
        world.pass_secs(1).await;
    }
    world.rest().await;
    assert_eq!(world.sent(), 4);
    let dead = world.queues.0.lock().unwrap().clone();
    assert_eq!((dead.len(), body(dead[0].body.as_bytes())["Message"].clone()), (1, json!("m")));
    assert_eq!((dead[0].by.principal, dead[0].by.source_arn.as_str()), ("sns.amazonaws.com", arn.as_str()));
    // What is refused for good is not tried again.
    world.endpoints.say.lock().unwrap().push_back(403);
    world.publish(&arn, "refused").await;
    world.rest().await;
    assert_eq!((world.sent(), world.queues.0.lock().unwrap().len()), (5, 2));
}

#[tokio::test(start_paused = true)]
async fn who_hangs_holds_up_nobody_else() {
    let world = World::new().await;
    let arn = world.topic("t").await;
    // Not asked to confirm, as the form is ours.
    world.subscribe(&arn, "http", "http://hangs/x?cairn-format=text", json!({})).await;
    world.subscribe(&arn, "sqs", &queue("q"), json!({"RawMessageDelivery": "true"})).await;
    for number in 0..50 {
        world.publish(&arn, &number.to_string()).await;
    }
    world.rest().await;
    assert_eq!(world.queues.0.lock().unwrap().len(), 50);
    assert_eq!(world.sent(), 8, "as many as a lane sends at once");
}

#[tokio::test(start_paused = true)]
async fn a_crash_loses_no_delivery_that_waits() {
    let world = World::new().await;
    let arn = world.topic("t").await;
    world.subscribe(&arn, "http", "http://h.example/x", json!({})).await;
    world.endpoints.say.lock().unwrap().extend([500; 3]);
    for number in 0..3 {
        world.publish(&arn, &number.to_string()).await;
    }
    world.rest().await;
    let world = world.crashed().await;
    assert_eq!(world.sent(), 0);
    world.pass_secs(20).await;
    world.rest().await;
    let mut got: Vec<_> =
        world.endpoints.got.lock().unwrap().iter().map(|one| body(&one.body)["Message"].clone()).collect();
    got.sort_by_key(Value::to_string);
    assert_eq!(got, ["0", "1", "2"]);
    let world = world.crashed().await;
    world.pass_secs(60).await;
    assert_eq!(world.sent(), 0, "what was delivered is not delivered again");
}

#[tokio::test(start_paused = true)]
async fn fifo_topics_keep_order_and_know_what_was_there() {
    let world = World::new().await;
    let arn = world.topic("t.fifo").await;
    world.subscribe(&arn, "sqs", &queue("q.fifo"), json!({"RawMessageDelivery": "true"})).await;
    let publish = |message: &str, id: Option<&str>| {
        let mut input = json!({"TopicArn": arn, "Message": message, "MessageGroupId": "g"});
        if let Some(id) = id {
            input["MessageDeduplicationId"] = json!(id);
        }
        input
    };
    let text = "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly";
    assert_eq!(world.refused("Publish", publish("m", None)).await.1, text);
    let first = world.run("Publish", publish("a", Some("1"))).await;
    assert_eq!(first["SequenceNumber"].as_str().unwrap().len(), 20);
    assert_eq!(world.run("Publish", publish("again", Some("1"))).await, first);
    for number in 2..20 {
        world.run("Publish", publish(&number.to_string(), Some(&number.to_string()))).await;
    }
    world.rest().await;
    let got: Vec<_> = world.queues.0.lock().unwrap().iter().map(|one| one.body.clone()).collect();
    let expected: Vec<_> = std::iter::once("a".to_owned()).chain((2..20).map(|number| number.to_string())).collect();
    assert_eq!(got, expected);
    let world = world.crashed().await;
    assert_eq!(world.run("Publish", publish("after a crash", Some("1"))).await, first);
    world.pass_secs(301).await;
    let later = world.run("Publish", publish("later", Some("1"))).await;
    assert!(later["SequenceNumber"].as_str().unwrap() > first["SequenceNumber"].as_str().unwrap());
}

#[tokio::test(start_paused = true)]
async fn filters_say_who_gets_what() {
    let world = World::new().await;
    let arn = world.topic("t").await;
    let filter = json!({"FilterPolicy": r#"{"severity":["high"]}"#, "RawMessageDelivery": "true"});
    let one = world.subscribe(&arn, "sqs", &queue("q"), filter).await;
    let publish = |severity: &str| {
        let attributes = json!({"severity": {"DataType": "String", "StringValue": severity}});
        json!({"TopicArn": arn, "Message": severity, "MessageAttributes": attributes})
    };
    world.run("Publish", publish("low")).await;
    world.run("Publish", publish("high")).await;
    world.rest().await;
    let got = world.queues.0.lock().unwrap().clone();
    assert_eq!((got.len(), got[0].body.as_str()), (1, "high"));
    assert_eq!(got[0].attributes, [("severity".to_owned(), "String".to_owned(), "high".to_owned())]);
    let set = |name: &str, value: &str| json!({"SubscriptionArn": one, "AttributeName": name, "AttributeValue": value});
    let refused = world.refused("SetSubscriptionAttributes", set("FilterPolicy", r#"{"a":"b"}"#)).await;
    assert_eq!(refused.1, "Invalid parameter: FilterPolicy: \"a\" must be an object or an array");
    assert_eq!(world.refused("SetSubscriptionAttributes", set("X", "1")).await.1, "Invalid parameter: AttributeName");
    world.run("SetSubscriptionAttributes", set("FilterPolicy", "")).await;
    let shown = world.run("GetSubscriptionAttributes", json!({"SubscriptionArn": one})).await;
    assert!(shown["Attributes"].get("FilterPolicy").is_none(), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn functions_mail_and_phones_get_what_is_theirs() {
    let world = World::new().await;
    let arn = world.topic("t").await;
    let function = format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:f");
    world.subscribe(&arn, "lambda", &function, json!({})).await;
    world.subscribe(&arn, "sms", "+1 (555) 010-0000", json!({})).await;
    world.run("Subscribe", json!({"TopicArn": arn, "Protocol": "email", "Endpoint": "a@example.org"})).await;
    world.rest().await;
    let question = world.mail.0.lock().unwrap()[0].clone();
    assert_eq!(question.subject, "AWS Notification - Subscription Confirmation");
    let link = question.text.lines().find(|line| line.contains("ConfirmSubscription")).unwrap();
    let token = link.rsplit_once("Token=").unwrap().1;
    world.by(Caller::Anonymous, "ConfirmSubscription", json!({"TopicArn": arn, "Token": token})).await.unwrap();
    let message = json!({"default": "d \"quoted\"", "email": "for people"}).to_string();
    let input = json!({"TopicArn": arn, "Message": message, "MessageStructure": "json", "Subject": "S"});
    world.run("Publish", input).await;
    world.rest().await;
    let record = body(&world.functions.0.lock().unwrap()[0]);
    let event = &record["Records"][0];
    assert_eq!((&event["EventSource"], &event["Sns"]["Subject"]), (&json!("aws:sns"), &json!("S")));
    assert_eq!(event["Sns"]["Message"], "d \"quoted\"");
    let mail = world.mail.0.lock().unwrap()[1].clone();
    assert_eq!((mail.subject.as_str(), mail.to.as_str()), ("S", "a@example.org"));
    assert!(
        mail.text.starts_with("for people\n") && mail.text.contains("?Action=Unsubscribe&SubscriptionArn="),
        "{mail:?}"
    );
    let sms = body(&world.endpoints.got.lock().unwrap()[0].body);
    assert_eq!(sms, json!({"to": "+15550100000", "text": "d \"quoted\""}));
    world.run("Publish", json!({"PhoneNumber": "+15550100001", "Message": "direct"})).await;
    world.rest().await;
    assert_eq!(body(&world.endpoints.got.lock().unwrap()[1].body)["text"], "direct");
}

#[tokio::test(start_paused = true)]
async fn services_publish_under_the_topics_policy() {
    let world = World::new().await;
    let arn = world.topic("t").await;
    world.subscribe(&arn, "sqs", &queue("q"), json!({"RawMessageDelivery": "true"})).await;
    let by = |principal, account: &str| OnBehalf {
        principal,
        source_arn: format!("arn:aws:cloudwatch:us-east-1:{account}:alarm:a"),
        source_account: account.into(),
    };
    let check = async |by: OnBehalf, expected: bool| {
        let found = world.sns.check(&by, &arn).await;
        assert_eq!(found.is_ok(), expected, "{by:?}: {found:?}");
    };
    check(by("cloudwatch.amazonaws.com", ACCOUNT), true).await;
    check(by("cloudwatch.amazonaws.com", "222222222222"), false).await;
    check(by("cloudtrail.amazonaws.com", ACCOUNT), false).await;
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": "SNS:Publish", "Resource": arn, "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}]});
    let set = json!({"TopicArn": arn, "AttributeName": "Policy", "AttributeValue": policy.to_string()});
    world.run("SetTopicAttributes", set).await;
    check(by("cloudtrail.amazonaws.com", ACCOUNT), true).await;
    check(by("cloudtrail.amazonaws.com", "222222222222"), false).await;
    check(by("cloudwatch.amazonaws.com", ACCOUNT), false).await;
    let notice = Notice {
        by: by("cloudtrail.amazonaws.com", ACCOUNT),
        topic_arn: arn.clone(),
        subject: None,
        message: "a file".to_owned(),
        attributes: Vec::new(),
        once: Some("file 1".to_owned()),
    };
    let first = Topics::publish(&*world.sns, notice.clone()).await.unwrap();
    assert_eq!(Topics::publish(&*world.sns, notice.clone()).await.unwrap(), first);
    world.rest().await;
    let world = world.crashed().await;
    assert_eq!(Topics::publish(&*world.sns, notice).await.unwrap(), first);
    world.rest().await;
    assert_eq!(world.queues.0.lock().unwrap().len(), 0, "it was delivered before the crash");
}

#[tokio::test(start_paused = true)]
async fn batches_fail_in_parts() {
    let world = World::new().await;
    let arn = world.topic("t").await;
    let batch = |entries: Value| json!({"TopicArn": arn, "PublishBatchRequestEntries": entries});
    let done = world.run("PublishBatch", batch(json!([{"Id": "a", "Message": "m"}, {"Id": "b", "Message": ""}]))).await;
    assert_eq!(done["Successful"][0]["Id"], "a");
    assert_eq!((&done["Failed"][0]["Id"], &done["Failed"][0]["Code"]), (&json!("b"), &json!("InvalidParameter")));
    let check = async |entries: Value, code: &str| {
        assert_eq!(world.refused("PublishBatch", batch(entries)).await.0, code);
    };
    check(json!([]), "EmptyBatchRequest").await;
    check(json!([{"Id": "a", "Message": "m"}, {"Id": "a", "Message": "m"}]), "BatchEntryIdsNotDistinct").await;
    check(json!([{"Id": "a b", "Message": "m"}]), "InvalidBatchEntryId").await;
    let many: Vec<_> = (0..11).map(|id| json!({"Id": id.to_string(), "Message": "m"})).collect();
    check(many.into(), "TooManyEntriesInBatchRequest").await;
    let large = "x".repeat(200 << 10);
    check(json!([{"Id": "a", "Message": large}, {"Id": "b", "Message": large}]), "BatchRequestTooLong").await;
}

#[tokio::test(start_paused = true)]
async fn subscriptions_that_cannot_be_are_refused_in_aws_words() {
    let world = World::new().await;
    let arn = world.topic("t").await;
    let fifo = world.topic("t.fifo").await;
    let check = async |topic: &str, protocol: &str, endpoint: &str, expected: &str| {
        let input = json!({"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint});
        assert_eq!(world.refused("Subscribe", input).await.1, expected, "{protocol} {endpoint}");
    };
    check(&arn, "smoke", "x", "Invalid parameter: Amazon SNS does not support this protocol string: smoke").await;
    check(&arn, "http", "https://h", "Invalid parameter: Endpoint must match the specified protocol").await;
    check(&arn, "email", "nobody", "Invalid parameter: Email address").await;
    check(&arn, "sms", "call me", "Invalid parameter: Invalid SMS endpoint: call me").await;
    check(&arn, "sqs", "https://queue", "Invalid parameter: SQS endpoint ARN").await;
    let refused = "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics";
    check(&arn, "sqs", &queue("q.fifo"), refused).await;
    assert!(
        world
            .refused("Subscribe", json!({"TopicArn": fifo, "Protocol": "http", "Endpoint": "http://h"}))
            .await
            .1
            .contains("FIFO")
    );
    check(&topic("none"), "http", "http://h", "Topic does not exist").await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_is_forgotten_after_two_days() {
    let world = World::new().await;
    let arn = world.topic("t").await;
    world.run("Subscribe", json!({"TopicArn": arn, "Protocol": "https", "Endpoint": "https://h.example/x"})).await;
    world.rest().await;
    let token = world.token().unwrap();
    world.pass_secs(48 * 3_600 + 1).await;
    world.sns.round().await;
    assert_eq!(world.run("ListSubscriptions", json!({})).await["Subscriptions"], json!([]));
    assert_eq!(
        world.refused("ConfirmSubscription", json!({"TopicArn": arn, "Token": token})).await.1,
        "Invalid parameter: Token"
    );
}
