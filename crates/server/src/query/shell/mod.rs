//! A shell for statements: a prompt, lines that can be edited and remembered, and a few commands about the shell itself.

mod buffer;
mod editor;
mod history;
mod words;

use std::path::PathBuf;

use base::Env;

use super::show::Shape;
use super::{Asked, Ended, Interrupt, Output, statements};
use crate::commands::Failure;
use crate::terminal::{clean, print};
use editor::{Editor, Input};
use history::History;
use words::Words;

/// What the shell waits with.
const PROMPT: &str = "cairn> ";

const HELP: &str = "\
A statement ends with a semicolon and may have several lines. Ctrl-C clears it, or cancels the query that runs; Ctrl-D leaves.
  \\d               tables
  \\d TABLE         columns of a table
  \\o SHAPE         show results as table, csv or json from now on
  \\o SHAPE FILE    write the next result into a file: parquet, csv, json or table
  \\timing          say how much was read and how long it took, or stop saying it
  help, \\?         this text
  quit, exit, \\q   leave
Arrows move, also through what was asked before; Tab completes names; Ctrl-A and Ctrl-E go to the begin and end of a line, Ctrl-W removes a
word, Ctrl-U and Ctrl-K what stands before and behind the cursor, Ctrl-L clears the screen.";

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
enum Typed {
    Statements,
    Nothing,
    Quit,
    Help,
    Tables,
    Columns(String),
    Shape(Shape, Option<PathBuf>),
    Timing,
    Wrong(String),
}

impl Typed {
    fn of(text: &str) -> Typed {
        let text = text.trim();
        let plain = text.trim_end_matches(';').trim_end();
        let mut words = plain.split_whitespace();
        let first = words.next().unwrap_or_default();
        let rest: Vec<&str> = words.collect();
        match (first.to_lowercase().as_str(), rest.as_slice()) {
            ("", _) => Typed::Nothing,
            ("quit" | "exit" | "\\q", []) => Typed::Quit,
            ("help" | "\\?" | "\\h", []) => Typed::Help,
            ("\\d", []) => Typed::Tables,
            ("\\d", [table]) => Typed::Columns((*table).to_owned()),
            ("\\timing", []) => Typed::Timing,
            ("\\o", [shape, file @ ..]) if file.len() <= 1 => {
                let file = file.first().map(PathBuf::from);
                match <Shape as clap::ValueEnum>::from_str(shape, true) {
                    Ok(Shape::Parquet) if file.is_none() => {
                        Typed::Wrong("Parquet is nothing for a terminal: \\o parquet FILE".to_owned())
                    }
                    Ok(shape) => Typed::Shape(shape, file),
                    Err(_) => Typed::Wrong(format!("there is no shape {shape}: table, csv, json, parquet")),
                }
            }
            ("\\o", _) => Typed::Wrong("\\o SHAPE, or \\o SHAPE FILE".to_owned()),
            (command, _) if command.starts_with('\\') => Typed::Wrong(format!("there is no command {first}: see help")),
            _ => Typed::Statements,
        }
    }
}

/// Whether what was typed can be carried out: a command is a line, a statement ends with a semicolon.
fn is_done(text: &str) -> bool {
    Typed::of(text) != Typed::Statements || statements::is_whole(text)
}

