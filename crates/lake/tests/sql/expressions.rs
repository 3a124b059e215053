//! Each line of `expressions.txt`: what an expression shows, and its type; once as the engine folds it, once row by row.

use ports::lake::Dialect;

use crate::world::{Place, World, request};

/// What an expression shows.
async fn shown(world: &World, sql: &str) -> String {
    match world.ask(request(sql, Dialect::Lake)).await {
        Err(error) => format!("error: {error}"),
        Ok(table) => {
            let value = table.rows[0][0].clone().unwrap_or_else(|| "NULL".to_owned());
            format!("{value} : {}", table.columns[0].r#type)
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn expressions_show_what_trino_shows() {
    let world = World::new("", Place::Parts).await;
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in include_str!("expressions.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (expression, expected) = line.rsplit_once(" => ").unwrap_or_else(|| panic!("{line}"));
        count += 1;
        let is = shown(&world, &format!("SELECT {expression}")).await;
        if is != expected {
            wrong.push(format!("{expression}\n      is {is}\n  not is {expected}"));
        }
    }
    assert!(count > 200, "{count}");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
