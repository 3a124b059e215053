//! Services that run things: EC2, Lambda, containers, load balancers, logs, alarms, builds and deployments.

use super::{By, Event, fault, read, write};

const fn describe(name: &'static str, weight: u64) -> Event {
    read("ec2", name, weight)
}

pub(super) static EVENTS: &[Event] = &[
    describe("DescribeInstances", 380).request(r#"{"maxResults":1000,"instancesSet":{},"filterSet":{}}"#)
        .faults(&[fault(3_000, "Client.RequestLimitExceeded", "Request limit exceeded.")]),
    read("ec2", "DescribeInstanceStatus", 160).request(r#"{"instancesSet":{"items":[{"instanceId":"%instance%"}]},"filterSet":{},"includeAllInstances":true}"#)
        .faults(&[fault(8_000, "Client.InvalidInstanceID.NotFound", "The instance ID '%instance%' does not exist")]),
    describe("DescribeVolumes", 110).request(r#"{"volumeSet":{},"filterSet":{"items":[{"name":"attachment.instance-id","valueSet":{"items":[{"value":"%instance%"}]}}]}}"#),
    describe("DescribeSecurityGroups", 130).request(r#"{"securityGroupSet":{},"securityGroupIdSet":{"items":[{"groupId":"%sg%"}]},"filterSet":{}}"#),
    describe("DescribeSubnets", 90).request(r#"{"subnetSet":{"items":[{"subnetId":"%subnet%"},{"subnetId":"%subnet:2%"}]},"filterSet":{}}"#),
    describe("DescribeVpcs", 80).request(r#"{"vpcSet":{"items":[{"vpcId":"%vpc%"}]},"filterSet":{}}"#),
    describe("DescribeNetworkInterfaces", 140).request(r#"{"networkInterfaceIdSet":{},"filterSet":{"items":[{"name":"description","valueSet":{"items":[{"value":"ELB %lb%"}]}}]}}"#),
    describe("DescribeTags", 90).request(r#"{"filterSet":{"items":[{"name":"resource-id","valueSet":{"items":[{"value":"%instance%"}]}}]}}"#),
    describe("DescribeImages", 50).request(r#"{"executableBySet":{},"imagesSet":{"items":[{"imageId":"%ami%"}]},"ownersSet":{},"filterSet":{}}"#),
    describe("DescribeRegions", 50).by(By::People).request(r#"{"regionSet":{},"allRegions":false}"#),
    describe("DescribeSnapshots", 50).request(r#"{"snapshotSet":{},"ownersSet":{"items":[{"owner":"self"}]},"sharedUsersSet":{},"filterSet":{}}"#),
    describe("DescribeRouteTables", 40).request(r#"{"routeTableIdSet":{},"filterSet":{"items":[{"name":"vpc-id","valueSet":{"items":[{"value":"%vpc%"}]}}]}}"#),
    write("ec2", "RunInstances", 8)
        .request(r#"{"instancesSet":{"items":[{"imageId":"%ami%","minCount":1,"maxCount":1}]},"groupSet":{"items":[{"groupId":"%sg%"}]},"instanceType":"m6i.large","blockDeviceMapping":{"items":[{"deviceName":"/dev/xvda","ebs":{"volumeSize":40,"deleteOnTermination":true,"volumeType":"gp3","encrypted":true}}]},"monitoring":{"enabled":false},"disableApiTermination":false,"subnetId":"%subnet%","clientToken":"%uuid:3%","iamInstanceProfile":{"name":"web-server"},"tagSpecificationSet":{"items":[{"resourceType":"instance","tags":[{"key":"Name","value":"%stage%-%word%"}]}]},"metadataOptions":{"httpTokens":"required"}}"#)
        .response(r#"{"requestId":"%uuid:2%","reservationId":"r-0%hex16%","ownerId":"%account%","groupSet":{},"instancesSet":{"items":[{"instanceId":"%instance%","imageId":"%ami%","instanceState":{"code":0,"name":"pending"},"privateDnsName":"ip-10-0-%n2%-%n2:2%.%region%.compute.internal","amiLaunchIndex":0,"instanceType":"m6i.large","launchTime":%epoch%,"placement":{"availabilityZone":"%region%a","tenancy":"default"},"subnetId":"%subnet%","vpcId":"%vpc%","privateIpAddress":"10.0.%n2%.%n2:2%","architecture":"x86_64","rootDeviceType":"ebs","virtualizationType":"hvm"}]}}"#)
        .faults(&[fault(60_000, "Server.InsufficientInstanceCapacity", "We currently do not have sufficient m6i.large capacity in the Availability Zone you requested (%region%a)."), fault(20_000, "Client.VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit allows.")]),
    write("ec2", "TerminateInstances", 6).request(r#"{"instancesSet":{"items":[{"instanceId":"%instance%"}]}}"#)
        .response(r#"{"requestId":"%uuid:2%","instancesSet":{"items":[{"instanceId":"%instance%","currentState":{"code":32,"name":"shutting-down"},"previousState":{"code":16,"name":"running"}}]}}"#)
        .faults(&[fault(40_000, "Client.OperationNotPermitted", "The instance '%instance%' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.")]),
    write("ec2", "StartInstances", 4).by(By::People).request(r#"{"instancesSet":{"items":[{"instanceId":"%instance%"}]}}"#)
        .response(r#"{"requestId":"%uuid:2%","instancesSet":{"items":[{"instanceId":"%instance%","currentState":{"code":0,"name":"pending"},"previousState":{"code":80,"name":"stopped"}}]}}"#),
    write("ec2", "StopInstances", 4).by(By::People).request(r#"{"instancesSet":{"items":[{"instanceId":"%instance%"}]},"force":false}"#)
        .response(r#"{"requestId":"%uuid:2%","instancesSet":{"items":[{"instanceId":"%instance%","currentState":{"code":64,"name":"stopping"},"previousState":{"code":16,"name":"running"}}]}}"#),
    write("ec2", "CreateTags", 14).request(r#"{"resourcesSet":{"items":[{"resourceId":"%volume%"}]},"tagSet":{"items":[{"key":"Owner","value":"%word%"},{"key":"Stage","value":"%stage%"}]}}"#)
        .response(r#"{"requestId":"%uuid:2%","_return":true}"#),
    write("ec2", "CreateSnapshot", 12).by(By::Service("dlm.amazonaws.com")).request(r#"{"volumeId":"%volume%","description":"Created for policy: policy-0%hex16% schedule: daily"}"#)
        .response(r#"{"requestId":"%uuid:2%","snapshotId":"%snapshot%","volumeId":"%volume%","status":"pending","startTime":%epoch%,"ownerId":"%account%","volumeSize":"40","encrypted":true}"#),
    write("ec2", "DeleteSnapshot", 8).by(By::Service("dlm.amazonaws.com")).request(r#"{"snapshotId":"%snapshot%"}"#).response(r#"{"requestId":"%uuid:2%","_return":true}"#),
    write("ec2", "AuthorizeSecurityGroupIngress", 2).by(By::People)
        .request(r#"{"groupId":"%sg%","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":443,"toPort":443,"groups":{},"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8","description":"%word%"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}"#)
        .response(r#"{"requestId":"%uuid:2%","_return":true,"securityGroupRuleSet":{"items":[{"groupOwnerId":"%account%","groupId":"%sg%","securityGroupRuleId":"sgr-0%hex16%","isEgress":false,"ipProtocol":"tcp","fromPort":443,"toPort":443,"cidrIpv4":"10.0.0.0/8"}]}}"#)
        .faults(&[fault(90_000, "Client.InvalidPermission.Duplicate", "the specified rule \"peer: 10.0.0.0/8, TCP, from port: 443, to port: 443, ALLOW\" already exists")]),
    write("ec2", "RevokeSecurityGroupIngress", 1).by(By::People)
        .request(r#"{"groupId":"%sg%","securityGroupRuleIds":{"items":[{"securityGroupRuleId":"sgr-0%hex16%"}]}}"#).response(r#"{"requestId":"%uuid:2%","_return":true}"#),
    write("ec2", "CreateNetworkInterface", 20).by(By::Service("lambda.amazonaws.com"))
        .request(r#"{"subnetId":"%subnet%","description":"AWS Lambda VPC ENI-%function%-%uuid:3%","groupSet":{"items":[{"groupId":"%sg%"}]},"privateIpAddressesSet":{},"clientToken":"%uuid:4%"}"#)
        .response(r#"{"requestId":"%uuid:2%","networkInterface":{"networkInterfaceId":"%eni%","subnetId":"%subnet%","vpcId":"%vpc%","availabilityZone":"%region%b","ownerId":"%account%","requesterManaged":false,"status":"pending","macAddress":"02:%n2%:4e:%n2:2%:a1:9c","privateIpAddress":"10.0.%n2%.%n2:2%","sourceDestCheck":true}}"#),
    write("ec2", "ModifyInstanceAttribute", 2).by(By::People).request(r#"{"instanceId":"%instance%","disableApiTermination":{"value":false}}"#).response(r#"{"requestId":"%uuid:2%","_return":true}"#),

    read("lambda", "Invoke", 240).by(By::Apps).data().request(r#"{"functionName":"arn:aws:lambda:%region%:%account%:function:%function%","invocationType":"RequestResponse"}"#)
        .more(r#"{"functionVersion":"arn:aws:lambda:%region%:%account%:function:%function%:$LATEST"}"#)
        .resources(&[("AWS::Lambda::Function", "arn:aws:lambda:%region%:%account%:function:%function%")])
        .faults(&[fault(5_000, "TooManyRequestsException", "Rate Exceeded.")]),
    read("lambda", "ListFunctions20150331", 60).version("2015-03-31").by(By::People).request(r#"{"maxItems":50}"#),
    read("lambda", "GetFunction20150331v2", 60).version("2015-03-31").request(r#"{"functionName":"%function%"}"#)
        .faults(&[fault(10_000, "ResourceNotFoundException", "Function not found: arn:aws:lambda:%region%:%account%:function:%function%")]),
    read("lambda", "GetPolicy20150331v2", 30).version("2015-03-31").request(r#"{"functionName":"%function%"}"#)
        .faults(&[fault(300_000, "ResourceNotFoundException", "The resource you requested does not exist.")]),
    write("lambda", "UpdateFunctionCode20150331v2", 6).version("2015-03-31").by(By::People)
        .request(r#"{"functionName":"%function%","s3Bucket":"%bucket%","s3Key":"builds/%function%/%hex40%.zip","publish":true,"dryRun":false}"#)
        .response(r#"{"functionName":"%function%","functionArn":"arn:aws:lambda:%region%:%account%:function:%function%:%n2%","runtime":"python3.13","role":"arn:aws:iam::%account%:role/orders-handler","handler":"app.handler","codeSize":%n6%,"description":"","timeout":30,"memorySize":512,"lastModified":"%time%","codeSha256":"%base43%=","version":"%n2%","tracingConfig":{"mode":"Active"},"revisionId":"%uuid:2%","state":"Active","lastUpdateStatus":"InProgress","packageType":"Zip","architectures":["arm64"]}"#)
        .faults(&[fault(40_000, "ResourceConflictException", "The operation cannot be performed at this time. An update is in progress for resource: arn:aws:lambda:%region%:%account%:function:%function%")]),
    write("lambda", "UpdateFunctionConfiguration20150331v2", 3).version("2015-03-31").by(By::People)
        .request(r#"{"functionName":"%function%","timeout":60,"memorySize":1024,"environment":{}}"#)
        .response(r#"{"functionName":"%function%","functionArn":"arn:aws:lambda:%region%:%account%:function:%function%","runtime":"python3.13","timeout":60,"memorySize":1024,"lastModified":"%time%","environment":{},"version":"$LATEST","revisionId":"%uuid:2%"}"#),
    read("ecs", "DescribeServices", 90).request(r#"{"cluster":"%cluster%","services":["%svc%"]}"#),
    read("ecs", "DescribeTasks", 70).request(r#"{"cluster":"%cluster%","tasks":["arn:aws:ecs:%region%:%account%:task/%cluster%/%hex32%"]}"#),
    read("ecs", "ListTasks", 40).request(r#"{"cluster":"%cluster%","serviceName":"%svc%","desiredStatus":"RUNNING"}"#),
    write("ecs", "SubmitTaskStateChange", 60).by(By::Apps).request(r#"{"cluster":"%cluster%","task":"arn:aws:ecs:%region%:%account%:task/%cluster%/%hex32%","status":"RUNNING","reason":""}"#).response(r#"{"acknowledgment":"ACK"}"#),
    write("ecs", "UpdateService", 3).by(By::People).request(r#"{"cluster":"%cluster%","service":"%svc%","taskDefinition":"%svc%:%n3%","desiredCount":4,"forceNewDeployment":true}"#)
        .response(r#"{"service":{"serviceArn":"arn:aws:ecs:%region%:%account%:service/%cluster%/%svc%","serviceName":"%svc%","clusterArn":"arn:aws:ecs:%region%:%account%:cluster/%cluster%","status":"ACTIVE","desiredCount":4,"runningCount":4,"pendingCount":0,"launchType":"FARGATE","taskDefinition":"arn:aws:ecs:%region%:%account%:task-definition/%svc%:%n3%","deployments":[{"id":"ecs-svc/%n10%","status":"PRIMARY","rolloutState":"IN_PROGRESS","createdAt":"%longtime%"}]}}"#),
    read("ecr", "GetAuthorizationToken", 70).by(By::Apps),
    read("ecr", "BatchGetImage", 60).by(By::Apps).request(r#"{"registryId":"%account%","repositoryName":"%repo%","imageIds":[{"imageTag":"%hex12%"}],"acceptedMediaTypes":["application/vnd.oci.image.manifest.v1+json"]}"#)
        .resources(&[("AWS::ECR::Repository", "arn:aws:ecr:%region%:%account%:repository/%repo%")]),
    write("ecr", "PutImage", 4).by(By::People).request(r#"{"registryId":"%account%","repositoryName":"%repo%","imageTag":"%hex12%","imageManifestMediaType":"application/vnd.oci.image.manifest.v1+json"}"#)
        .response(r#"{"image":{"registryId":"%account%","repositoryName":"%repo%","imageId":{"imageDigest":"sha256:%hex64%","imageTag":"%hex12%"}}}"#)
        .resources(&[("AWS::ECR::Repository", "arn:aws:ecr:%region%:%account%:repository/%repo%")]),
    read("eks", "DescribeCluster", 50).request(r#"{"name":"%cluster%"}"#),
    read("eks", "ListClusters", 20).by(By::People).request(r#"{"maxResults":100}"#),
    read("elasticloadbalancing", "DescribeLoadBalancers", 90).version("2015-12-01").request(r#"{"pageSize":400}"#),
    read("elasticloadbalancing", "DescribeTargetHealth", 130).version("2015-12-01").request(r#"{"targetGroupArn":"arn:aws:elasticloadbalancing:%region%:%account%:targetgroup/%tg%"}"#),
    write("elasticloadbalancing", "RegisterTargets", 6).version("2015-12-01").by(By::Service("autoscaling.amazonaws.com")).request(r#"{"targetGroupArn":"arn:aws:elasticloadbalancing:%region%:%account%:targetgroup/%tg%","targets":[{"id":"%instance%"}]}"#),
    read("autoscaling", "DescribeAutoScalingGroups", 80).version("2011-01-01").request(r#"{"autoScalingGroupNames":["%asg%"]}"#),
    write("autoscaling", "SetDesiredCapacity", 3).version("2011-01-01").by(By::People).request(r#"{"autoScalingGroupName":"%asg%","desiredCapacity":%n1%,"honorCooldown":false}"#),

    write("logs", "CreateLogStream", 180).version("20140328").by(By::Apps).request(r#"{"logGroupName":"%loggroup%","logStreamName":"%day%/[$LATEST]%hex32%"}"#)
        .faults(&[fault(15_000, "ResourceAlreadyExistsException", "The specified log stream already exists")]),
    write("logs", "CreateLogGroup", 8).version("20140328").by(By::Apps).request(r#"{"logGroupName":"%loggroup%"}"#)
        .faults(&[fault(700_000, "ResourceAlreadyExistsException", "The specified log group already exists")]),
    read("logs", "DescribeLogGroups", 90).version("20140328").request(r#"{"logGroupNamePrefix":"/aws/lambda/","limit":50}"#),
    read("logs", "DescribeLogStreams", 60).version("20140328").request(r#"{"logGroupName":"%loggroup%","orderBy":"LastEventTime","descending":true,"limit":10}"#),
    read("logs", "FilterLogEvents", 40).version("20140328").by(By::People).request(r#"{"logGroupName":"%loggroup%","filterPattern":"ERROR","limit":100,"interleaved":true}"#),
    read("monitoring", "DescribeAlarms", 130).version("2010-08-01").request(r#"{"alarmNames":["%alarm%"],"maxRecords":100}"#),
    read("monitoring", "ListMetrics", 50).version("2010-08-01").request(r#"{"namespace":"AWS/Lambda"}"#),
    write("monitoring", "PutMetricAlarm", 4).version("2010-08-01").request(r#"{"alarmName":"%alarm%","metricName":"Errors","namespace":"AWS/Lambda","statistic":"Sum","period":300,"evaluationPeriods":1,"threshold":5.0,"comparisonOperator":"GreaterThanThreshold","alarmActions":["arn:aws:sns:%region%:%account%:%topic%"]}"#),
    read("events", "ListRules", 30).request(r#"{"limit":100}"#),
    read("events", "DescribeRule", 30).request(r#"{"name":"%rule%"}"#).faults(&[fault(12_000, "ResourceNotFoundException", "Rule %rule% does not exist on EventBus default.")]),
    write("events", "PutRule", 2).by(By::People).request(r#"{"name":"%rule%","scheduleExpression":"rate(5 minutes)","state":"ENABLED"}"#).response(r#"{"ruleArn":"arn:aws:events:%region%:%account%:rule/%rule%"}"#),
    write("states", "StartExecution", 30).by(By::Apps).request(r#"{"stateMachineArn":"arn:aws:states:%region%:%account%:stateMachine:%machine%","name":"%uuid:3%","input":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#)
        .response(r#"{"executionArn":"arn:aws:states:%region%:%account%:execution:%machine%:%uuid:3%","startDate":"%longtime%"}"#),
    read("states", "DescribeExecution", 40).by(By::Apps).request(r#"{"executionArn":"arn:aws:states:%region%:%account%:execution:%machine%:%uuid:3%"}"#),
    read("codebuild", "BatchGetBuilds", 40).request(r#"{"ids":["%project%:%uuid:3%"]}"#),
    write("codebuild", "StartBuild", 5).request(r#"{"projectName":"%project%","sourceVersion":"%hex40%"}"#)
        .response(r#"{"build":{"id":"%project%:%uuid:3%","arn":"arn:aws:codebuild:%region%:%account%:build/%project%:%uuid:3%","buildNumber":%n4%,"startTime":"%longtime%","currentPhase":"QUEUED","buildStatus":"IN_PROGRESS","sourceVersion":"%hex40%","projectName":"%project%","initiator":"%caller%"}}"#),
    read("cloudformation", "DescribeStacks", 110).version("2010-05-15").request(r#"{"stackName":"%stack%"}"#)
        .faults(&[fault(20_000, "ValidationException", "Stack with id %stack% does not exist")]),
    read("cloudformation", "DescribeStackEvents", 60).version("2010-05-15").by(By::People).request(r#"{"stackName":"%stack%"}"#),
    write("cloudformation", "CreateChangeSet", 3).version("2010-05-15").by(By::People).request(r#"{"stackName":"%stack%","changeSetName":"deploy-%hex8%","changeSetType":"UPDATE","capabilities":["CAPABILITY_NAMED_IAM"],"templateURL":"https://%bucket%.s3.%region%.amazonaws.com/%hex32%.template"}"#)
        .response(r#"{"id":"arn:aws:cloudformation:%region%:%account%:changeSet/deploy-%hex8%/%uuid:2%","stackId":"arn:aws:cloudformation:%region%:%account%:stack/%stack%/%uuid:3%"}"#),
    write("cloudformation", "ExecuteChangeSet", 3).version("2010-05-15").by(By::People).request(r#"{"changeSetName":"deploy-%hex8%","stackName":"%stack%"}"#),
    read("apigateway", "GetRestApis", 15).by(By::People).request(r#"{"limit":500}"#),
    write("apigateway", "CreateDeployment", 1).by(By::People).request(r#"{"restApiId":"%api%","createDeploymentInput":{"stageName":"%stage%"}}"#).response(r#"{"id":"%hex6%","createdDate":"%longtime%"}"#),
];
