//! Lists what the tables know: generations, their processors and banks, and every code.
//!
//! ```text
//! cargo run --example models                          every generation, one a line
//! cargo run --example models -- icelake-sp            one generation: processors, banks, codes
//! cargo run --example models -- --search patrol scrub every code, unit and processor with these words
//! cargo run --example models -- --json 6/85/4         the same as JSON
//! ```

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use mcekit::table::{Banks, Class, Cpu, Field, Model, Unit, When};
use mcekit_models::{by_name, models};
use serde_json::{Value, json};

/// Lists the processors, banks and codes that the tables know.
#[derive(Parser)]
#[command(name = "models")]
struct Args {
    /// A generation or processor: a name (skylake_server, zen4), family/model/stepping (6/55h/4), or a CPUID signature.
    processor: Option<String>,
    /// Show only what has all of these words in it, in any case.
    #[arg(short, long, num_args = 1.., value_name = "WORD")]
    search: Vec<String>,
    /// Write JSON.
    #[arg(short, long)]
    json: bool,
}

/// A unit with the banks that belong to it.
struct Place {
    banks: Vec<String>,
    unit: &'static Unit,
}

/// A field, the conditions under which it means something, and those of its codes that were asked for.
struct Table {
    field: &'static Field,
    conditions: Vec<When>,
    rows: Vec<&'static mcekit::table::Code>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let chosen: Vec<&'static Model> = match &args.processor {
        None => models().collect(),
        Some(name) => match by_name(name).and_then(|found| found.model) {
            Some(model) => vec![model],
            None => {
                eprintln!(
                    "models: no generation is called {name:?}; without a name, all are listed"
                );
                return ExitCode::from(2);
            }
        },
    };
    let words: Vec<String> = args.search.iter().map(|word| word.to_lowercase()).collect();
    let whole = args.processor.is_some() || !words.is_empty();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = if args.json {
        let list: Vec<Value> = chosen
            .iter()
            .filter_map(|model| object(model, &words, whole))
            .collect();
        serde_json::to_writer_pretty(&mut out, &list)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out))
    } else {
        chosen
            .iter()
            .try_for_each(|model| show(&mut out, model, &words, whole))
    };
    match written.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has seen enough.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("models: {e}");
            ExitCode::FAILURE
        }
    }
}

/// Whether a text has all the words.
fn has(text: &str, words: &[String]) -> bool {
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word))
}

/// The units of a model, each once, with their banks.
fn places(model: &Model) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let mut add = |bank: String, unit: &'static Unit| match places
        .iter_mut()
        .find(|place| std::ptr::eq(place.unit, unit))
    {
        Some(place) => place.banks.push(bank),
        None => places.push(Place {
            banks: vec![bank],
            unit,
        }),
    };
    match model.banks {
        Banks::Architectural => {}
        Banks::Numbered(banks) => {
            for bank in banks {
                let range = if bank.first == bank.last {
                    bank.first.to_string()
                } else {
                    format!("{}-{}", bank.first, bank.last)
                };
                add(range, bank.unit);
            }
        }
        Banks::Ipid(own, shared) => {
            let replaced = |id| own.iter().any(|bank| bank.hwid == id);
            let shared = shared.iter().filter(|bank| !replaced(bank.hwid));
            for bank in own.iter().chain(shared) {
                add(
                    format!("{:#x}:{:#x}", bank.hwid.hwid, bank.hwid.mca_type),
                    bank.unit,
                );
            }
        }
    }
    places
}

/// The fields of a unit, with those of their codes that have the words; all of them where the unit itself has.
fn tables(unit: &'static Unit, words: &[String]) -> Vec<Table> {
    let all = has(&format!("{} {}", unit.id, unit.name), words);
    let grouped = unit.grouped().iter().flat_map(|group| {
        group
            .fields()
            .iter()
            .map(|field| (group.conditions(), *field))
    });
    let plain = unit.fields().iter().map(|field| (&[][..], *field));
    plain
        .chain(grouped)
        .filter_map(|(when, field)| {
            let named = all || has(field.name(), words);
            let rows: Vec<_> = field
                .rows()
                .filter(|row| {
                    named || has(row.text, words) || row.class.is_some_and(|c| has(c.name(), words))
                })
                .collect();
            let conditions = when.iter().chain(field.conditions()).copied().collect();
            (named || !rows.is_empty()).then_some(Table {
                field,
                conditions,
                rows,
            })
        })
        .collect()
}

