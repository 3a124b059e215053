//! A small service that has every kind of shape in every place, in each protocol.

use model::{Model, Operation};

const SHAPES: &str = r#"{
  "Empty": {"type": "structure", "members": {}},
  "Body": {"type": "structure", "members": {
    "Text": {"shape": "Text"}, "Flag": {"shape": "Flag"}, "Small": {"shape": "Small"}, "Big": {"shape": "Big"},
    "Single": {"shape": "Single"}, "Real": {"shape": "Real"}, "Bytes": {"shape": "Bytes"}, "When": {"shape": "When"},
    "WhenText": {"shape": "When", "timestampFormat": "iso8601"},
    "Renamed": {"shape": "Text", "locationName": "renamed-on-the-wire"},
    "Texts": {"shape": "Texts"}, "Flat": {"shape": "FlatTexts"}, "Table": {"shape": "Table"}, "FlatTable": {"shape": "FlatTable"},
    "Many": {"shape": "Many"}, "Inner": {"shape": "Inner"}, "Choice": {"shape": "Choice"}}},
  "Inner": {"type": "structure", "members": {
    "Mark": {"shape": "Text", "xmlAttribute": true, "locationName": "xsi:mark"},
    "Deeper": {"shape": "Inner"}, "Numbers": {"shape": "Numbers"}}},
  "Choice": {"type": "structure", "union": true, "members": {"A": {"shape": "Text"}, "B": {"shape": "Small"}}},
  "Texts": {"type": "list", "member": {"shape": "Text"}},
  "Numbers": {"type": "list", "member": {"shape": "Small", "locationName": "Number"}},
  "FlatTexts": {"type": "list", "flattened": true, "member": {"shape": "Text"}},
  "Many": {"type": "list", "member": {"shape": "Inner"}},
  "Table": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Inner"}},
  "FlatTable": {"type": "map", "flattened": true, "key": {"shape": "Text", "locationName": "Name"},
    "value": {"shape": "Small", "locationName": "Value"}},
  "Rest": {"type": "structure", "required": ["Id"], "members": {
    "Id": {"shape": "Text", "location": "uri", "locationName": "Id"},
    "Page": {"shape": "Small", "location": "querystring", "locationName": "page"},
    "Word": {"shape": "Text", "location": "header", "locationName": "X-Word"},
    "Words": {"shape": "Texts", "location": "header", "locationName": "X-Words"},
    "Since": {"shape": "When", "location": "header", "locationName": "X-Since"},
    "Dates": {"shape": "Dates", "location": "header", "locationName": "X-Dates"},
    "Level": {"shape": "Small", "location": "header", "locationName": "X-Level"},
    "Ratio": {"shape": "Real", "location": "header", "locationName": "X-Ratio"},
    "On": {"shape": "Flag", "location": "header", "locationName": "X-On"},
    "Json": {"shape": "Text", "jsonvalue": true, "location": "header", "locationName": "X-Json"},
    "Meta": {"shape": "Meta", "location": "headers", "locationName": "x-meta-"},
    "Inner": {"shape": "Inner"}, "Text": {"shape": "Text"}}},
  "Dates": {"type": "list", "member": {"shape": "When"}},
  "Meta": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
  "Paged": {"type": "structure", "members": {"Body": {"shape": "Body"}}, "payload": "Body"},
  "Anything": {"type": "structure", "document": true, "members": {}},
  "Documents": {"type": "structure", "members": {"Any": {"shape": "Anything"}, "Body": {"shape": "Body"}}},
  "Oops": {"type": "structure", "exception": true, "error": {"code": "Oops.Wire", "httpStatusCode": 409, "senderFault": true},
    "members": {"Message": {"shape": "Text"}, "Count": {"shape": "Small"},
      "Retry": {"shape": "Small", "location": "header", "locationName": "Retry-After"}}},
  "Text": {"type": "string"}, "Flag": {"type": "boolean"}, "Small": {"type": "integer"}, "Big": {"type": "long"},
  "Single": {"type": "float"}, "Real": {"type": "double"}, "Bytes": {"type": "blob"}, "When": {"type": "timestamp"}
}"#;

/// The service in this protocol: operations `Body`, `Rest`, `Paged` and `Documents`, each with the same input and output.
pub fn model(protocol: &str) -> Model {
    let operation = |name: &str, method: &str, uri: &str| {
        format!(
            r#""{name}": {{"name": "{name}", "http": {{"method": "{method}", "requestUri": "{uri}"}},
            "input": {{"shape": "{name}"}}, "output": {{"shape": "{name}", "resultWrapper": "{name}Result"}},
            "errors": [{{"shape": "Oops"}}]}}"#
        )
    };
    let operations = [
        operation("Body", "POST", "/"),
        operation("Rest", "PUT", "/rest/{Id}?fixed"),
        operation("Paged", "PUT", "/paged"),
        operation("Documents", "PUT", "/documents"),
    ];
    let json = format!(
        r#"{{"metadata": {{"protocol": "{protocol}", "apiVersion": "2020-01-01", "jsonVersion": "1.1",
        "targetPrefix": "Small", "endpointPrefix": "small", "serviceId": "Small"}},
        "operations": {{{}}}, "shapes": {SHAPES}}}"#,
        operations.join(",")
    );
    model::load("small", json.as_bytes()).unwrap()
}

pub fn operation<'m>(model: &'m Model, name: &str) -> &'m Operation {
    &model.operations[name]
}
