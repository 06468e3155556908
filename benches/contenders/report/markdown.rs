//! The table, as it goes into `docs/benchmarks.md`.

use super::{
    GOALS, Line, Report,
    goals::{Bound, Goal, Of},
    numbers::{median, ratio, short, spread},
};

pub(crate) fn print(report: &Report) {
    println!(
        "| row | contender | median | spread | headcount ÷ it | server CPU, µs each | harness CPU, µs each |"
    );
    println!("| --- | --- | ---: | --- | ---: | ---: | ---: |");
    for line in &report.lines {
        print_line(report, line);
    }
    print_goals(report);
    for note in &report.notes {
        println!("\n{note}");
    }
    for skipped in &report.skipped {
        println!("\nSkipped: {skipped}");
    }
}

fn print_line(report: &Report, line: &Line) {
    let (least, greatest) = spread(&line.values);
    let ratios: Vec<_> = report
        .lines
        .iter()
        .filter(|ours| {
            let is_ours = ours.contender.starts_with("headcount");
            is_ours && ours.row == line.row && ours.unit == line.unit
        })
        .filter_map(|ours| ratio(&ours.values, &line.values))
        .map(short)
        .collect();
    let ratios = match line.contender.starts_with("headcount") {
        true => String::new(),
        false => ratios.join(" / "),
    };
    println!(
        "| {} | {} | {} {} | {} to {} | {ratios} | {} | {} |",
        line.row,
        line.contender,
        median(&line.values).map(short).unwrap_or_default(),
        line.unit,
        short(least),
        short(greatest),
        median(&line.cpu).map(short).unwrap_or_default(),
        median(&line.own_cpu).map(short).unwrap_or_default(),
    );
}

fn print_goals(report: &Report) {
    let mut is_first = true;
    for goal in GOALS {
        let Some(reached) = reached(report, goal) else {
            continue;
        };
        if std::mem::take(&mut is_first) {
            println!("\n| goal | wanted | reached | |\n| --- | --- | ---: | --- |");
        }
        print_goal(goal, reached);
    }
}

fn reached(report: &Report, goal: &Goal) -> Option<f64> {
    let ours = report.line(goal.row, goal.ours, goal.unit)?;
    let theirs = || report.line(goal.row, goal.theirs, goal.unit);
    match goal.of {
        Of::Value => ratio(&ours.values, &theirs()?.values),
        Of::Cpu => ratio(&ours.cpu, &theirs()?.cpu),
        Of::Alone => median(&ours.values),
    }
}

fn print_goal(goal: &Goal, reached: f64) {
    let (wanted, is_met) = match goal.bound {
        Bound::AtLeast(bound) => (format!("at least {}", short(bound)), reached >= bound),
        Bound::AtMost(bound) => (format!("at most {}", short(bound)), reached <= bound),
    };
    let what = match goal.of {
        Of::Value => format!("{}: {} ÷ {}", goal.unit, goal.ours, goal.theirs),
        Of::Cpu => format!("server CPU: {} ÷ {}", goal.ours, goal.theirs),
        Of::Alone => format!("{}: {}", goal.unit, goal.ours),
    };
    let verdict = if is_met { "met" } else { "**missed**" };
    println!(
        "| {}, {what} | {wanted} | {} | {verdict} |",
        goal.row,
        short(reached)
    );
}