/// A processor as family and model, in hex.
fn processor(cpu: &Cpu) -> String {
    let mut text = format!("{:#x}/{:#x}", cpu.family, cpu.first_model);
    if cpu.last_model != cpu.first_model {
        text += &format!("-{:#x}", cpu.last_model);
    }
    if (cpu.first_stepping, cpu.last_stepping) != (0, 15) {
        text += &format!(" steppings {}-{}", cpu.first_stepping, cpu.last_stepping);
    }
    format!("{text} {}", cpu.name)
}

/// The processors that have the words, or all where the generation itself has.
fn processors(model: &Model, words: &[String]) -> Vec<String> {
    let all = has(
        &format!("{} {} {}", model.id, model.name, model.aliases.join(" ")),
        words,
    );
    model
        .cpus
        .iter()
        .map(processor)
        .filter(|cpu| all || has(cpu, words))
        .collect()
}

fn bits(field: &Field) -> String {
    let parts: Vec<String> = field.parts().map(|part| part.to_string()).collect();
    format!("{:?}[{}]", field.register(), parts.join(","))
}

fn show(
    out: &mut impl Write,
    model: &'static Model,
    words: &[String],
    whole: bool,
) -> io::Result<()> {
    if !whole {
        let kind = match model.banks {
            Banks::Architectural => "architectural".to_owned(),
            Banks::Numbered(banks) => format!(
                "{} banks",
                banks.iter().map(|b| b.last - b.first + 1).sum::<u8>()
            ),
            Banks::Ipid(own, shared) => format!("{} units", own.len() + shared.len()),
        };
        return writeln!(out, "{:20} {:14} {}", model.id, kind, model.name);
    }
    let cpus = processors(model, words);
    let units: Vec<(Place, Vec<Table>)> = places(model)
        .into_iter()
        .map(|place| {
            let tables = tables(place.unit, words);
            (place, tables)
        })
        .filter(|(place, tables)| {
            !tables.is_empty() || has(&format!("{} {}", place.unit.id, place.unit.name), words)
        })
        .collect();
    if cpus.is_empty() && units.is_empty() && !has(&format!("{} {}", model.id, model.name), words) {
        return Ok(());
    }
    writeln!(out, "{} ({})", model.name, model.id)?;
    for cpu in cpus {
        writeln!(out, "  {cpu}")?;
    }
    for (place, tables) in units {
        writeln!(
            out,
            "  bank {}: {}, {}",
            place.banks.join(", "),
            place.unit.id,
            place.unit.name
        )?;
        for Table {
            field,
            conditions,
            rows,
        } in tables
        {
            let when = if conditions.is_empty() {
                ""
            } else {
                " (under conditions)"
            };
            writeln!(out, "    {} {}{when}", bits(field), field.name())?;
            for row in rows {
                let class = row
                    .class
                    .map_or(String::new(), |class| format!(" [{}]", class.name()));
                writeln!(out, "      {:#x} {}{class}", row.value, row.text)?;
            }
        }
    }
    Ok(())
}

fn object(model: &'static Model, words: &[String], whole: bool) -> Option<Value> {
    let cpus: Vec<Value> = model
        .cpus
        .iter()
        .map(|cpu| {
            json!({
                "family": cpu.family, "first_model": cpu.first_model, "last_model": cpu.last_model,
                "first_stepping": cpu.first_stepping, "last_stepping": cpu.last_stepping, "name": cpu.name,
            })
        })
        .collect();
    let mut object = json!({
        "id": model.id, "name": model.name, "aliases": model.aliases,
        "vendor": model.vendor.name(), "cpus": cpus,
        "architectural": matches!(model.banks, Banks::Architectural),
    });
    if !whole {
        return Some(object);
    }
    let units: Vec<Value> = places(model)
        .into_iter()
        .filter_map(|place| {
            let tables = tables(place.unit, words);
            let named = has(&format!("{} {}", place.unit.id, place.unit.name), words);
            if tables.is_empty() && !named {
                return None;
            }
            let fields: Vec<Value> = tables.iter().map(table).collect();
            Some(json!({"id": place.unit.id, "name": place.unit.name, "banks": place.banks, "fields": fields}))
        })
        .collect();
    let named = has(&format!("{} {}", model.id, model.name), words);
    if units.is_empty() && processors(model, words).is_empty() && !named {
        return None;
    }
    object["units"] = units.into();
    Some(object)
}

fn table(table: &Table) -> Value {
    let codes: Vec<Value> = table
        .rows
        .iter()
        .map(|row| json!({"code": format!("{:#x}", row.value), "text": row.text, "class": row.class.map(Class::name)}))
        .collect();
    json!({
        "name": table.field.name(),
        "bits": bits(table.field),
        "conditions": table.conditions.iter().map(|when| format!("{when:?}")).collect::<Vec<_>>(),
        "codes": codes,
    })
}
