//! Anomaly detectors: none are trained here. Putting one is refused, so that nobody waits for a band that never comes.

use serde::{Deserialize, Serialize};

use super::Nothing;
use crate::Error;

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Described {
    anomaly_detectors: Vec<()>,
}

operation! {
    /// Is refused.
    PutAnomalyDetector on "*" ignores ["Namespace", "MetricName", "Dimensions", "Stat", "Configuration", "MetricCharacteristics", "SingleMetricAnomalyDetector", "MetricMathAnomalyDetector"]: Nothing => (), |_cloudwatch, _call, _input| {
        Err(Error::value("Anomaly detection is not supported: this server trains no models.").into())
    }
}

operation! {
    /// There is none.
    DeleteAnomalyDetector on "*" ignores ["Namespace", "MetricName", "Dimensions", "Stat", "SingleMetricAnomalyDetector", "MetricMathAnomalyDetector"]: Nothing => (), |_cloudwatch, _call, _input| {
        Err(Error::ResourceNotFoundException("Anomaly detector does not exist.".to_owned()).into())
    }
}

/// See the model.
#[derive(Deserialize)]
pub struct DescribeInput {}

operation! {
    /// There are none.
    DescribeAnomalyDetectors on "*" ignores ["NextToken", "MaxResults", "Namespace", "MetricName", "Dimensions", "AnomalyDetectorTypes"]: DescribeInput => Described, |_cloudwatch, _call, _input| {
        Ok(Described { anomaly_detectors: Vec::new() })
    }
}
