"""CloudWatch with Terraform: alarms, a composite alarm, a dashboard."""

from terraform import Terraform

CONFIGURATION = """
resource "aws_cloudwatch_metric_alarm" "root" {
  alarm_name          = "tf-root"
  alarm_description   = "root is used"
  namespace           = "Security"
  metric_name         = "RootAccountUsageCount"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  dimensions          = { Region = "us-east-1" }
  alarm_actions       = ["arn:aws:sns:us-east-1:123456789012:alerts"]
  tags                = { team = "audit" }
}

resource "aws_cloudwatch_metric_alarm" "rate" {
  alarm_name          = "tf-rate"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  threshold           = 5

  metric_query {
    id          = "rate"
    expression  = "100 * errors / calls"
    label       = "errors in per cent"
    return_data = true
  }
  metric_query {
    id = "errors"
    metric {
      namespace   = "App"
      metric_name = "Errors"
      period      = 60
      stat        = "Sum"
    }
  }
  metric_query {
    id = "calls"
    metric {
      namespace   = "App"
      metric_name = "Calls"
      period      = 60
      stat        = "Sum"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "slow" {
  alarm_name                            = "tf-slow"
  namespace                             = "App"
  metric_name                           = "Latency"
  extended_statistic                    = "p99"
  evaluate_low_sample_count_percentiles = "ignore"
  period                                = 60
  evaluation_periods                    = 2
  threshold                             = 1.5
  unit                                  = "Seconds"
  comparison_operator                   = "GreaterThanThreshold"
}

resource "aws_cloudwatch_composite_alarm" "both" {
  alarm_name = "tf-both"
  alarm_rule = "ALARM(${aws_cloudwatch_metric_alarm.root.alarm_name}) OR ALARM(${aws_cloudwatch_metric_alarm.rate.alarm_name})"
  actions_suppressor {
    alarm            = aws_cloudwatch_metric_alarm.slow.alarm_name
    wait_period      = 20
    extension_period = 10
  }
  tags = { team = "audit" }
}

variable "title" { default = "Security Events" }

resource "aws_cloudwatch_dashboard" "security" {
  dashboard_name = "tf-security"
  dashboard_body = jsonencode({
    widgets = [{
      type       = "metric"
      x          = 0
      y          = 0
      width      = 12
      height     = 6
      properties = { metrics = [["Security", "RootAccountUsageCount"]], period = 300, stat = "Sum", region = "us-east-1", title = var.title }
    }]
  })
}
"""


def test_round_trip(cairn, tmp_path):
    terraform = Terraform(cairn, tmp_path / "tf", CONFIGURATION)
    terraform.apply()
    terraform.nothing_to_do()
    terraform.apply(title="Other")
    terraform.nothing_to_do(title="Other")
    cloudwatch = cairn.client("cloudwatch")
    assert "Other" in cloudwatch.get_dashboard(DashboardName="tf-security")["DashboardBody"]
    assert {alarm["AlarmName"] for alarm in cloudwatch.describe_alarms(AlarmNamePrefix="tf-")["MetricAlarms"]} == {"tf-root", "tf-rate", "tf-slow"}
    terraform.destroy(title="Other")
    assert cloudwatch.describe_alarms(AlarmNamePrefix="tf-", AlarmTypes=["MetricAlarm", "CompositeAlarm"])["MetricAlarms"] == []
