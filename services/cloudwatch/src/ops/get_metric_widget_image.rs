//! GetMetricWidgetImage: a picture of a widget.

use base::Region;
use model::Blob;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use service::ApiError;

use crate::alarms::{Source, Watches};
use crate::error::storage;
use crate::math::Value;
use crate::query::Queries;
use crate::widget::{self, Fill, INKS, Ink, Line, Mark, Moment, Picture, Widget};
use crate::{CloudWatch, Error, label};

/// The size of a picture, if the widget says none. Source: CloudWatch API reference, GetMetricWidgetImage.
const SIZE: (u32, u32) = (600, 400);
/// Lines of a picture.
const LINES_MAX: usize = 100;
/// What alarms' thresholds are drawn in.
const RED: Ink = Ink(0xd1, 0x32, 0x12, 255);

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    metric_widget: String,
    output_format: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    metric_widget_image: Blob,
}

operation! {
    /// A picture of a widget.
    GetMetricWidgetImage on "*": Input => Output, |cloudwatch, call, input| {
        if let Some(format) = &input.output_format
            && !["png", "image/png"].contains(&format.as_str())
        {
            return Err(Error::validation(format!("OutputFormat {format} is not supported: it must be png or image/png.")).into());
        }
        let widget = Widget::parse(&input.metric_widget).map_err(Error::validation)?;
        let picture = picture(cloudwatch, call.region, widget, call.time.ms()).await?;
        // Drawing takes a processor for some milliseconds.
        let drawn = worker::blocking(move || widget::draw(&picture)).await.map_err(ApiError::internal)?;
        let png = drawn.ok_or_else(|| ApiError::internal("a widget could not be drawn"))?;
        Ok(Output { metric_widget_image: Blob(png.into()) })
    }
}

/// What the widget shows.
async fn picture(
    cloudwatch: &CloudWatch,
    region: Region,
    mut widget: Widget,
    now_ms: i64,
) -> Result<Picture, ApiError> {
    let (start_ms, end_ms) = widget.span(now_ms).map_err(Error::validation)?;
    let region = match &widget.region {
        Some(name) => Region::parse(name)
            .ok_or_else(|| Error::validation(format!("MetricWidget is not valid: {name} is no region")))?,
        None => region,
    };
    let annotations = widget.annotations.take().unwrap_or_default();
    let mut marks: Vec<Mark> = annotations.horizontal.iter().filter_map(mark).collect();
    for text in &annotations.alarms {
        alarm(cloudwatch, region, &mut widget, text, &mut marks);
    }
    let rows = widget::metrics(&widget.metrics)
        .map_err(|(at, why)| Error::validation(format!("MetricWidget is not valid: /metrics/{at}: {why}")))?;
    let queries = Queries::new(widget.queries(&rows, end_ms - start_ms)).map_err(Error::validation)?;
    let shortest =
        queries.all.iter().filter_map(|query| query.metric_stat.as_ref().map(|stat| stat.period)).min().unwrap_or(60);
    // Periods as their own clock has them, so that a picture drawn a minute later shows the same.
    let step = shortest.max(1) * 1000;
    let start_aligned = start_ms.div_euclid(step) * step;
    let mut values = cloudwatch.evaluate(region, &queries, start_aligned, end_ms).await.map_err(storage)?;
    let mut lines = Vec::new();
    for (row, query) in rows.iter().zip(&queries.all) {
        if !row.is_visible() {
            continue;
        }
        let value = match values.remove(&query.id) {
            Some(Ok(value)) => value,
            Some(Err(why)) => {
                return Err(Error::validation(format!("Error in expression '{}': {why}", query.id)).into());
            }
            None => continue,
        };
        let found = match value {
            Value::Scalar(number) => {
                let period = query.period.unwrap_or_else(|| queries.period());
                let points = crate::query::times(start_aligned, end_ms, period).into_iter().map(|at| (at, number));
                vec![crate::math::Line::new(query.id.clone(), period, points.collect())]
            }
            value => value.lines().to_vec(),
        };
        let given = row.text("color").and_then(Ink::parse);
        for line in found {
            let usual =
                if row.metric.is_none() && line.label.is_empty() { query.id.clone() } else { line.label.clone() };
            let text = query.label.as_ref().map_or_else(|| usual.clone(), |text| label::fill(text, &line, &usual));
            lines.push(Line {
                label: text,
                ink: given.unwrap_or(INKS[lines.len() % INKS.len()]),
                is_right: row.text("yAxis") == Some("right"),
                period_ms: line.period * 1000,
                points: line.points.into_iter().collect(),
            });
        }
    }
    lines.truncate(LINES_MAX);
    let axes = widget.y_axis.clone().unwrap_or_default();
    let (left, right) = (axes.left.unwrap_or_default(), axes.right.unwrap_or_default());
    Ok(Picture {
        width: widget.width.unwrap_or(SIZE.0),
        height: widget.height.unwrap_or(SIZE.1),
        offset_ms: widget.offset_ms(),
        title: widget.title,
        view: widget.view,
        is_stacked: widget.stacked,
        is_dark: widget.theme.as_deref() == Some("dark"),
        has_legend: widget.legend.as_ref().and_then(|legend| legend.position.as_deref()) != Some("hidden"),
        start_ms,
        end_ms,
        lines,
        marks,
        moments: annotations.vertical.iter().filter_map(moment).collect(),
        left: (left.min, left.max),
        right: (right.min, right.max),
        left_label: left.label,
        right_label: right.label,
    })
}

