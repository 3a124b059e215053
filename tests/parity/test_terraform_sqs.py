"""Terraform's `aws_sqs_*` resources: apply, an empty second plan, a change, an empty plan again, destroy."""

import pytest

from terraform import Terraform

TEXT = """
variable "stage" { default = "one" }

resource "aws_sqs_queue" "dead" {
  name = "terraform-dead"
}

resource "aws_sqs_queue" "main" {
  name                       = "terraform-main"
  visibility_timeout_seconds = var.stage == "one" ? 45 : 60
  message_retention_seconds  = 86400
  tags                       = { stage = var.stage }
}

resource "aws_sqs_queue" "ordered" {
  name                        = "terraform-ordered.fifo"
  fifo_queue                  = true
  content_based_deduplication = true
  deduplication_scope         = "messageGroup"
  fifo_throughput_limit       = "perMessageGroupId"
}

resource "aws_sqs_queue_redrive_policy" "main" {
  queue_url      = aws_sqs_queue.main.id
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 4 })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url            = aws_sqs_queue.dead.id
  redrive_allow_policy = jsonencode({ redrivePermission = "byQueue", sourceQueueArns = [aws_sqs_queue.main.arn] })
}

resource "aws_sqs_queue_policy" "main" {
  queue_url = aws_sqs_queue.main.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Topics"
      Effect    = "Allow"
      Principal = { Service = "sns.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.main.arn
    }]
  })
}
"""


# The provider waits for queues to settle, half a minute for each change.
@pytest.mark.timeout(900)
def test_queues_and_their_policies(cairn, tmp_path):
    terraform = Terraform(cairn, tmp_path, TEXT)
    terraform.apply()
    terraform.nothing_to_do()
    terraform.apply(stage="two")
    terraform.nothing_to_do(stage="two")
    sqs = cairn.client("sqs")
    url = sqs.get_queue_url(QueueName="terraform-main")["QueueUrl"]
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"] == {"VisibilityTimeout": "60"}
    terraform.destroy(stage="two")
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="terraform-")