/// Reads and answers until somebody leaves.
pub async fn run(env: &Env, asked: &mut Asked<'_>, output: &mut Output) -> Result<(), Failure> {
    let history = History::open(env);
    let mut editor = Editor::new(history, Words::new(&tables(asked)));
    editor.say("SQL, ended by a semicolon; help shows what else there is.\n");
    if let Asked::Files(files) = asked {
        editor.say(&format!("Tables: {}\n", files.tables().join(", ")));
    }
    // A file that was named is for the first result.
    let mut next = output.into.take().map(|into| Output { into: Some(into), ..output.clone() });
    if next.is_some() || !output.takes_several() {
        output.shape = Shape::Table;
    }
    let mut timing = true;
    loop {
        // Listens before the key can mean this: as long as a line is read it is a key.
        let interrupt = Interrupt::listen()?;
        let text = match editor.read(PROMPT, &is_done)? {
            Input::Text(text) => text,
            Input::Cleared => continue,
            Input::End => return Ok(()),
        };
        match Typed::of(&text) {
            Typed::Nothing => continue,
            Typed::Quit => return Ok(()),
            Typed::Help => editor.say(&format!("{HELP}\n")),
            Typed::Timing => {
                timing = !timing;
                editor.say(if timing { "Times are told.\n" } else { "Times are not told.\n" });
            }
            Typed::Shape(shape, None) => output.shape = shape,
            Typed::Shape(shape, into) => next = Some(Output { shape, into }),
            Typed::Wrong(why) => editor.say(&format!("{}\n", lines(&why))),
            Typed::Tables => match list(asked).await {
                Ok(text) => show(&text),
                Err(error) => editor.say(&format!("{}\n", lines(&error.to_string()))),
            },
            Typed::Columns(table) => match columns(asked, &table) {
                Ok(text) => show(&text),
                Err(error) => editor.say(&format!("{}\n", lines(&error.to_string()))),
            },
            Typed::Statements => {
                for statement in statements::split(&text) {
                    let into = next.take();
                    let ended =
                        asked.ask(env, &statement, into.as_ref().unwrap_or(output), interrupt.pressed.clone()).await;
                    match ended {
                        Ok(Ended::Told(told)) if timing => editor.say(&format!("{}\n", told.line())),
                        Ok(Ended::Told(_) | Ended::Quietly) => {}
                        Ok(Ended::Closed) => return Ok(()),
                        Err(error) => {
                            editor.say(&format!("{}\n", lines(&error.to_string())));
                            break;
                        }
                    }
                }
            }
        }
        editor.remember(env, text.trim());
    }
}

/// Prints what is no result of a statement.
fn show(text: &str) {
    // A terminal that is gone says so when it is read.
    let _ = print(text);
}

/// A text of several lines, each without what would steer a terminal.
fn lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

/// What knows the columns of tables.
fn known<'a>(asked: &'a Asked<'_>) -> &'a super::local::Local {
    match asked {
        Asked::Server(_, known) => known,
        Asked::Files(files) => files,
    }
}

/// Names to complete.
fn tables(asked: &Asked<'_>) -> Vec<String> {
    let known = known(asked);
    let tables = known.tables();
    let columns = tables.iter().filter_map(|table| known.columns_of(table).ok()).flatten();
    let mut names: Vec<String> = columns.map(|column| column.name).collect();
    names.extend(tables);
    names
}

/// The tables, one on a line.
async fn list(asked: &Asked<'_>) -> Result<String, Failure> {
    let mut text = String::new();
    for table in known(asked).tables() {
        text.push_str(&format!("{}\n", clean(&table)));
    }
    if let Asked::Server(server, _) = asked {
        for (name, id) in server.stores().await? {
            text.push_str(&format!("{}  {}\n", clean(&id), clean(&name)));
        }
    }
    Ok(text)
}

/// The columns of a table, one on a line with its type. What is no name of a server's table is an event data store, and all have the same.
fn columns(asked: &Asked<'_>, table: &str) -> Result<String, Failure> {
    let known = known(asked);
    let table = match asked {
        Asked::Server(..) => known.tables().first().cloned().unwrap_or_default(),
        Asked::Files(_) => table.to_owned(),
    };
    let columns = known.columns_of(&table)?;
    let width = columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0);
    let line = |column: &ports::lake::Column| format!("{:width$}  {}\n", clean(&column.name), clean(&column.r#type));
    Ok(columns.iter().map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_a_command_or_sql() {
        let check = |text: &str, typed: Typed| assert_eq!(Typed::of(text), typed, "{text}");
        check("  ", Typed::Nothing);
        check(";", Typed::Nothing);
        check("quit;", Typed::Quit);
        check("\\Q", Typed::Quit);
        check("help", Typed::Help);
        check("\\d", Typed::Tables);
        check("\\d Events;", Typed::Columns("Events".to_owned()));
        check("\\o CSV", Typed::Shape(Shape::Csv, None));
        check("\\o parquet a.parquet", Typed::Shape(Shape::Parquet, Some(PathBuf::from("a.parquet"))));
        check("\\timing", Typed::Timing);
        check("SELECT 1", Typed::Statements);
        check("help me", Typed::Statements);
        for wrong in ["\\o", "\\o parquet", "\\o xml", "\\x", "\\o csv a b"] {
            assert!(matches!(Typed::of(wrong), Typed::Wrong(_)), "{wrong}");
        }
        assert!(is_done("\\d") && is_done("SELECT 1;") && !is_done("SELECT 1"));
    }
}