/// An alarm's metric and threshold.
fn alarm(cloudwatch: &CloudWatch, region: Region, widget: &mut Widget, text: &str, marks: &mut Vec<Mark>) {
    let Some(name) = cloudwatch.alarm_name(region, text) else { return };
    let Some(alarm) = cloudwatch.alarms.see(|memory| memory.alarm(name.0, &name.1).cloned()) else { return };
    let Watches::Metric(metric) = &alarm.watches else { return };
    if let Source::One { metric: watched, stat, period, .. } = &metric.source {
        let watched = watched.metric();
        let mut row = vec![Json::from(watched.namespace), Json::from(watched.name)];
        row.extend(watched.dimensions.into_iter().flat_map(|(name, value)| [Json::from(name), Json::from(value)]));
        row.push(serde_json::json!({"stat": stat, "period": period}));
        widget.metrics.push(Json::Array(row));
    }
    if widget.title.is_none() {
        widget.title = Some(alarm.name.clone());
    }
    let fill = if metric.comparison.is_upward() { Fill::Above } else { Fill::Below };
    let label = format!("{} {}", metric.comparison.words(), label::show(metric.threshold));
    marks.push(Mark { value: metric.threshold, label, ink: RED, fill, is_right: false });
}

/// A horizontal annotation: a value, or two between which is filled.
fn mark(value: &Json) -> Option<Mark> {
    let pair = value.as_array();
    let one = pair.map_or(Some(value), |pair| pair.first())?;
    let until = pair.and_then(|pair| pair.get(1)).and_then(|other| other["value"].as_f64());
    let fill = match (until, one["fill"].as_str()) {
        (Some(until), _) => Fill::Until(until),
        (None, Some("above")) => Fill::Above,
        (None, Some("below")) => Fill::Below,
        _ => Fill::Nothing,
    };
    Some(Mark {
        value: one["value"].as_f64()?,
        label: one["label"].as_str().unwrap_or_default().to_owned(),
        ink: one["color"].as_str().and_then(Ink::parse).unwrap_or(RED),
        fill,
        is_right: one["yAxis"].as_str() == Some("right"),
    })
}

/// A vertical annotation.
fn moment(value: &Json) -> Option<Moment> {
    let one = value.as_array().map_or(Some(value), |pair| pair.first())?;
    Some(Moment {
        at_ms: base::Timestamp::parse_iso8601(one["value"].as_str()?)?.ms(),
        label: one["label"].as_str().unwrap_or_default().to_owned(),
        ink: one["color"].as_str().and_then(Ink::parse).unwrap_or(RED),
    })
}
